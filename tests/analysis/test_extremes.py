"""The far tail: against scipy and pyextremes, against integrals, intervals against simulation."""

import numpy as np
import pandas as pd
import pytest
from pyextremes.models import MLE
from scipy import integrate, stats

from monitor.analysis.extremes import (
    FitError,
    TailFit,
    best_scale,
    fit_tail,
    log_likelihood,
    mean_excess,
    risk_intervals,
    shape_interval,
    tail_risk,
    threshold_stability,
)


def t_losses(seed: int, count: int = 4_000, degrees: float = 4.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(degrees, size=count)


@pytest.mark.parametrize("seed", range(6))
def test_a_fit_is_at_least_as_likely_as_that_of_scipy_and_agrees_with_it(seed: int) -> None:
    losses = t_losses(seed)
    fit = fit_tail(losses)
    excesses = losses[losses > fit.threshold] - fit.threshold
    shape, _, scale = stats.genpareto.fit(excesses, floc=0.0)
    ours = log_likelihood(excesses, fit.shape, fit.scale)
    assert ours == pytest.approx(stats.genpareto.logpdf(excesses, fit.shape, scale=fit.scale).sum())
    assert ours >= stats.genpareto.logpdf(excesses, shape, scale=scale).sum() - 1e-6
    assert (fit.shape, fit.scale) == pytest.approx((shape, scale), abs=2e-3)
    assert best_scale(excesses, fit.shape) == pytest.approx(fit.scale, rel=1e-4)


def test_a_fit_agrees_with_pyextremes() -> None:
    losses = t_losses(1)
    fit = fit_tail(losses)
    beyond = losses[losses > fit.threshold]
    times = pd.date_range("2020-01-01", periods=len(beyond), freq="D")
    model = MLE(
        extremes=pd.Series(beyond, index=times),
        distribution="genpareto",
        distribution_kwargs={"floc": fit.threshold},
    )
    peer = model.fit_parameters
    assert (fit.shape, fit.scale) == pytest.approx((peer["c"], peer["scale"]), abs=2e-3)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.3, 0.7])
def test_risk_beyond_the_threshold_equals_the_law_and_its_integral(shape: float) -> None:
    fit = TailFit(threshold=0.02, shape=shape, scale=0.01, observations=1_000, excesses=100)
    law = stats.genpareto(shape, loc=0.02, scale=0.01)
    for level in (0.9, 0.975, 0.99, 0.999):
        inner = 1.0 - (1.0 - level) / 0.1
        mean, _ = integrate.quad(law.ppf, inner, 1.0, limit=500)
        found = tail_risk(fit, level)
        assert found.value_at_risk == pytest.approx(law.ppf(inner))
        assert found.expected_shortfall == pytest.approx(mean / (1.0 - inner), rel=1e-4)


def test_the_profile_interval_holds_the_true_shape_as_often_as_it_says() -> None:
    generator = np.random.default_rng(7)
    held = 0
    for _ in range(60):
        losses = stats.genpareto.rvs(0.3, size=2_000, random_state=generator)
        interval = shape_interval(losses, fit_tail(losses), level=0.9)
        held += interval.lower <= 0.3 <= interval.upper
    assert 47 <= held <= 60  # binomial of 60 at 0.9: 47 is its 0.1 % point


def test_the_intervals_of_risk_hold_the_estimate_and_lean_to_the_far_side() -> None:
    losses = t_losses(3)
    fit = fit_tail(losses)
    risk = fit.risk(0.99)
    quantile, mean = risk_intervals(losses, fit, 0.99)
    assert quantile.lower < risk.value_at_risk < quantile.upper
    assert mean.lower < risk.expected_shortfall < mean.upper
    assert mean.upper - risk.expected_shortfall > risk.expected_shortfall - mean.lower


def test_the_mean_excess_of_a_pareto_tail_is_a_straight_line() -> None:
    losses = stats.genpareto.rvs(0.25, size=200_000, random_state=np.random.default_rng(1))
    thresholds, means, errors = mean_excess(losses, points=30)
    slope = np.polyfit(thresholds[:25], means[:25], 1)[0]
    assert slope == pytest.approx(0.25 / 0.75, abs=0.08)
    assert np.all(errors > 0.0)


def test_shapes_at_several_thresholds_agree_where_the_law_holds() -> None:
    losses = stats.genpareto.rvs(0.25, size=20_000, random_state=np.random.default_rng(2))
    shapes = [fit.shape for _, fit in threshold_stability(losses)]
    assert len(shapes) == 7
    assert np.ptp(shapes) < 0.12
    assert threshold_stability(np.ones(100)) == []


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        (np.arange(30.0), "expected at least 25 excesses, received 3"),
        (np.repeat([0.0, 1.0], [900, 300]), "distinct excesses, received"),
        (np.append(np.zeros(900), 1.0 / np.arange(1, 101) ** 3), "expected a shape from"),
    ],
)
def test_what_is_no_tail_is_an_error(losses: np.ndarray, said: str) -> None:
    with pytest.raises(FitError, match=said):
        fit_tail(losses)


def test_a_level_inside_the_body_is_an_error() -> None:
    with pytest.raises(FitError, match="expected a confidence level beyond the threshold"):
        fit_tail(t_losses(1)).risk(0.8)
