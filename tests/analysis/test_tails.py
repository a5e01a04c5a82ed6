"""The honest tail: never below its parts, cautious where little is known, and signed rightly."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.analysis.extremes import fit_tail
from monitor.analysis.measures import LONG, SHORT, empirical_risk, losses_of, normal_risk
from monitor.analysis.tails import (
    OBSERVATIONS_MIN,
    Rules,
    cautious_tail,
    standard_tail,
    stressed_risk,
    unseen_tail,
)
from monitor.analysis.volatility import Response, volatility_of

RULES = Rules(response=Response(0.94, 0.2))


def t_returns(seed: int, count: int = 1_500, degrees: float = 4.0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.maximum(generator.standard_t(degrees, size=count) * 0.02, -0.9)


@given(st.integers(0, 1_000), st.sampled_from([LONG, SHORT]), st.sampled_from([0.975, 0.99]))
@settings(max_examples=25)
def test_it_is_the_largest_of_its_parts_and_above_a_normal_law(
    seed: int, side: int, level: float
) -> None:
    returns = t_returns(seed)
    found = cautious_tail(returns, side, level, RULES)
    assert found.filtered is not None
    assert found.extreme is not None
    assert found.stressed is not None
    parts = (found.filtered, found.extreme, found.stressed)
    assert found.risk.value_at_risk == max(part.value_at_risk for part in parts)
    assert found.risk.expected_shortfall == max(part.expected_shortfall for part in parts)
    normal = normal_risk(level).scaled(volatility_of(returns, Response(0.94, 0.2)).following)
    assert found.risk.expected_shortfall > normal.expected_shortfall
    assert (found.observations, found.replaced) == (1_500, ())


def test_the_extreme_part_is_not_below_the_point_estimate() -> None:
    returns = t_returns(1)
    volatility = volatility_of(returns, Response(0.94, 0.2))
    residuals = losses_of(volatility.residuals(returns), LONG)
    tail = standard_tail(returns, volatility, LONG, 0.99, RULES)
    point = fit_tail(residuals).risk(0.99)
    assert tail.extreme.expected_shortfall >= point.expected_shortfall
    assert tail.shape.upper > tail.shape.shape
    assert 0.0 < tail.shape.weight < 1.0


def test_the_floor_is_a_share_of_the_worst_window_ever_kept() -> None:
    crash = np.concatenate((t_returns(2, 300) * 5.0, t_returns(3, 1_200) * 0.1))
    found = cautious_tail(crash, LONG, 0.99, RULES)
    worst = stressed_risk(losses_of(crash, LONG), 0.99, RULES.stress_window)
    assert found.risk.value_at_risk == 0.25 * worst.value_at_risk
    assert worst.expected_shortfall >= empirical_risk(-crash[:250], 0.99).expected_shortfall


def sees_which_side_loses(tail: Callable[[np.ndarray, int], float]) -> None:
    """Assert that a market of sudden falls is worse for longs than for shorts."""
    returns = t_returns(4)
    falling = np.where(returns < 0.0, returns, returns * 0.2)
    assert tail(falling, LONG) > 2.0 * tail(falling, SHORT)


def test_a_wrong_sign_of_the_shock_is_seen() -> None:
    def ours(returns: np.ndarray, side: int) -> float:
        return cautious_tail(returns, side, 0.99, RULES).risk.expected_shortfall

    sees_which_side_loses(ours)
    with pytest.raises(AssertionError):
        sees_which_side_loses(lambda returns, side: ours(-returns, side))
    with pytest.raises(AssertionError):
        sees_which_side_loses(lambda returns, side: ours(np.abs(returns), side))


def test_a_new_listing_has_a_number_and_it_is_a_cautious_one() -> None:
    none = cautious_tail(np.empty(0), LONG, 0.99)
    known = cautious_tail(t_returns(5), LONG, 0.99, RULES)
    assert none.observations == 0
    assert none.risk.expected_shortfall > 2.0 * known.risk.expected_shortfall
    assert none.risk.value_at_risk < none.risk.expected_shortfall <= 1.0
    assert "0 returns, fewer than 250" in none.replaced[0]


def test_little_history_never_lowers_the_number_of_its_class_and_a_large_loss_raises_it() -> None:
    rules = Rules(class_volatility=0.03)
    class_alone = unseen_tail(np.empty(0), LONG, 0.99, rules=rules).risk
    calm = unseen_tail(np.full(30, 0.001), LONG, 0.99, rules=rules).risk
    torn = unseen_tail(np.append(np.zeros(29), -0.7), LONG, 0.99, rules=rules).risk
    assert calm == class_alone
    assert torn.value_at_risk >= 0.7


def test_constant_prices_are_treated_as_no_history_and_told() -> None:
    found = cautious_tail(np.zeros(1_000), LONG, 0.99)
    assert found.risk == cautious_tail(np.empty(0), LONG, 0.99).risk
    assert "constant returns" in found.replaced[0]


def test_a_tail_that_cannot_be_fitted_falls_back_to_the_class_and_says_so() -> None:
    returns = np.resize([0.01, -0.01, 0.02, -0.02], OBSERVATIONS_MIN)  # four values, no tail
    found = cautious_tail(returns, LONG, 0.99, RULES)
    assert found.shape.own is None
    assert "tail not fitted" in found.replaced[0]
    assert found.extreme is not None
    assert found.filtered is not None
    assert found.extreme.expected_shortfall > found.filtered.expected_shortfall


def test_scaled_returns_scale_the_risk() -> None:
    returns = t_returns(6) * 0.1
    one, three = (cautious_tail(returns * k, SHORT, 0.99, RULES).risk for k in (1.0, 3.0))
    assert three.value_at_risk == pytest.approx(3.0 * one.value_at_risk, rel=1e-3)
    assert three.expected_shortfall == pytest.approx(3.0 * one.expected_shortfall, rel=1e-3)
