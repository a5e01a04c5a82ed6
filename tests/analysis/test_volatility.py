"""Volatility: the fast path equals the loop and `arch`; horizons are simulated, not guessed."""

from collections.abc import Callable

import numpy as np
import pytest
from arch.univariate import EWMAVariance
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.measures import LONG, empirical_risk, losses_of
from monitor.analysis.volatility import (
    FLOOR_RATIO,
    START_COUNT,
    Response,
    fit_response,
    quasi_likelihood_loss,
    simulated_returns,
    volatility_of,
)
from tests.reference.naive_tails import volatility_path

RETURNS = st.lists(st.floats(0.001, 0.2), min_size=35, max_size=80)


@given(RETURNS, st.sampled_from([0.9, 0.99]), st.sampled_from([0.0, 0.5]))
def test_a_path_equals_the_loop(sizes: list[float], decay: float, asymmetry: float) -> None:
    returns = np.array(sizes) * np.resize([1.0, -1.0, -1.0], len(sizes))
    found = volatility_of(returns, Response(decay, asymmetry))
    start = float((returns[:START_COUNT] ** 2).mean())
    floor = FLOOR_RATIO * float(np.sqrt((returns**2).mean()))
    expected = np.maximum(volatility_path(returns.tolist(), decay, asymmetry, start), floor)
    assert found.path == pytest.approx(expected[:-1])
    assert found.following == pytest.approx(expected[-1])


def test_without_asymmetry_it_is_the_ewma_of_arch() -> None:
    returns = np.random.default_rng(1).standard_t(4, size=500) * 0.01
    start = float((returns[:START_COUNT] ** 2).mean())
    peer = np.zeros(500)
    bounds = np.tile([0.0, 1e6], (500, 1))
    EWMAVariance(0.94).compute_variance(np.empty(0), returns, peer, start, bounds)
    assert volatility_of(returns, Response(0.94, 0.0)).path == pytest.approx(np.sqrt(peer))


def test_the_volatility_of_a_return_does_not_know_that_return() -> None:
    returns = np.random.default_rng(2).normal(size=300) * 0.01
    changed = returns.copy()
    changed[200:] *= 7.0
    plain, other = (volatility_of(both, Response(), known=200).path for both in (returns, changed))
    assert np.array_equal(plain[:201], other[:201])
    assert other[201] > plain[201]


def test_a_fall_raises_it_more_than_a_rise() -> None:
    quiet = np.resize([0.01, -0.01], 60)
    falls, rises = np.append(quiet, -0.1), np.append(quiet, 0.1)
    response = Response(0.94, 0.4)
    assert volatility_of(falls, response).following > 1.3 * volatility_of(rises, response).following


def test_a_fit_finds_the_response_that_made_the_returns() -> None:
    generator, true = np.random.default_rng(5), Response(0.94, 0.4)
    returns, variance = np.empty(20_000), 1e-4
    for place in range(len(returns)):
        returns[place] = np.sqrt(variance) * generator.normal()
        weight = float(true.weights(returns[place : place + 1])[0])
        variance = 0.94 * variance + 0.06 * weight * returns[place] ** 2 + 1e-8
    found = fit_response(returns)
    assert found.decay == pytest.approx(0.94, abs=0.021)
    assert found.asymmetry == pytest.approx(0.4, abs=0.21)
    assert quasi_likelihood_loss(returns, found) <= quasi_likelihood_loss(returns, true)


def horizon_is_right(scaled: Callable[[float, int], float]) -> None:
    """Assert that a rule from one step to nine gives the quantile of nine independent steps."""
    generator = np.random.default_rng(3)
    steps = generator.normal(size=(200_000, 9)) * 0.001
    one = empirical_risk(losses_of(steps[:, 0], LONG), 0.99).value_at_risk
    nine = empirical_risk(losses_of(np.prod(1.0 + steps, axis=1) - 1.0, LONG), 0.99).value_at_risk
    assert scaled(one, 9) == pytest.approx(nine, rel=0.04)


def test_a_simulated_horizon_is_right_and_wrong_root_rules_are_seen() -> None:
    normal = np.random.default_rng(4).normal(size=50_000)

    def ours(_: float, steps: int) -> float:
        drawn = simulated_returns(
            np.random.default_rng(5), normal, 0.001, Response(1.0, 0.0), (100_000, steps)
        )
        return empirical_risk(losses_of(drawn, LONG), 0.99).value_at_risk

    horizon_is_right(ours)
    horizon_is_right(lambda one, steps: one * steps**0.5)
    for wrong in (lambda one, steps: one * steps, lambda one, _: one):
        with pytest.raises(AssertionError):
            horizon_is_right(wrong)


def test_simulated_volatility_answers_along_the_path_and_prices_stay_above_zero() -> None:
    residuals = np.random.default_rng(6).standard_t(3, size=5_000)
    still, alive = (
        simulated_returns(np.random.default_rng(7), residuals, 0.3, response, (50_000, 10))
        for response in (Response(1.0, 0.0), Response(0.9, 0.3))
    )
    assert min(still.min(), alive.min()) >= -1.0
    assert np.quantile(alive, 0.001) <= np.quantile(still, 0.5)


def test_constant_prices_have_no_volatility() -> None:
    with pytest.raises(AssertionError, match="constant prices"):
        volatility_of(np.zeros(100), Response())
