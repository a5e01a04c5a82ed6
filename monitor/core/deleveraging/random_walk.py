"""`random-walk`: from a random start through all accounts, whole positions, without a rank.

Accounts stand in a circle in UTF-8 order; the seed gives the start. Who would be bankrupt when its
whole position is closed at the bankruptcy price is passed over (the two bankruptcy prices do not
overlap), and after `VISITS_MAX` accounts the walk ends. The same seed walks the same way.
Source: dYdX v4, `x/clob/keeper/deleveraging.go`.
"""

import hashlib
from fractions import Fraction

from monitor.core.deleveraging.policy import Policy, Share, name_order
from monitor.core.deleveraging.round import Round, Unit, Winner

VISITS_MAX = 500


def overlaps(round_: Round, winner: Winner) -> bool:
    """Return whether a winner stays solvent when all of it is closed at the bankruptcy price."""
    concession = round_.concession()
    assert winner.equity is not None
    assert concession is not None
    return winner.equity >= concession * winner.size


def split(round_: Round, _unit: Unit, lots: Fraction) -> list[Share]:
    """Return what each position gives, in the order of the walk."""
    circle = sorted(round_.winners, key=name_order)
    if not circle:
        return []
    digest = hashlib.sha256(str(round_.seed).encode()).digest()
    start = int.from_bytes(digest) % len(circle)
    rest = int(lots)
    shares = []
    for visit, winner in enumerate(circle[start:] + circle[:start]):
        reached = visit < VISITS_MAX and overlaps(round_, winner)
        taken = min(rest, winner.lots) if reached else 0
        shares.append(Share(winner, taken, None))
        rest -= taken
    return shares


POLICY = Policy(
    name="random-walk",
    unit="contracts",
    needs=("equity",),
    prices=("mark_price", "bankruptcy_price"),
    split=split,
    ranking=None,
    may_bankrupt=True,  # it looks for itself
)
