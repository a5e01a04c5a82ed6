"""`queue-binance`: profit on the wallet x margin use, whole positions, highest first.

score = max(0, gain) / max(1, wallet_balance) x maintenance_margin / (wallet_balance + gain). A
gain of 50 on a wallet of 100 with 30 of maintenance margin scores 0.5 x 0.2 = 0.1. Nothing left
(wallet + gain <= 0) is infinite: first.
Source: Binance, "What is auto-deleveraging" (LeveragePnl).
"""

from fractions import Fraction

import numpy as np

from monitor.core.deleveraging.policy import (
    FIRST,
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
    """Return a winner's place in the queue as a number, None for infinite."""
    assert winner.wallet_balance is not None
    assert winner.maintenance_margin is not None
    gain = round_.pnl(winner)
    left = winner.wallet_balance + gain
    if left <= 0:
        return None
    profit = max(Fraction(0), gain) / max(Fraction(1), winner.wallet_balance)
    return profit * winner.maintenance_margin / left


def estimate(rough: Rough) -> Floats:
    """Return the scores in floats."""
    left = rough.wallet + rough.gain
    profit = np.maximum(0.0, rough.gain) / np.maximum(1.0, rough.wallet) * rough.maintenance
    scores: Floats = np.divide(profit, left, out=np.full(len(left), FIRST), where=~(left <= 0))
    return scores


def split(round_: Round, _unit: Unit, lots: Fraction) -> list[Share]:
    """Return what each position gives, in the order of the queue."""
    return take_whole(by_score(round_.winners, lambda winner: score(round_, winner)), lots)


POLICY = Policy(
    name="queue-binance",
    unit="contracts",
    needs=("entry_price", "wallet_balance", "maintenance_margin"),
    prices=("mark_price",),
    split=split,
    ranking=Ranking(score, estimate, rests_on=("gain", "wallet", "maintenance")),
    takes_whole=True,
    may_bankrupt=True,
)
