"""Falling together: a Student t copula, whose extremes come jointly.

A normal copula has no tail dependence: in its far tail assets are independent, however correlated.
The t copula has lambda = 2 t_{v+1}(-sqrt((v + 1) (1 - rho) / (1 + rho))) for each pair, 0.25 for
rho 0.5 and v 3 (symmetric: joint rises are as likely as joint falls, which real markets are not
quite). Correlations come from Kendall's tau, rho = sin(pi tau / 2), which outliers do not move;
degrees by maximum likelihood on ranks, with a profile interval.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from monitor.analysis.extremes import Interval
from monitor.analysis.returns import Floats

DEGREES_MIN, DEGREES_MAX = 2.1, 60.0
EIGENVALUE_MIN = 1e-6
DEGREES_DEFAULT = 3.0  # the cautious one, where nothing can be fitted
OBSERVATIONS_MIN = 100


@dataclass(frozen=True, slots=True)
class Repaired:
    """A positive definite correlation matrix, and the largest change that made it one (0: none)."""

    correlation: Floats
    change_max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Copula:
    """A t copula: correlation matrix, degrees of freedom with interval, what stands behind it."""

    correlation: Floats
    degrees: float
    degrees_interval: Interval
    observations: int
    repaired_by: float = 0.0

    def tail_dependence(self) -> Floats:
        """Return the probability of an extreme of one, given an extreme of the other, by pair."""
        return tail_dependence(self.correlation, self.degrees)

    def simulate(self, generator: np.random.Generator, count: int) -> Floats:
        """Return ranks in (0, 1), `count` rows, a column an asset: Z sqrt(v / W), ranked."""
        factor = np.linalg.cholesky(self.correlation)
        normal = generator.standard_normal((count, len(factor))) @ factor.T
        mixing = generator.chisquare(self.degrees, size=count) / self.degrees
        ranked = special.stdtr(self.degrees, normal / np.sqrt(mixing)[:, None])
        return np.asarray(ranked)


def tail_dependence(correlation: Floats, degrees: float) -> Floats:
    """Return the coefficient of tail dependence of a t copula, elementwise."""
    rho = np.clip(correlation, -1.0, 1.0)
    inner = np.sqrt((degrees + 1.0) * (1.0 - rho) / (1.0 + rho + 1e-300))
    return np.asarray(2.0 * special.stdtr(degrees + 1.0, -inner))


def nearest_correlation(matrix: Floats, *, rounds_max: int = 200) -> Repaired:
    """Return the nearest correlation matrix that is positive definite (Higham 2002).

    Alternating projections with Dykstra's correction, then eigenvalues lifted to `EIGENVALUE_MIN`.
    """
    assert np.allclose(matrix, matrix.T), "not symmetric"
    if float(np.linalg.eigvalsh(matrix).min()) >= EIGENVALUE_MIN:
        return Repaired(matrix, 0.0)
    current, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(rounds_max):
        shifted = current - correction
        projected = _lifted(shifted, 0.0)
        correction = projected - shifted
        following = projected.copy()
        np.fill_diagonal(following, 1.0)
        if float(np.abs(following - current).max()) < 1e-10:
            break
        current = following
    lifted = _lifted(current, 2.0 * EIGENVALUE_MIN)
    scale = 1.0 / np.sqrt(np.diag(lifted))
    lifted = lifted * np.outer(scale, scale)
    np.fill_diagonal(lifted, 1.0)
    return Repaired(lifted, float(np.abs(lifted - matrix).max()))


def _lifted(matrix: Floats, least: float) -> Floats:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    return np.asarray((vectors * np.maximum(values, least)) @ vectors.T)


def ranks(returns: Floats) -> Floats:
    """Return ranks / (n + 1) of each column."""
    return np.asarray(stats.rankdata(returns, axis=0) / (len(returns) + 1.0))


def rank_correlation(returns: Floats) -> Repaired:
    """Return the correlation of the copula from Kendall's tau of each pair, repaired if needed."""
    assets = returns.shape[1]
    matrix = np.eye(assets)
    for left in range(assets):
        for right in range(left):
            tau = float(stats.kendalltau(returns[:, left], returns[:, right]).statistic)
            matrix[left, right] = matrix[right, left] = math.sin(math.pi / 2.0 * tau)
    return nearest_correlation(np.nan_to_num(matrix, nan=0.0))


def copula_log_likelihood(uniform: Floats, correlation: Floats, degrees: float) -> float:
    """Return the log likelihood of ranks under a t copula."""
    assets = uniform.shape[1]
    values = special.stdtrit(degrees, uniform)
    factor = np.linalg.cholesky(correlation)
    squares = (np.linalg.solve(factor, values.T) ** 2).sum(axis=0)
    constant = (
        special.gammaln((degrees + assets) / 2.0)
        + (assets - 1) * special.gammaln(degrees / 2.0)
        - assets * special.gammaln((degrees + 1.0) / 2.0)
        - float(np.log(np.diag(factor)).sum())
    )
    joint = (degrees + assets) / 2.0 * np.log1p(squares / degrees)
    single = (degrees + 1.0) / 2.0 * np.log1p(values**2 / degrees).sum(axis=1)
    return float(len(uniform) * constant - joint.sum() + single.sum())


def fit_copula(returns: Floats, *, level: float = 0.95) -> Copula:
    """Fit a t copula to returns of the same moments, a column an asset, at least two.

    An upper end of the interval at `DEGREES_MAX` means: not to be told from a normal copula.
    """
    repaired = rank_correlation(returns)
    uniform = ranks(returns)

    def loss(log_degrees: float) -> float:
        return -copula_log_likelihood(uniform, repaired.correlation, math.exp(log_degrees))

    low, high = math.log(DEGREES_MIN), math.log(DEGREES_MAX)
    grid = np.linspace(low, high, 25)
    values = [loss(float(at)) for at in grid]
    best = int(np.argmin(values))
    near = (float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)]))
    found = optimize.minimize_scalar(loss, bounds=near, method="bounded")
    at, least = float(found.x), float(found.fun)
    drop = float(special.chdtri(1, 1.0 - level)) / 2.0

    def above(log_degrees: float) -> float:
        return least + drop - loss(log_degrees)

    lower = math.exp(optimize.brentq(above, low, at)) if above(low) < 0.0 else DEGREES_MIN
    upper = math.exp(optimize.brentq(above, at, high)) if above(high) < 0.0 else DEGREES_MAX
    return Copula(
        correlation=repaired.correlation,
        degrees=math.exp(at),
        degrees_interval=Interval(lower, upper),
        observations=len(returns),
        repaired_by=repaired.change_max,
    )
