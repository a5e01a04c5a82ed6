"""Losses together: signs, hedges, margins whose tails go on, and what a normal copula would say."""

import numpy as np
import pytest
from scipy import stats

from monitor.analysis.dependence import Copula
from monitor.analysis.extremes import Interval, TailFit, fit_tail, tail_quantiles
from monitor.analysis.measures import LONG, SHORT, student_risk
from monitor.analysis.portfolio import (
    Margin,
    joint_losses,
    margin_of,
    portfolio_risk,
    student_tail,
)
from monitor.analysis.volatility import fit_response, volatility_of

COPULA = Copula(
    correlation=np.array([[1.0, 0.6], [0.6, 1.0]]),
    degrees=4.0,
    degrees_interval=Interval(3.0, 5.0),
    observations=1,
)
RESIDUALS = np.sort(np.random.default_rng(1).standard_t(4, size=4_000))
MARGIN = Margin(RESIDUALS, {LONG: fit_tail(-RESIDUALS), SHORT: fit_tail(RESIDUALS)}, 0.01)
SEED = 8


def losses(exposures: list[float], count: int = 100_000) -> np.ndarray:
    generator = np.random.default_rng(SEED)
    return joint_losses(generator, COPULA, [MARGIN, MARGIN], np.array(exposures), count)


def test_quantiles_of_a_tail_are_those_of_its_law() -> None:
    for shape in (0.0, 0.3):
        fit = TailFit(threshold=1.0, shape=shape, scale=0.5, observations=1_000, excesses=100)
        law = stats.genpareto(shape, loc=1.0, scale=0.5)
        probabilities = np.array([0.1, 0.01, 1e-6])
        assert tail_quantiles(fit, probabilities) == pytest.approx(law.isf(probabilities / 0.1))


def test_a_margin_rises_with_its_rank_and_its_tails_go_on_beyond_what_was_seen() -> None:
    ranks = np.array([1e-7, 0.001, 0.09, 0.2, 0.5, 0.8, 0.91, 0.999, 1.0 - 1e-7])
    returns = MARGIN.returns_at(ranks)
    assert np.all(np.diff(returns) > 0.0)
    assert returns[0] < 0.01 * RESIDUALS[0]
    assert returns[-1] > 0.01 * RESIDUALS[-1]
    assert returns[4] == pytest.approx(0.01 * np.median(RESIDUALS), abs=1e-4)
    assert Margin(RESIDUALS, {}, 1e6).returns_at(np.array([0.001]))[0] == -1.0


def test_a_portfolio_loses_with_its_sign_and_a_hedge_is_less_risky() -> None:
    long, short, hedged = losses([1.0, 1.0]), losses([-1.0, -1.0]), losses([1.0, -1.0])
    assert long == pytest.approx(-short)
    assert portfolio_risk(long, 0.99).expected_shortfall > (
        1.5 * portfolio_risk(hedged, 0.99).expected_shortfall
    )


def test_many_portfolios_share_the_same_moments() -> None:
    exposures = np.array([[1.0, 1.0], [2.0, 0.0]])
    both = joint_losses(np.random.default_rng(SEED), COPULA, [MARGIN, MARGIN], exposures, 1_000)
    assert both.shape == (1_000, 2)
    assert both[:, 0] == pytest.approx(losses([1.0, 1.0], 1_000))


def test_one_position_has_the_risk_of_its_margin() -> None:
    alone = portfolio_risk(losses([1.0, 0.0]), 0.99)
    expected = MARGIN.tails[LONG].risk(0.99).scaled(0.01)
    assert alone.value_at_risk == pytest.approx(expected.value_at_risk, rel=0.05)
    assert alone.expected_shortfall == pytest.approx(expected.expected_shortfall, rel=0.08)


def test_a_sure_gain_is_no_negative_risk() -> None:
    assert portfolio_risk(np.full(100, -1.0), 0.99).expected_shortfall == 0.0


def test_a_margin_of_a_history_has_the_upper_shapes_and_the_volatility_of_today() -> None:
    returns = np.random.default_rng(3).standard_t(4, size=1_500) * 0.02
    margin = margin_of(returns)
    volatility = volatility_of(returns, fit_response(returns))
    assert margin.volatility == volatility.following
    assert margin.tails[LONG].shape > fit_tail(-volatility.residuals(returns)).shape


def test_a_side_that_cannot_be_fitted_has_the_tail_of_a_t_law_of_three_degrees() -> None:
    margin = margin_of(np.resize([0.01, -0.01, 0.02, -0.02], 400))
    assert margin.tails == {LONG: student_tail(), SHORT: student_tail()}
    law = student_risk(3.0, 0.999)
    found = student_tail().risk(0.999)
    assert 1.0 <= found.value_at_risk / law.value_at_risk < 1.1
    assert 1.0 <= found.expected_shortfall / law.expected_shortfall < 1.1
