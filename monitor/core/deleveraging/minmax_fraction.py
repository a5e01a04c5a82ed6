"""`minmax-fraction`: whole lots so that the largest part of anybody's equity is the smallest.

Minimizes max_i lots_i / equity_i over whole lots that add up to what is asked. The price of the
close is the same for everybody, so this is the largest part of equity given up. Exact: the next
lot always comes from the account where it makes the smallest fraction (ties by account), which no
other choice beats. 10 lots of accounts with equities of 30 and 10: 8 and 2 (fractions 8/30 and
2/10), where 7 and 3 would cost the second 3/10. Equity 0 gives last: any part of it is infinite.
The yardstick that other policies are measured against. Source: arXiv 2602.15182 (min-max program).
"""

from fractions import Fraction

from monitor.core.deleveraging.policy import Policy, Ranking, Share, by_score
from monitor.core.deleveraging.round import Round, Unit, Winner, settled
from monitor.core.deleveraging.water_filling import Column, take_highest


def score(_round: Round, winner: Winner) -> Fraction:
    """Return a winner's equity."""
    return winner.equity or Fraction(0)


def split(round_: Round, _unit: Unit, lots: Fraction) -> list[Share]:
    """Return what each position gives, the one with the most equity first."""
    order = by_score(round_.winners, lambda winner: score(round_, winner))
    rich = [winner for winner, equity in order if equity]
    poor = [winner for winner, equity in order if not equity]
    taken = take_highest([_column(winner) for winner in rich], int(lots))
    taken += take_highest([_column(winner) for winner in poor], int(lots) - sum(taken))
    return [
        Share(winner, part, equity) for (winner, equity), part in zip(order, taken, strict=True)
    ]


def _column(winner: Winner) -> Column:
    """Return levels -(lots given) / equity: the smallest fraction stands highest."""
    return Column(winner.name, Fraction(-1), settled(winner.equity or Fraction(1)), winner.lots)


POLICY = Policy(
    name="minmax-fraction",
    unit="contracts",
    needs=("equity",),
    prices=(),
    split=split,
    ranking=Ranking(score, lambda rough: rough.equity, rests_on=("equity",)),
)
