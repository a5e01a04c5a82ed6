"""`queue-bitmex`: the most profitable and most leveraged positions go first, whole.

score = pnl_ratio x leverage when pnl_ratio > 0, else pnl_ratio / leverage. A short entered at
100 and marked at 80 with 40 of notional per 10 of equity scores 0.2 x 4 = 0.8.
Source: BitMEX, "Auto-deleveraging" (PnL % x effective leverage).
"""

from fractions import Fraction

import numpy as np

from monitor.core.deleveraging.policy import (
    Floats,
    Policy,
    Ranking,
    Rough,
    Share,
    by_score,
    take_whole,
)
from monitor.core.deleveraging.round import Round, Unit, Winner


def score(round_: Round, winner: Winner) -> Fraction | None:
    """Return a winner's place in the queue as a number, None for infinite leverage."""
    leverage = round_.leverage(winner)
    if leverage is None:
        return None
    pnl_ratio = round_.pnl_ratio(winner)
    return pnl_ratio * leverage if pnl_ratio > 0 else pnl_ratio / leverage


def estimate(rough: Rough) -> Floats:
    """Return the scores in floats."""
    factor = np.where(rough.pnl_ratio > 0, rough.leverage, 1 / rough.leverage)
    return rough.pnl_ratio * factor


def split(round_: Round, _unit: Unit, lots: Fraction) -> list[Share]:
    """Return what each position gives, in the order of the queue."""
    order = by_score(round_.winners, lambda winner: score(round_, winner))
    return take_whole(order, lots)


POLICY = Policy(
    name="queue-bitmex",
    unit="contracts",
    needs=("entry_price", "equity"),
    prices=("mark_price",),
    split=split,
    ranking=Ranking(score, estimate, rests_on=("equity",)),
    takes_whole=True,
    may_bankrupt=True,
)
