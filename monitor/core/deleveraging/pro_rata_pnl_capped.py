"""`pro-rata-pnl-capped`: one haircut on all gains, for each account up to its own limit.

haircut_i = min(h, limit_i) with the one h at which the asked amount is met; limit_i = the smaller
of haircut_max_i and what leaves the account its `equity_min` (when the file gives one), and never
more than the gain. 60 of gains of 100 and 20 when the first may lose 40 %: 40 and 20.
The only rule that is at once Sybil resistant, scale invariant and monotone.
Source: arXiv 2512.01112, 2602.15182 (capped pro rata).
"""

from fractions import Fraction

import numpy as np

from monitor.core.apportionment import fill_in_proportion
from monitor.core.deleveraging.policy import Policy, Ranking, Share, by_score
from monitor.core.deleveraging.round import Round, Unit, Winner


def score(round_: Round, winner: Winner) -> Fraction:
    """Return a winner's unrealized gain, 0 for a loss."""
    return max(Fraction(0), round_.gain(winner))


def limit(round_: Round, winner: Winner) -> Fraction:
    """Return the most that a winner can be made to give up."""
    most = score(round_, winner) * winner.haircut_max
    if winner.equity_min is None:
        return most
    assert winner.equity is not None
    return max(Fraction(0), min(most, winner.equity - winner.equity_min))


def split(round_: Round, _unit: Unit, pnl: Fraction) -> list[Share]:
    """Return what each position gives up, largest gain first."""
    order = by_score(round_.winners, lambda winner: score(round_, winner))
    gains = [gain or Fraction(0) for _, gain in order]
    taken = fill_in_proportion(pnl, gains, [limit(round_, winner) for winner, _ in order])
    return [Share(winner, part, gain) for (winner, gain), part in zip(order, taken, strict=True)]


POLICY = Policy(
    name="pro-rata-pnl-capped",
    unit="pnl",
    needs=("entry_price",),
    prices=("mark_price",),
    split=split,
    ranking=Ranking(score, lambda rough: np.maximum(0.0, rough.gain), rests_on=("gain",)),
)
