"""`queue-bitmex`: the most profitable and most leveraged positions go first, whole.

score = pnl_ratio x leverage when pnl_ratio > 0, else pnl_ratio / leverage. A short entered at
100 and marked at 80 with 40 of notional per 10 of equity scores 0.2 x 4 = 0.8.
Source: BitMEX, "Auto-deleveraging" (PnL % x effective leverage).
"""

from collections.abc import Sequence
from fractions import Fraction

from monitor.core.contracts import Real
from monitor.core.deleveraging.policy import Candidate, Ranked, account_order
from monitor.core.deleveraging.round import Round, Rule, Share, Unit, Winner, by_score, take_whole


def queue_score(pnl_ratio: Real, leverage: Real) -> Real:
    """Return pnl_ratio x leverage for a gain, pnl_ratio / leverage for a loss."""
    return pnl_ratio * leverage if pnl_ratio > 0 else pnl_ratio / leverage


class QueueBitmex:
    """The ranked queue of the BitMEX family."""

    name = "queue-bitmex"

    def score(self, candidate: Candidate) -> Fraction | None:
        """Return a candidate's score, None for infinite leverage (it goes first)."""
        if candidate.leverage is None:
            return None
        return queue_score(candidate.pnl_ratio, candidate.leverage)

    def float_score(self, pnl_ratio: float, leverage: float) -> float:
        """Return the score in floats: what preselects from a large book."""
        return queue_score(pnl_ratio, leverage)

    def rank(self, candidates: Sequence[Candidate]) -> list[Ranked]:
        """Return the candidates by score, highest first; ties by account."""
        scored = [(self.score(candidate), candidate) for candidate in candidates]
        scored.sort(
            key=lambda pair: (
                0 if pair[0] is None else 1,
                Fraction(0) if pair[0] is None else -pair[0],
                account_order(pair[1]),
            )
        )
        return [
            Ranked(candidate, score, number)
            for number, (score, candidate) in enumerate(scored, start=1)
        ]


def winner_score(round_: Round, winner: Winner) -> Fraction | None:
    """Return a winner's place in the queue as a number, None for infinite leverage."""
    leverage = round_.leverage(winner)
    return None if leverage is None else queue_score(round_.pnl_ratio(winner), leverage)


def split(round_: Round, _unit: Unit, lots: Fraction) -> list[Share]:
    """Return what each position gives, in the order of the queue."""
    order = by_score(round_.winners, lambda winner: winner_score(round_, winner))
    return take_whole(order, lots)


RULE = Rule(
    name="queue-bitmex",
    unit="contracts",
    needs=("entry_price", "equity"),
    prices=("mark_price",),
    split=split,
)
