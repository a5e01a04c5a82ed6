"""`severity-learner`: learns how much of a deficit to take; the split is capped pro rata.

Only the severity s in [0, 1] is learned, by projected online gradient over recorded rounds:
s' = clip(s - step x deficit x sign(s - needed / deficit)), from s = 1, with the step
sqrt((1 + 2 P) / sum of deficit^2), P = sum of |changes of needed / deficit|, of the regret bound
sqrt((1 + 2 P) x sum of deficit^2). This round then takes s x asked from unrealized gains, one
haircut on all, each up to haircut_max. Without recorded rounds s = 1: all that is asked is taken.
The command has no memory: the rounds stand in its file. Source: arXiv 2602.15182, proposition 1.
"""

from fractions import Fraction
from itertools import pairwise
from math import isqrt

import numpy as np

from monitor.core.apportionment import fill_in_proportion
from monitor.core.deleveraging.policy import Policy, Ranking, Share, by_score
from monitor.core.deleveraging.round import Past, Round, Unit, Winner

_PRECISION = 10**18  # of the step, which is a square root


def severities(past: tuple[Past, ...]) -> list[Fraction]:
    """Return the severity of every recorded round with a deficit, and of the one after them."""
    rounds = [entry for entry in past if entry.deficit > 0]
    chosen = [Fraction(1)]
    if not rounds:
        return chosen
    wanted = [min(Fraction(1), entry.needed / entry.deficit) for entry in rounds]
    path = sum((abs(after - before) for before, after in pairwise(wanted)), Fraction(0))
    squares = sum((entry.deficit**2 for entry in rounds), Fraction(0))
    step = _root((1 + 2 * path) / squares)
    for entry, target in zip(rounds, wanted, strict=True):
        last = chosen[-1]
        slope = entry.deficit * ((last > target) - (last < target))
        chosen.append(min(Fraction(1), max(Fraction(0), last - step * slope)))
    return chosen


def severity(past: tuple[Past, ...]) -> Fraction:
    """Return the part of a deficit to take after the recorded rounds, 0 to 1."""
    return severities(past)[-1]


def _root(value: Fraction) -> Fraction:
    return Fraction(isqrt(value.numerator * _PRECISION**2 // value.denominator), _PRECISION)


def score(round_: Round, winner: Winner) -> Fraction:
    """Return a winner's unrealized gain, 0 for a loss."""
    return max(Fraction(0), round_.gain(winner))


def split(round_: Round, _unit: Unit, pnl: Fraction) -> list[Share]:
    """Return what each position gives up, largest gain first."""
    scored = by_score(round_.winners, lambda winner: score(round_, winner))
    order = [(winner, gain or Fraction(0)) for winner, gain in scored]
    caps = [amount * winner.haircut_max for winner, amount in order]
    budget = severity(round_.past) * pnl
    taken = fill_in_proportion(budget, [amount for _, amount in order], caps)
    return [
        Share(winner, part, amount) for (winner, amount), part in zip(order, taken, strict=True)
    ]


POLICY = Policy(
    name="severity-learner",
    unit="pnl",
    needs=("entry_price",),
    prices=("mark_price",),
    split=split,
    ranking=Ranking(score, lambda rough: np.maximum(0.0, rough.gain), rests_on=("gain",)),
)
