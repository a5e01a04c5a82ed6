"""Tests of the mean loss beyond the value at risk, and the score that ranks models.

Z1 and Z2 of Acerbi and Szekely (2014), in losses (positive): Z1 = 1 - mean over breaches of
loss / ES, Z2 = 1 - sum over breaches of loss / (T (1 - c) ES). 0 is as promised, negative is worse.
The published critical values hold for light tails; crypto returns have t laws of 3 to 5 degrees,
so criticals are simulated here. The score of Fissler and Ziegel in the form FZ0 (Patton, Ziegel,
Chen 2019) ranks models: lower is better, and no model gains by saying what it does not believe.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from monitor.analysis.measures import student_risk
from monitor.analysis.returns import Floats

PIT_CELLS = 20
_DRAWS_MAX = 4_000_000  # numbers held at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Losses in order of time, with the value at risk and expected shortfall forecast for each."""

    losses: Floats
    value_at_risk: Floats
    expected_shortfall: Floats
    confidence_level: float

    def __post_init__(self) -> None:
        shapes = {self.losses.shape, self.value_at_risk.shape, self.expected_shortfall.shape}
        assert len(shapes) == 1, shapes

    @property
    def breached(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Return where a loss was beyond the value at risk."""
        return self.losses > self.value_at_risk


@dataclass(frozen=True, slots=True)
class ShortfallTest:
    """A statistic, the value below which 5 % of right models fall, and the probability of less."""

    statistic: float
    critical: float
    p_value: float


def z1(series: Series) -> float | None:
    """Return Z1, None without a breach."""
    breached = series.breached
    if not breached.any():
        return None
    return 1.0 - float((series.losses / series.expected_shortfall)[breached].mean())


def z2(series: Series) -> float:
    """Return Z2."""
    excess = (series.losses / series.expected_shortfall)[series.breached].sum()
    return 1.0 - float(excess) / (len(series.losses) * (1.0 - series.confidence_level))


def simulated_z2(
    generator: np.random.Generator, count: int, confidence_level: float, *,
    degrees: float, simulations: int = 10_000,
) -> Floats:  # fmt: skip
    """Return Z2 of right forecasts of a Student t law, once for each simulation.

    A right model breaches with probability 1 - c, and a breach is a draw from the law's tail; so
    only the tails are drawn, which is the same law as drawing every loss.
    """
    risk = student_risk(degrees, confidence_level)
    unit = np.sqrt((degrees - 2.0) / degrees)
    tail = 1.0 - confidence_level
    breaches = generator.binomial(count, tail, size=simulations)
    values = np.empty(simulations)
    slice_length = max(1, _DRAWS_MAX // max(1, int(breaches.max())))
    for start in range(0, simulations, slice_length):
        counts = breaches[start : start + slice_length]
        uniforms = generator.random(int(counts.sum())) * tail
        losses = -special.stdtrit(degrees, uniforms) * unit / risk.expected_shortfall
        ends = np.cumsum(counts)
        totals = np.append(0.0, np.cumsum(losses))
        values[start : start + slice_length] = totals[ends] - totals[ends - counts]
    return 1.0 - values / (count * tail)


def z2_test(
    generator: np.random.Generator, series: Series, *, degrees: float, simulations: int = 10_000
) -> ShortfallTest:
    """Return Z2 with the critical value at 5 % for tails of this many degrees of freedom."""
    statistic = z2(series)
    drawn = simulated_z2(
        generator, len(series.losses), series.confidence_level,
        degrees=degrees, simulations=simulations,
    )  # fmt: skip
    below = (1.0 + float((drawn <= statistic).sum())) / (simulations + 1.0)
    return ShortfallTest(statistic, float(np.quantile(drawn, 0.05)), below)


def fissler_ziegel_score(series: Series) -> float:
    """Return the mean FZ0 score; every forecast of expected shortfall must be positive."""
    quantile, mean = series.value_at_risk, series.expected_shortfall
    assert mean.min() > 0.0, "an expected shortfall that is no loss"
    over = np.where(series.breached, series.losses - quantile, 0.0)
    scores = over / ((1.0 - series.confidence_level) * mean) + quantile / mean + np.log(mean) - 1.0
    return float(scores.mean())


def uniformity_test(probabilities: Floats) -> float:
    """Return the p-value that forecast probabilities of the outcomes (PIT) are uniform.

    The smaller of Kolmogorov-Smirnov and a chi-squared test in `PIT_CELLS` cells, which sees the
    ends, doubled for being the smaller of two.
    """
    smooth = float(stats.kstest(probabilities, "uniform").pvalue)
    counts, _ = np.histogram(probabilities, bins=PIT_CELLS, range=(0.0, 1.0))
    cells = float(stats.chisquare(counts).pvalue)
    return min(1.0, 2.0 * min(smooth, cells))
