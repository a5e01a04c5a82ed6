"""`risk-aware-pro-rata`: a haircut in proportion to the square of leverage.

haircut_i = min(1, t x leverage_i^2), leverage = notional at the mark / equity. Asked in contracts
it is a haircut on positions, in whole lots by the largest remainder; asked in pnl a haircut on
unrealized gains, at most haircut_max_i. 10 of two positions of 10 at leverages 1 and 3: 1 and 9.
The squares are decimals of 18 significant digits.
Equity 0 is infinite leverage: those give first, in proportion to what they have.
Source: arXiv 2602.15182 (levered pro rata with g(leverage) = leverage).
"""

from collections.abc import Sequence
from fractions import Fraction

from monitor.core.apportionment import apportion, fill_in_proportion
from monitor.core.deleveraging.policy import Policy, Ranking, Share, by_score
from monitor.core.deleveraging.round import Round, Unit, Winner, settled

Ordered = Sequence[tuple[Winner, Fraction | None]]


def split(round_: Round, unit: Unit, amount: Fraction) -> list[Share]:
    """Return what each position gives, highest leverage first."""
    order = by_score(round_.winners, round_.leverage)
    infinite = [pair for pair in order if pair[1] is None]
    finite = [pair for pair in order if pair[1] is not None]
    first = _split(round_, unit, amount, infinite)
    rest = amount - sum((share.taken for share in first), Fraction(0))
    return first + _split(round_, unit, rest, finite)


def _split(round_: Round, unit: Unit, amount: Fraction, order: Ordered) -> list[Share]:
    squares = [Fraction(1) if leverage is None else settled(leverage**2) for _, leverage in order]
    taken: list[int | Fraction]
    if unit == "contracts":
        caps = [winner.lots for winner, _ in order]
        names = [winner.name for winner, _ in order]
        weights = [pair[0].size * square for pair, square in zip(order, squares, strict=True)]
        taken = [*apportion(int(amount), weights, caps, names)]
    else:
        gains = [max(Fraction(0), round_.gain(winner)) for winner, _ in order]
        weights = [gain * square for gain, square in zip(gains, squares, strict=True)]
        limits = [gain * pair[0].haircut_max for gain, pair in zip(gains, order, strict=True)]
        taken = [*fill_in_proportion(amount, weights, limits)]
    return [
        Share(winner, part, None if leverage is None else square)
        for (winner, leverage), square, part in zip(order, squares, taken, strict=True)
    ]


POLICY = Policy(
    name="risk-aware-pro-rata",
    unit=None,
    needs=("entry_price", "equity"),
    prices=("mark_price",),
    split=split,
    ranking=Ranking(Round.leverage, lambda rough: rough.leverage, rests_on=("equity",)),
)
