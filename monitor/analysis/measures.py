"""Value at risk and expected shortfall: one definition for the whole monitor.

**Convention.** A loss is positive and a fraction of the notional. `side` is +1 for a long, -1 for
a short: loss = -side x return. `confidence_level` c is the probability of not losing more (0.99,
not 0.01). `value_at_risk` is the c-quantile of the loss over the horizon, the smallest x with
P(loss <= x) >= c; `expected_shortfall` is the mean of the worst share 1 - c of losses, so it is
never below the value at risk. Both are of one step of the grid that the returns come from, and
both are positive for losses; a negative value at risk would be a sure gain.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from monitor.analysis.returns import Floats

LONG, SHORT = 1, -1


@dataclass(frozen=True, slots=True)
class TailRisk:
    """A loss quantile and the mean beyond it, fractions of the notional, positive for losses."""

    value_at_risk: float
    expected_shortfall: float

    def scaled(self, factor: float) -> "TailRisk":
        """Return both, times a volatility or a weight."""
        return TailRisk(self.value_at_risk * factor, self.expected_shortfall * factor)

    def most(self, other: "TailRisk") -> "TailRisk":
        """Return the larger of each."""
        return TailRisk(
            max(self.value_at_risk, other.value_at_risk),
            max(self.expected_shortfall, other.expected_shortfall),
        )

    def of_side(self, side: int) -> "TailRisk":
        """Return the risk that a position of this side can have: a long loses at most its all."""
        if side == SHORT:
            return self
        return TailRisk(min(self.value_at_risk, 1.0), min(self.expected_shortfall, 1.0))


NO_RISK = TailRisk(0.0, 0.0)


def losses_of(returns: Floats, side: int) -> Floats:
    """Return the losses of a long (+1) or short (-1) position of notional 1."""
    assert side in (LONG, SHORT), side
    return -side * returns


def empirical_risk(losses: Floats, confidence_level: float) -> TailRisk:
    """Return quantile and tail mean of observed losses (no interpolation; the atom is shared).

    The tail of n losses holds n (1 - c) of them; the one at its edge counts with the part of it
    that the tail still holds, so that the mean is that of exactly a share 1 - c.
    """
    count = len(losses)
    assert count > 0, "no losses"
    assert 0.0 < confidence_level < 1.0, confidence_level
    ordered = np.sort(losses)
    share = count * (1.0 - confidence_level)
    place = min(max(math.ceil(count - share - 1e-9) - 1, 0), count - 1)
    quantile = float(ordered[place])
    beyond = ordered[place + 1 :]
    edge = share - len(beyond)
    return TailRisk(quantile, max(quantile, float(beyond.sum() + edge * quantile) / share))


def student_risk(degrees: float, confidence_level: float) -> TailRisk:
    """Return the risk of a Student t loss scaled to variance 1; `degrees` > 2.

    The tail mean of a t law is f(q) / (1 - c) x (v + q^2) / (v - 1), times the scale; the often
    copied form without the second factor understates it (Dobrev, Nesmith, Oh 2017).
    """
    assert degrees > 2.0, degrees
    quantile = float(stats.t.ppf(confidence_level, degrees))
    density = float(stats.t.pdf(quantile, degrees))
    mean = density / (1.0 - confidence_level) * (degrees + quantile**2) / (degrees - 1.0)
    return TailRisk(quantile, mean).scaled(math.sqrt((degrees - 2.0) / degrees))


def normal_risk(confidence_level: float) -> TailRisk:
    """Return the risk of a standard normal loss: a reference to compare with, never a forecast."""
    quantile = float(special.ndtri(confidence_level))
    return TailRisk(quantile, float(stats.norm.pdf(quantile)) / (1.0 - confidence_level))
