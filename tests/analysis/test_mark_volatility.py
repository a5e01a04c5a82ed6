"""How much a mark moves in a day: cautious at first, then its own moves, fading."""

import numpy as np
import pytest

from monitor.analysis.mark_volatility import DAY_NS, INTERVAL_NS, MarkVolatility


def followed(returns: list[float], step_ns: int = INTERVAL_NS) -> MarkVolatility:
    """Return what is known after so many log returns of one mark."""
    found, mark = MarkVolatility(prior=0.05, least=0.01), 100.0
    found.note(0, [("X", mark)])
    for number, moved in enumerate(returns, 1):
        mark *= float(np.exp(moved))
        found.note(number * step_ns, [("X", mark)])
    return found


def test_the_worked_number_of_the_documentation() -> None:
    """docs/model/loss_at_risk.md: a quarter of a day, quarters of an hour of 0.5 %."""
    found = followed([0.005] * 24, DAY_NS // 96)
    days, squares = 0.0, 0.0
    for _ in range(24):
        days, squares = 0.5 ** (1 / 96) * days + 1 / 96, 0.5 ** (1 / 96) * squares + 0.005**2
    assert found.of(["X"])[0] == pytest.approx(
        np.sqrt((0.05**2 * 0.25 + squares) / (0.25 + days)), rel=1e-12
    )
    assert found.of(["X"])[0] == pytest.approx(0.0495, abs=5e-5)


def test_nobody_looked_at_has_the_prior_and_a_still_mark_the_least() -> None:
    assert MarkVolatility(0.05, 0.01).of(["X", "Y"]).tolist() == [0.05, 0.05]
    assert followed([0.0] * 10).of(["X"])[0] < 0.05
    assert followed([0.0] * 5_000).of(["X", "Y"]).tolist() == [
        pytest.approx(0.0197, abs=1e-3),
        0.05,
    ]
    assert followed([0.0] * 60, DAY_NS).of(["X"])[0] == pytest.approx(1 / 60, rel=1e-9)
    assert MarkVolatility(0.05, 0.03).of(["X"])[0] == 0.05


def test_an_old_move_fades_by_half_a_day() -> None:
    calm = followed([0.0, 0.0, 0.0], DAY_NS)
    shaken = followed([0.3, 0.0, 0.0], DAY_NS)
    days = 1.0 + 0.5 + 0.25
    difference = shaken.of(["X"])[0] ** 2 - calm.of(["X"])[0] ** 2
    assert difference == pytest.approx(0.09 * 0.25 / (0.25 + days))


def test_moves_of_a_day_are_the_same_at_any_interval() -> None:
    draw = np.random.default_rng(2)
    found = followed((0.04 / np.sqrt(1_440) * draw.standard_normal(1_440 * 3)).tolist())
    assert found.of(["X"])[0] == pytest.approx(0.042, abs=0.002)
    assert not found.is_due(1_440 * 3 * INTERVAL_NS)
    assert found.is_due((1_440 * 3 + 1) * INTERVAL_NS)


def test_a_mark_that_is_gone_is_forgotten() -> None:
    found = followed([0.5])
    found.note(2 * INTERVAL_NS, [("Y", 5.0)])
    assert found.of(["X"])[0] == 0.05
