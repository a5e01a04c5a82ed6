"""The far tail: peaks over a threshold follow a generalized Pareto law (POT-GPD).

Losses beyond a threshold u, minus u, have P(excess > y) = (1 + shape y / scale)^(-1 / shape). The
fit is by maximum likelihood along one line (for theta = shape / scale the best shape is
mean(log(1 + theta y)), Grimshaw 1993), so it does not depend on where an optimizer starts.
Intervals are of profile likelihood: the values that a likelihood-ratio test at 1 - `level` would
not reject; they are not symmetric, and the upper end is the honest one to report.

With n losses of which m are beyond u: VaR(c) = u + scale / shape ((n (1 - c) / m)^-shape - 1) and
ES(c) = (VaR(c) + scale - shape u) / (1 - shape), for shape < 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from monitor.analysis.measures import TailRisk
from monitor.analysis.returns import Floats

EXCESSES_MIN = 25  # fewer say nothing of a shape
SHAPE_MIN, SHAPE_MAX = -0.5, 0.95  # beyond: no asymptotics, or no mean
TAIL_SHARE = 0.1  # of the losses are beyond the threshold
_GRID = 121  # of theta, to find the hill before climbing it
_FLAT = 1e-6  # a shape this near to 0 is the exponential law


class FitError(ValueError):
    """A tail cannot be fitted; the message says what was expected and received."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Lower and upper end of a confidence interval."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TailFit:
    """A generalized Pareto tail: the threshold and scale in units of the losses.

    `observations` losses, `excesses` of them beyond `threshold`; `shape_error` is the standard
    error of the shape, from the curvature of the likelihood: (1 + shape) / sqrt(excesses).
    """

    threshold: float
    shape: float
    scale: float
    observations: int
    excesses: int

    @property
    def shape_error(self) -> float:
        """Return the asymptotic standard error of the shape."""
        return max(1.0 + self.shape, 0.5) / math.sqrt(self.excesses)

    def reaches(self, confidence_level: float) -> bool:
        """Return whether a level lies beyond the threshold, where the tail speaks."""
        return self.observations * (1.0 - confidence_level) <= self.excesses

    def risk(self, confidence_level: float) -> TailRisk:
        """Return the risk at a level beyond the threshold."""
        return tail_risk(self, confidence_level)


def tail_risk(fit: TailFit, confidence_level: float) -> TailRisk:
    """Return value at risk and expected shortfall of a fitted tail; its shape is below 1."""
    assert fit.shape < 1.0, "a tail without a mean"
    share = fit.observations * (1.0 - confidence_level) / fit.excesses
    if not fit.reaches(confidence_level):
        raise FitError(
            f"expected a confidence level beyond the threshold, at least "
            f"{1.0 - fit.excesses / fit.observations:.4f}, received {confidence_level}"
        )
    quantile = fit.threshold + fit.scale * _reach(share, fit.shape)
    mean = (quantile + fit.scale - fit.shape * fit.threshold) / (1.0 - fit.shape)
    return TailRisk(quantile, mean)


def tail_quantiles(fit: TailFit, probabilities: Floats) -> Floats:
    """Return the losses that are exceeded with each probability, all beyond the threshold."""
    shares = probabilities * fit.observations / fit.excesses
    assert shares.size == 0 or float(shares.max()) <= 1.0 + 1e-9, "a loss inside the body"
    if abs(fit.shape) < _FLAT:
        return fit.threshold - fit.scale * np.log(shares)
    return np.asarray(fit.threshold + fit.scale / fit.shape * np.expm1(-fit.shape * np.log(shares)))


def _reach(share: float, shape: float) -> float:
    """Return (share^-shape - 1) / shape, continuous at 0."""
    if abs(shape) < _FLAT:
        return -math.log(share)
    return math.expm1(-shape * math.log(share)) / shape


def log_likelihood(excesses: Floats, shape: float, scale: float) -> float:
    """Return the log likelihood of excesses; minus infinity outside the law's support."""
    if scale <= 0.0:
        return -math.inf
    if abs(shape) < _FLAT:
        return -len(excesses) * math.log(scale) - float(excesses.sum()) / scale
    inner = 1.0 + shape / scale * excesses
    if inner.min() <= 0.0:
        return -math.inf
    return -len(excesses) * math.log(scale) - (1.0 + 1.0 / shape) * float(np.log(inner).sum())


def best_scale(excesses: Floats, shape: float) -> float:
    """Return the scale of greatest likelihood for a given shape."""
    mean, largest = float(excesses.mean()), float(excesses.max())
    if abs(shape) < _FLAT:
        return mean
    least = -shape * largest * (1.0 + 1e-9) if shape < 0.0 else mean * 1e-3
    most = max(mean * 20.0, least * 20.0)
    found = optimize.minimize_scalar(
        lambda scale: -log_likelihood(excesses, shape, math.exp(scale)),
        bounds=(math.log(least), math.log(most)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return math.exp(float(found.x))


def fit_tail(losses: Floats, *, tail_share: float = TAIL_SHARE) -> TailFit:
    """Fit the tail of losses beyond their (1 - tail_share)-quantile.

    Raises FitError for too few distinct excesses, or when the likelihood has no inner maximum.
    """
    count = len(losses)
    excess_count = int(count * tail_share)
    if excess_count < EXCESSES_MIN:
        raise FitError(f"expected at least {EXCESSES_MIN} excesses, received {excess_count}")
    ordered = np.sort(losses)
    threshold = float(ordered[count - excess_count - 1])
    excesses = ordered[count - excess_count :] - threshold
    excesses = excesses[excesses > 0.0]
    if len(np.unique(excesses)) < EXCESSES_MIN:
        raise FitError(
            f"expected at least {EXCESSES_MIN} distinct excesses, "
            f"received {len(np.unique(excesses))}"
        )
    shape, scale = _climb(excesses)
    return TailFit(
        threshold=threshold,
        shape=shape,
        scale=scale,
        observations=count,
        excesses=len(excesses),
    )


def _climb(excesses: Floats) -> tuple[float, float]:
    """Return shape and scale of greatest likelihood; theta runs in units of 1 / mean."""
    mean, largest = float(excesses.mean()), float(excesses.max())

    def loss(theta: float) -> float:
        if abs(theta) < _FLAT / mean:
            return math.log(mean) + 1.0
        shape = float(np.log1p(theta * excesses).mean())
        return math.log(abs(shape / theta)) + shape + 1.0

    lowest = -0.999 / largest
    grid = np.concatenate((np.linspace(lowest, 0.0, 20), np.geomspace(1e-4, 1e5, _GRID) / mean))
    values = [loss(float(theta)) for theta in grid]
    best = int(np.argmin(values))
    if best in {0, len(grid) - 1}:
        raise FitError("expected a likelihood with an inner maximum, received none: not a tail")
    found = optimize.minimize_scalar(
        loss,
        bounds=(float(grid[best - 1]), float(grid[best + 1])),
        method="bounded",
        options={"xatol": 1e-10 / mean},
    )
    theta = float(found.x)
    if abs(theta) < _FLAT / mean:
        return 0.0, mean
    shape = float(np.log1p(theta * excesses).mean())
    if not SHAPE_MIN <= shape <= SHAPE_MAX:
        raise FitError(f"expected a shape from {SHAPE_MIN} to {SHAPE_MAX}, received {shape:.4f}")
    return shape, shape / theta


def shape_interval(losses: Floats, fit: TailFit, *, level: float = 0.95) -> Interval:
    """Return the profile interval of the shape, cut at the shapes that have a mean."""
    excesses = losses[losses > fit.threshold] - fit.threshold

    def profile(value: float) -> float:
        return log_likelihood(excesses, value, best_scale(excesses, value))

    top = log_likelihood(excesses, fit.shape, fit.scale)
    return _interval(profile, top, fit.shape, (SHAPE_MIN - 0.4, 0.999), level)


def risk_intervals(
    losses: Floats, fit: TailFit, confidence_level: float, *, level: float = 0.95
) -> tuple[Interval, Interval]:
    """Return the profile intervals of value at risk and of expected shortfall."""
    excesses = losses[losses > fit.threshold] - fit.threshold
    share = fit.observations * (1.0 - confidence_level) / fit.excesses
    top = log_likelihood(excesses, fit.shape, fit.scale)
    risk = fit.risk(confidence_level)

    def of_quantile(shape: float) -> float:
        return _reach(share, shape)

    def of_mean(shape: float) -> float:
        return (_reach(share, shape) + 1.0) / (1.0 - shape)

    def interval(per_scale: Callable[[float], float], value: float) -> Interval:
        beyond = value - fit.threshold

        def profile(excess: float) -> float:
            def loss(shape: float) -> float:
                found = log_likelihood(excesses, shape, excess / per_scale(shape))
                return -found if math.isfinite(found) else 1e12

            low, high = SHAPE_MIN - 0.4, 0.999
            grid = np.linspace(low, high, 40)
            best = int(np.argmin([loss(float(shape)) for shape in grid]))
            near = (float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 39)]))
            return -float(optimize.minimize_scalar(loss, bounds=near, method="bounded").fun)

        found = _interval(profile, top, beyond, (beyond * 0.05, beyond * 50.0), level)
        return Interval(fit.threshold + found.lower, fit.threshold + found.upper)

    return interval(of_quantile, risk.value_at_risk), interval(of_mean, risk.expected_shortfall)


def _interval(
    profile: Callable[[float], float], top: float, at: float, ends: tuple[float, float],
    level: float,
) -> Interval:  # fmt: skip
    """Return where a profile falls by half the quantile of chi-squared; an end that it never is."""
    drop = float(special.chdtri(1, 1.0 - level)) / 2.0

    def above(value: float) -> float:
        return profile(value) - top + drop

    found = [
        float(optimize.brentq(above, at, end, xtol=1e-7)) if above(end) < 0.0 else end
        for end in ends
    ]
    return Interval(found[0], found[1])


def mean_excess(losses: Floats, *, points: int = 60) -> tuple[Floats, Floats, Floats]:
    """Return thresholds, the mean excess beyond each, and its standard error.

    For a generalized Pareto tail the mean excess is a straight line of slope shape / (1 - shape).
    """
    ordered = np.sort(losses)
    places = np.unique(np.linspace(len(ordered) // 2, len(ordered) - 8, points).astype(int))
    beyond = [ordered[place + 1 :] - ordered[place] for place in places]
    means = np.array([float(excess.mean()) for excess in beyond])
    errors = np.array([float(excess.std()) / math.sqrt(len(excess)) for excess in beyond])
    return ordered[places], means, errors


def threshold_stability(
    losses: Floats, shares: tuple[float, ...] = (0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2)
) -> list[tuple[float, TailFit]]:
    """Return the fits at several thresholds, by the share of losses beyond; failed ones left out.

    A shape that depends on the threshold is not yet the shape of the tail.
    """
    fits = []
    for share in shares:
        try:
            fits.append((share, fit_tail(losses, tail_share=share)))
        except FitError:
            continue
    return fits
