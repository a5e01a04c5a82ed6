"""Losses of many positions together: an owner's, a group's, or the whole venue's.

Ranks come from the t copula, returns from each instrument's margin: its own past in the body, and
beyond both thresholds the Pareto tails, at the upper end of their shapes, so that a simulated day
may be worse than any day that was. `margin_of` makes one from a history; a side whose tail cannot
be fitted has that of a Student t law of 3 degrees. Margins are of one step, at today's volatility.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.analysis.dependence import Copula
from monitor.analysis.extremes import FitError, TailFit, fit_tail, tail_quantiles
from monitor.analysis.measures import (
    LONG,
    SHORT,
    TailRisk,
    empirical_risk,
    losses_of,
    student_risk,
)
from monitor.analysis.returns import Floats
from monitor.analysis.shrinkage import shrink
from monitor.analysis.tails import (
    DEFAULT_RULES,
    OBSERVATIONS_MIN,
    UNSEEN_DEGREES,
    Rules,
    upper_tail,
)
from monitor.analysis.volatility import fit_response, volatility_of


@dataclass(frozen=True, slots=True)
class Margin:
    """An instrument's law of the next return: past residuals, tails by side, volatility."""

    residuals: Floats  # sorted, returns in units of volatility
    tails: Mapping[int, TailFit]  # of the losses of LONG (falls) and SHORT (rises)
    volatility: float

    def returns_at(self, uniform: Floats) -> Floats:
        """Return the returns of ranks in (0, 1); a price loses at most its all."""
        count = len(self.residuals)
        places = np.minimum((uniform * count).astype(int), count - 1)
        drawn = self.residuals[places]
        for side, ranks in ((LONG, uniform), (SHORT, 1.0 - uniform)):
            tail = self.tails.get(side)
            if tail is not None:
                beyond = ranks < tail.excesses / tail.observations
                drawn[beyond] = -side * tail_quantiles(tail, ranks[beyond])
        return np.asarray(np.maximum(drawn * self.volatility, -1.0))


def margin_of(returns: Floats, rules: Rules = DEFAULT_RULES) -> Margin:
    """Return the margin of a history of at least `OBSERVATIONS_MIN` returns, not all equal."""
    assert len(returns) >= OBSERVATIONS_MIN, len(returns)
    volatility = volatility_of(returns, rules.response or fit_response(returns))
    residuals = volatility.residuals(returns)
    tails = {side: _tail(losses_of(residuals, side), rules) for side in (LONG, SHORT)}
    return Margin(np.sort(residuals), tails, volatility.following)


def _tail(residuals: Floats, rules: Rules) -> TailFit:
    try:
        fit = fit_tail(residuals, tail_share=rules.tail_share)
    except FitError:
        return student_tail()
    shape = shrink(fit.shape, fit.shape_error, rules.class_shape)
    return upper_tail(residuals, fit, shape)


def student_tail() -> TailFit:
    """Return the tail of a Student t law: its index, and its quantiles at 90 and 99 %."""
    shape = 1.0 / UNSEEN_DEGREES
    near, far = (student_risk(UNSEEN_DEGREES, level).value_at_risk for level in (0.9, 0.99))
    scale = (far - near) * shape / (10.0**shape - 1.0)
    return TailFit(threshold=near, shape=shape, scale=scale, observations=10, excesses=1)


def joint_losses(
    generator: np.random.Generator,
    copula: Copula,
    margins: Sequence[Margin],
    exposures: Floats,
    count: int,
) -> Floats:
    """Return simulated losses, positive, in the unit of the exposures.

    `exposures` are signed net notionals (> 0 long), in the order of the copula's columns; a row
    for each portfolio gives a column of losses for each. All share the same simulated moments.
    """
    assert len(margins) == len(copula.correlation) == exposures.shape[-1], "orders differ"
    uniform = copula.simulate(generator, count)
    columns = [margin.returns_at(uniform[:, place]) for place, margin in enumerate(margins)]
    return np.asarray(-(np.column_stack(columns) @ exposures.T))


def portfolio_risk(losses: Floats, confidence_level: float) -> TailRisk:
    """Return the risk of simulated losses, in their unit; not below 0, for no loss is no gain."""
    return empirical_risk(losses, confidence_level).most(TailRisk(0.0, 0.0))
