"""`pro-rata-pnl`: everybody gives up the same part of its unrealized gain; collateral is safe.

amount_i = asked x gain_i / all gains, at most gain_i x haircut_max_i; what a cap cuts off is
spread again over the others. 60 of gains of 100 and 20: 50 and 10.
Source: variation-margin gains haircutting (Elliott 2013); arXiv 2512.01112.
"""

from fractions import Fraction

import numpy as np

from monitor.core.apportionment import fill_in_proportion
from monitor.core.deleveraging.policy import Policy, Ranking, Share, by_score
from monitor.core.deleveraging.round import Round, Unit, Winner


def score(round_: Round, winner: Winner) -> Fraction:
    """Return a winner's unrealized gain, 0 for a loss."""
    return max(Fraction(0), round_.gain(winner))


def split(round_: Round, _unit: Unit, pnl: Fraction) -> list[Share]:
    """Return what each position gives up, largest gain first."""
    scored = by_score(round_.winners, lambda winner: score(round_, winner))
    order = [(winner, gain or Fraction(0)) for winner, gain in scored]
    caps = [amount * winner.haircut_max for winner, amount in order]
    taken = fill_in_proportion(pnl, [amount for _, amount in order], caps)
    return [
        Share(winner, part, amount) for (winner, amount), part in zip(order, taken, strict=True)
    ]


POLICY = Policy(
    name="pro-rata-pnl",
    unit="pnl",
    needs=("entry_price",),
    prices=("mark_price",),
    split=split,
    ranking=Ranking(score, lambda rough: np.maximum(0.0, rough.gain), rests_on=("gain",)),
)
