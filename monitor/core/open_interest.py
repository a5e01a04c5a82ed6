"""Open interest by side and by owner: sums, squares and the largest, kept by differences.

Sizes are magnitudes in the size units of the instrument, exact integers. An owner's accounts
count as one group; what it holds long and what it holds short are counted apart.
"""

import heapq
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

TOP_GROUPS = 10  # of `top_share`
FOREMOST = 64
FOREMOST_MAX = 256
_AFTER_ALL = (1, "")


class Concentration(NamedTuple):
    """How much of one side's open interest few owners hold, each 0 to 1; 0 without any.

    `herfindahl` is the sum of the squared shares of all groups: 1 is a single holder, 0.01 a
    hundred equal ones (Herfindahl-Hirschman index).
    """

    largest_share: Fraction
    top_share: Fraction
    herfindahl: Fraction


class SideInterest:
    """One side of one instrument: what every owner holds, their sum and the sum of squares.

    The largest are found among the foremost: all groups before a bound in the order of the most
    units, then of names. Too many of them draw the bound in; too few are counted out anew.
    """

    __slots__ = ("_bound", "_concentration", "foremost", "groups", "squares", "total")

    def __init__(self) -> None:
        """Begin without positions."""
        self.groups: dict[str, int] = {}
        self.total = 0
        self.squares = 0
        self.foremost: dict[str, int] = {}
        self._bound = _AFTER_ALL  # (-units, owner)
        self._concentration: Concentration | None = None  # since the last change

    def change(self, owner: str, difference: int) -> None:
        """Let an owner hold so many units more."""
        self._concentration = None
        before = self.groups.get(owner, 0)
        after = before + difference
        self.total += difference
        self.squares += after * after - before * before
        if after:
            self.groups[owner] = after
        else:
            self.groups.pop(owner, None)
        if after and (-after, owner) < self._bound:
            self.foremost[owner] = after
            if len(self.foremost) > FOREMOST_MAX:
                self._choose(self.foremost)
        else:
            self.foremost.pop(owner, None)

    def _choose(self, groups: dict[str, int]) -> None:
        """Let the first of some groups be the foremost."""
        order = ((-units, owner) for owner, units in groups.items())
        first = heapq.nsmallest(FOREMOST + 1, order)
        self._bound = first.pop() if len(first) > FOREMOST else _AFTER_ALL
        self.foremost = {owner: -units for units, owner in first}

    def largest(self, count: int) -> list[tuple[str, int]]:
        """Return the (owner, units) that hold most, the largest first, ties by name."""
        assert count <= FOREMOST
        if len(self.foremost) < min(count, len(self.groups)):
            self._choose(self.groups)
        return sorted(self.foremost.items(), key=lambda group: (-group[1], group[0]))[:count]

    def concentration(self) -> Concentration:
        """Return how concentrated the side is.

        Two groups of 3 and 1: the largest has 3/4, the squares come to 9/16 + 1/16 = 10/16.
        """
        if self._concentration is None:
            total, first = self.total or 1, [units for _, units in self.largest(TOP_GROUPS)]
            self._concentration = Concentration(
                Fraction(max(first, default=0), total),
                Fraction(sum(first), total),
                Fraction(self.squares, total * total),
            )
        return self._concentration


def merged(parts: Sequence[SideInterest]) -> SideInterest:
    """Return one side of several shards as one: an owner may have accounts in each."""
    if len(parts) == 1:
        return parts[0]
    whole = SideInterest()
    for part in parts:
        for owner, units in part.groups.items():
            whole.change(owner, units)
    return whole
