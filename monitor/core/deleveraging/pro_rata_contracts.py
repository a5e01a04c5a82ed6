"""`pro-rata-contracts`: everybody gives the same part of its position, in whole lots.

lots_i = asked x lots_i / all lots, floors first, then the largest remainders (ties by account).
Asked for 10 of positions of 10, 20 and 30 lots: 2, 3 and 5 (exact 1.67, 3.33, 5).
Source: Paradex and Drift (integer pro rata), with real lots.
"""

from fractions import Fraction

from monitor.core.apportionment import apportion
from monitor.core.deleveraging.policy import Policy, Ranking, Share, by_score
from monitor.core.deleveraging.round import Round, Unit, Winner


def score(_round: Round, winner: Winner) -> Fraction:
    """Return a winner's size."""
    return winner.size


def split(round_: Round, _unit: Unit, lots: Fraction) -> list[Share]:
    """Return what each position gives, largest position first."""
    order = by_score(round_.winners, lambda winner: score(round_, winner))
    sizes = [winner.size for winner, _ in order]
    caps = [winner.lots for winner, _ in order]
    names = [winner.name for winner, _ in order]
    taken = apportion(int(lots), sizes, caps, names)
    return [Share(winner, part, score) for (winner, score), part in zip(order, taken, strict=True)]


POLICY = Policy(
    name="pro-rata-contracts",
    unit="contracts",
    needs=(),
    prices=(),
    split=split,
    ranking=Ranking(score, lambda rough: rough.lots),
)
