"""The metrics of what may be socialized."""

import msgspec

from monitor.core.view import RiskView
from monitor.exporter.catalogue_loss_at_risk import ALL_FUNDS
from tests.api.crash_loss_at_risk import loss_at_risk_at
from tests.exporter.test_collector import samples_of, text_of, value_of

LOSS_AT_RISK = loss_at_risk_at(9_000_000_000, 1.0)


def test_a_days_tail_is_told_by_fund_measure_and_confidence() -> None:
    samples = samples_of(text_of(RiskView(loss_at_risk=LOSS_AT_RISK)))
    name = "socialized_loss_at_risk_usd"
    day = LOSS_AT_RISK.funds[1].horizons[-1].uncovered
    for tail, confidence in zip(day, ("0.99", "0.999"), strict=True):
        of = {"fund": "main", "confidence": confidence}
        assert value_of(samples, name, **of, measure="value_at_risk") == tail.value_at_risk_usd
        found = value_of(samples, name, **of, measure="expected_shortfall")
        assert found == tail.expected_shortfall_usd
    told = {dict(labels)["fund"] for full, labels in samples if full.endswith(name)}
    assert told == {ALL_FUNDS, "main", "alts"}


def test_depletions_are_told_by_horizon_and_how_old_they_are() -> None:
    samples = samples_of(text_of(RiskView(loss_at_risk=LOSS_AT_RISK)))
    name = "fund_depletion_probability_ratio"
    told = [value_of(samples, name, fund="main", horizon=one) for one in ("10m", "1h", "1d")]
    assert told == [0.01, 0.06, 0.26]
    assert value_of(samples, "loss_at_risk_oldest_timestamp_seconds") == 4.0


def test_the_funds_most_at_risk_are_told() -> None:
    alts, main = LOSS_AT_RISK.funds[2], LOSS_AT_RISK.funds[1]
    many = [msgspec.structs.replace(alts, fund=f"small{number}") for number in range(9)]
    found = msgspec.structs.replace(LOSS_AT_RISK, funds=(LOSS_AT_RISK.funds[0], *many, main))
    samples = samples_of(text_of(RiskView(loss_at_risk=found)))
    name = "socialized_loss_at_risk_usd"
    told = {dict(labels)["fund"] for full, labels in samples if full.endswith(name)}
    assert told == {ALL_FUNDS, "main", "small0", "small1", "small2"}
