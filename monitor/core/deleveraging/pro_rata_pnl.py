"""`pro-rata-pnl`: everybody gives up the same part of its unrealized gain; collateral is safe.

amount_i = asked x gain_i / all gains, at most gain_i x haircut_max_i; what a cap cuts off is
spread again over the others. 60 of gains of 100 and 20: 50 and 10.
Source: variation-margin gains haircutting (Elliott 2013); arXiv 2512.01112.
"""

from fractions import Fraction

from monitor.core.apportionment import fill_in_proportion
from monitor.core.deleveraging.round import Round, Rule, Share, Unit, Winner, by_score


def split(round_: Round, _unit: Unit, pnl: Fraction) -> list[Share]:
    """Return what each position gives up, largest gain first."""

    def gain(winner: Winner) -> Fraction:
        return max(Fraction(0), round_.gain(winner))

    order = [(winner, gain(winner)) for winner, _ in by_score(round_.winners, gain)]
    caps = [amount * winner.haircut_max for winner, amount in order]
    taken = fill_in_proportion(pnl, [amount for _, amount in order], caps)
    return [
        Share(winner, part, amount) for (winner, amount), part in zip(order, taken, strict=True)
    ]


RULE = Rule(
    name="pro-rata-pnl",
    unit="pnl",
    needs=("entry_price",),
    prices=("mark_price",),
    split=split,
)
