"""From histories to parameters: what is fitted, what is replaced, and that both are told."""

import numpy as np
import pytest

from monitor.analysis import calibration
from monitor.analysis.calibration import (
    LEVELS,
    InstrumentFit,
    Observed,
    calibrated,
    class_rules,
    joint_fit,
    own_fit,
)
from monitor.analysis.dependence import DEGREES_DEFAULT
from monitor.analysis.returns import DAY_NS, GRIDS
from monitor.analysis.shrinkage import DEFAULT_CLASS
from monitor.analysis.tails import UNSEEN_VOLATILITY

DAYS = GRIDS[2]


def observed(symbol: str, returns: np.ndarray, *, first: int = 0) -> Observed:
    ends = (np.arange(len(returns)) + first + 1) * DAY_NS
    return Observed(symbol=symbol, grid=DAYS, ends_ns=ends, returns=returns)


def heavy(seed: int, count: int = 1_200) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(4, size=count) * 0.02


def fitted(*histories: Observed) -> list[InstrumentFit]:
    fits = [own_fit(one) for one in histories]
    rules = class_rules(fits)
    return [calibrated(fit, rules) for fit in fits]


def test_a_history_has_a_response_tails_intervals_and_a_report_at_each_level() -> None:
    (found,) = fitted(observed("A", heavy(1)))
    assert found.own.response is not None
    assert found.replaced == ()
    for side in found.sides.values():
        assert side.tail is not None
        assert side.shape_interval is not None
        assert side.expected_shortfall_interval is not None
        assert side.shape_interval.lower < side.tail.shape < side.shape_interval.upper
        assert [one.confidence_level for one in side.reported] == list(LEVELS)
        shortfalls = [one.risk.expected_shortfall for one in side.reported]
        assert shortfalls == sorted(shortfalls)


@pytest.mark.parametrize(
    ("returns", "said"),
    [
        (heavy(2, 30), "30 returns, fewer than 250; the class stands in"),
        (np.zeros(1_000), "constant returns; the class stands in"),
    ],
)
def test_what_a_history_does_not_say_its_class_does(returns: np.ndarray, said: str) -> None:
    known, short = fitted(observed("A", heavy(1)), observed("B", returns))
    assert said in short.replaced[0]
    long, known_long = short.sides["long"], known.sides["long"]
    assert (long.tail, long.shape_interval) == (None, None)
    assert long.reported[1].risk.expected_shortfall > known_long.reported[1].risk.expected_shortfall


def test_a_fit_that_fails_is_told_by_side_and_falls_back() -> None:
    returns = heavy(3)
    (found,) = fitted(observed("A", np.where(returns < 0.0, -0.02, returns)))
    assert found.sides["short"].tail is not None
    assert found.sides["long"].tail is None or found.replaced == ()
    steps = np.resize([0.01, -0.01, 0.02, -0.02], 400)
    (stepped,) = fitted(observed("B", steps))
    assert [said.partition(":")[0] for said in stepped.replaced] == [
        "tail of long",
        "tail of short",
    ]


def odd_returns(kind: str, seed: int) -> np.ndarray:
    """Return returns of a kind that breaks a naive fit."""
    generator = np.random.default_rng(seed)
    heavy_ones = np.maximum(generator.standard_t(1.2, size=600) * 0.02, -0.99)
    return {
        "mostly_still": np.where(generator.random(600) < 0.95, 0.0, heavy_ones),
        "ticks": np.round(generator.normal(size=600)) * 0.001,
        "one_jump": np.where(np.arange(600) == 300, 5.0, 0.0),
        "without_a_mean": heavy_ones,
        "tiny": generator.normal(size=600) * 1e-9,
        "only_falls": -np.abs(generator.normal(size=600)) * 0.001,
        "wild": generator.lognormal(0.0, 3.0, size=600) - 1.0,
    }[kind]


KINDS = ("mostly_still", "ticks", "one_jump", "without_a_mean", "tiny", "only_falls", "wild")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_odd_returns_have_a_finite_number_and_whatever_is_replaced_is_told(
    kind: str, seed: int
) -> None:
    (found,) = fitted(observed("A", odd_returns(kind, seed)))
    for side in found.sides.values():
        for one in side.reported:
            assert np.isfinite(one.risk.expected_shortfall)
            assert one.risk.expected_shortfall >= one.risk.value_at_risk
            assert one.risk.expected_shortfall > 0.0
            assert not one.replaced or found.replaced


def test_a_level_inside_the_body_of_a_still_market_is_told() -> None:
    (found,) = fitted(observed("A", odd_returns("mostly_still", 1)))
    assert found.sides["long"].reported[0].replaced or found.own.tails.get("long") is None


def test_instruments_beyond_the_maximum_of_a_copula_are_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calibration, "JOINT_SYMBOLS_MAX", 2)
    found = joint_fit([observed(name, heavy(seed)) for seed, name in enumerate("ABC")])
    assert found.symbols == ("A", "B")
    assert found.replaced == ("dependence: 1 instruments beyond 2 left out",)


def test_without_any_history_the_shipped_defaults_stand() -> None:
    rules = class_rules([own_fit(observed("A", np.empty(0)))])
    assert rules.class_shape == DEFAULT_CLASS
    assert rules.class_volatility == UNSEEN_VOLATILITY


def test_histories_together_have_a_copula_of_their_common_moments() -> None:
    shared = heavy(4)
    other = 0.7 * shared + 0.3 * heavy(5)
    found = joint_fit([observed("A", shared), observed("B", other[100:], first=100)])
    assert found.copula is not None
    assert found.copula.observations == 1_100
    assert found.copula.correlation[0, 1] > 0.8
    assert found.degrees == found.copula.degrees_interval.lower
    assert found.replaced == ()


def test_without_a_common_past_the_cautious_degrees_stand_in() -> None:
    apart = joint_fit([observed("A", heavy(6)), observed("B", heavy(7), first=5_000)])
    alone = joint_fit([observed("A", heavy(6)), observed("B", heavy(7, 30))])
    assert apart.degrees == alone.degrees == DEGREES_DEFAULT
    assert "0 moments in common, fewer than 100" in apart.replaced[0]
    assert alone.replaced[0] == "dependence: 1 instruments without history left out"
    assert "fewer than two histories" in alone.replaced[1]


def test_correlations_of_no_positive_definite_matrix_are_repaired_and_told() -> None:
    one = heavy(8)
    found = joint_fit([observed("A", one), observed("B", one), observed("C", heavy(9))])
    assert found.copula is not None
    assert found.copula.repaired_by > 0.0
    assert "the nearest one stands in" in found.replaced[0]
