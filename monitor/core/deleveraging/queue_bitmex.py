"""`queue-bitmex`: the most profitable and most leveraged positions go first, whole.

score = pnl_ratio x leverage when pnl_ratio > 0, else pnl_ratio / leverage. A short entered at
100 and marked at 80 with 40 of notional per 10 of equity scores 0.2 x 4 = 0.8.
Source: BitMEX, "Auto-deleveraging" (PnL % x effective leverage).
"""

from fractions import Fraction

from monitor.core.contracts import Real
from monitor.core.deleveraging.policy import Policy, Ranking, Rough, Share, by_score, take_whole
from monitor.core.deleveraging.round import Round, Unit, Winner


def queue_score(pnl_ratio: Real, leverage: Real) -> Real:
    """Return pnl_ratio x leverage for a gain, pnl_ratio / leverage for a loss."""
    return pnl_ratio * leverage if pnl_ratio > 0 else pnl_ratio / leverage


def score(round_: Round, winner: Winner) -> Fraction | None:
    """Return a winner's place in the queue as a number, None for infinite leverage."""
    leverage = round_.leverage(winner)
    return None if leverage is None else queue_score(round_.pnl_ratio(winner), leverage)


def estimate(rough: Rough) -> float:
    """Return the score in floats."""
    return queue_score(rough.pnl_ratio, rough.leverage)


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
