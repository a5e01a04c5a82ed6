"""Open interest by side and by owner: sums, squares and the largest, kept by differences.

Sizes are magnitudes in the size units of the instrument, exact integers. An owner's accounts
count as one group; what it holds long and what it holds short are counted apart.
"""

import heapq
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

TOP_GROUPS = 10  # of `top_share`
_OUTDATED_MIN = 1_024


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

    The largest are found from a heap in which a group that changes gets a new entry and leaves
    its old one; what is outdated is dropped when it surfaces, or when it is as much as the rest.
    """

    __slots__ = ("_concentration", "_heap", "groups", "squares", "total")

    def __init__(self) -> None:
        """Begin without positions."""
        self.groups: dict[str, int] = {}
        self.total = 0
        self.squares = 0
        self._heap: list[tuple[int, str]] = []
        self._concentration: Concentration | None = None  # since the last change

    def change(self, owner: str, difference: int) -> None:
        """Let an owner hold so many units more."""
        self._concentration = None
        before = self.groups.get(owner, 0)
        after = before + difference
        self.total += difference
        self.squares += after * after - before * before
        if not after:
            self.groups.pop(owner, None)
            return
        self.groups[owner] = after
        heapq.heappush(self._heap, (-after, owner))
        if len(self._heap) > 2 * len(self.groups) + _OUTDATED_MIN:
            self._heap = [(-units, owner) for owner, units in self.groups.items()]
            heapq.heapify(self._heap)

    def largest(self, count: int) -> list[tuple[str, int]]:
        """Return the (owner, units) that hold most, the largest first, ties by name."""
        found: list[tuple[int, str]] = []
        while self._heap and len(found) < count:
            entry = heapq.heappop(self._heap)
            if self.groups.get(entry[1]) == -entry[0] and (not found or found[-1] != entry):
                found.append(entry)
        for entry in found:
            heapq.heappush(self._heap, entry)
        return [(owner, -units) for units, owner in found]

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
