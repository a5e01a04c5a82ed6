"""`queue-hyperliquid`: price gain x leverage of the account, whole positions, highest first.

score = (mark / entry) x (notional / equity); for shorts entry / mark, so that a gain raises it. A
short from 100, marked at 80, with 40 of notional on 10 of equity scores 1.25 x 4 = 5.
Source: Hyperliquid, "Auto-deleveraging".
"""

from fractions import Fraction

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
    assert winner.entry_price is not None
    leverage = round_.leverage(winner)
    if leverage is None:
        return None
    ratio = round_.mark() / winner.entry_price
    return (ratio if round_.side == "long" else 1 / ratio) * leverage


def estimate(rough: Rough) -> Floats:
    """Return the scores in floats."""
    return rough.price_ratio * rough.leverage


def split(round_: Round, _unit: Unit, lots: Fraction) -> list[Share]:
    """Return what each position gives, in the order of the queue."""
    return take_whole(by_score(round_.winners, lambda winner: score(round_, winner)), lots)


POLICY = Policy(
    name="queue-hyperliquid",
    unit="contracts",
    needs=("entry_price", "equity"),
    prices=("mark_price",),
    split=split,
    ranking=Ranking(score, estimate, rests_on=("equity",)),
    takes_whole=True,
    may_bankrupt=True,
)
