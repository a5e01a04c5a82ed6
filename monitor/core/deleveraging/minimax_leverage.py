"""`minimax-leverage`: cut from the top until the highest leverage left is as low as possible.

notional taken_i = max(0, notional_i - L x equity_i) with the one L at which the asked amount is
met; in whole lots, each from the account that stands highest (see `water_filling`). 600 and then
400 is the same as 1,000 at once. Notionals of 100 and 60 on 10 of equity each, asked for 80: 60 and
20, both are left with leverage 4. Equity 0 goes first, the largest position of those first.
Equities count to 18 significant digits.
Source: Campbell et al. (distribution-free optimum for expected loss).
"""

from fractions import Fraction

from monitor.core.deleveraging.policy import Policy, Ranking, Share, by_score
from monitor.core.deleveraging.round import Round, Unit, Winner, settled
from monitor.core.deleveraging.water_filling import Column, take_highest


def split(round_: Round, _unit: Unit, lots: Fraction) -> list[Share]:
    """Return what each position gives, highest leverage first."""
    order = by_score(round_.winners, round_.leverage)
    finite = [winner for winner, leverage in order if leverage is not None]
    infinite = [winner for winner, leverage in order if leverage is None]
    lot = round_.notional(1)
    first = take_highest([_column(winner, Fraction(1)) for winner in infinite], int(lots))
    columns = [_column(winner, settled(winner.equity or Fraction(0)) / lot) for winner in finite]
    taken = first + take_highest(columns, int(lots) - sum(first))
    return [
        Share(winner, part, leverage) for (winner, leverage), part in zip(order, taken, strict=True)
    ]


def _column(winner: Winner, width: Fraction) -> Column:
    return Column(winner.name, winner.size, width, winner.lots)


POLICY = Policy(
    name="minimax-leverage",
    unit="contracts",
    needs=("equity",),
    prices=("mark_price",),
    split=split,
    ranking=Ranking(Round.leverage, lambda rough: rough.leverage, rests_on=("equity",)),
)
