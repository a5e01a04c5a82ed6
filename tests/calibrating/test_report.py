"""The report is one file without anything from elsewhere, and hostile names stay text."""

import re

import numpy as np

from monitor.analysis.calibration import Observed, calibrated, class_rules, joint_fit, own_fit
from monitor.analysis.returns import DAY_NS, GRIDS
from monitor.calibrating.history import Faults, PriceHistory
from monitor.calibrating.parameters import GridCalibration, answer_of
from monitor.calibrating.report import report_of

NAMES = ("BTC", "<script>alert(1)</script>", "NEW")


def made() -> tuple[list[PriceHistory], GridCalibration]:
    generator = np.random.default_rng(1)
    histories, observed = [], []
    for name in NAMES:
        returns = generator.standard_t(4, size=30 if name == "NEW" else 600) * 0.02
        times = np.arange(len(returns) + 1) * DAY_NS
        prices = np.cumprod(np.append(1.0, 1.0 + returns))
        faults = Faults(duplicate=2)
        histories.append(
            PriceHistory(symbol=name, times_ns=times, prices=prices, faults=faults, source="f")
        )
        observed.append(
            Observed(symbol=name, grid=GRIDS[2], ends_ns=times[1:], returns=returns, gaps=(3, 1))
        )
    fits = [own_fit(one) for one in observed]
    rules = class_rules(fits)
    found = tuple(calibrated(fit, rules) for fit in fits)
    return histories, GridCalibration(
        grid="1d", rules=rules, instruments=found, joint=joint_fit(observed)
    )


def test_a_report_says_what_was_left_out_replaced_and_fitted() -> None:
    histories, calibration = made()
    page = report_of(histories, [calibration])
    assert "<script" not in page
    assert not re.findall(r"(?:src|href)=", page)
    assert "2 rows of a time that came twice" in page
    assert "NEW: volatility and tail: 30 returns, fewer than 250" in page
    assert "3 joined, 1 left out" in page
    assert "Falling together" in page
    assert page.count("<svg") == 2 * 2 * 3


def test_an_answer_counts_what_was_replaced_and_names_its_source() -> None:
    histories, calibration = made()
    answer = answer_of(histories, [calibration])
    assert answer["replaced_count"] == len(answer["grids"]["1d"]["replaced"]) == 2
    new = answer["grids"]["1d"]["instruments"]["NEW"]
    assert (new["observations"], new["volatility"], new["long"]["shape_own"]) == (30, None, None)
    assert new["long"]["tails"][0]["expected_shortfall"] > 0.0
    assert answer["histories"]["NEW"]["faults"]["duplicate"] == 2
