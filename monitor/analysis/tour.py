"""The tour of all distances: the joint move and the nearest sides at every image, others by turns.

What is remembered of an older image stays, with its moment, until it is its turn again.
"""

import math
from collections.abc import Sequence

import numpy as np

from monitor.analysis.cascade import Cascades
from monitor.analysis.distance import ALL, distance_of
from monitor.analysis.markets import Markets
from monitor.core.decisions import Side
from monitor.core.distance_view import ALL_INSTRUMENTS, Distances, DistanceView

NEAREST = 10  # sides that are looked at in every image
UNITS_MAX = 200_000_000  # looked at in one image: beyond, the other sides wait for the next
SIDE_NAMES: tuple[Side, Side] = ("long", "short")


Key = tuple[str, int]  # instrument, side


class Tour:
    """Keeps the distances of all sides."""

    def __init__(self) -> None:
        """Begin without any."""
        self._known: dict[Key, DistanceView] = {}
        self._next = 0

    def look(
        self, as_of_ns: int, names: Sequence[str], cascades: Cascades, markets: Markets
    ) -> Distances:
        """Return the distances after a look at the image of a moment; `names`: of instruments."""
        held = np.flatnonzero(np.diff(cascades.image.positions.begins))  # sides with a position
        sides = {(names[side // 2], int(side % 2)): int(side // 2) for side in held.tolist()}
        if sides:
            sides |= {(ALL_INSTRUMENTS, 0): ALL, (ALL_INSTRUMENTS, 1): ALL}
        self._known = {key: kept for key, kept in self._known.items() if key in sides}
        chosen, turn = self._turn(list(sides), markets.sides_per_image)
        for name, side in chosen + turn:
            if cascades.units_looked_at > UNITS_MAX:
                break
            if (name, side) in turn:
                self._next += 1
            distance = distance_of(cascades, markets.books, sides[name, side], side)
            self._known[name, side] = DistanceView(
                instrument=name,
                side=SIDE_NAMES[side],
                as_of_ns=as_of_ns,
                first_round_ratio=distance.first_round,
                cascade_ratio=distance.cascade,
                bankruptcy_ratio=distance.bankruptcy,
                reproduction_ratio=distance.reproduction,
                loss_usd=distance.loss_usd,
            )
        return Distances(as_of_ns=as_of_ns, sides=tuple(self._ordered()))

    def _ordered(self) -> list[DistanceView]:
        return sorted(self._known.values(), key=nearness)

    def _turn(self, sides: list[Key], count: int) -> tuple[list[Key], list[Key]]:
        """Return the sides of this image: the joint ones and the nearest, and whose turn it is."""
        keys = {(one.instrument, SIDE_NAMES.index(one.side)) for one in self._ordered()[:NEAREST]}
        chosen = [side for side in sides if side in keys or side[0] == ALL_INSTRUMENTS]
        others = [side for side in sides if side not in chosen]
        self._next = self._next % len(others) if others else 0
        turn = others[self._next :] + others[: self._next]
        return chosen, turn[: max(1, count - len(chosen))]


def nearness(one: DistanceView) -> tuple[float, float, float, str, str]:
    """Return what sorts the nearest first."""
    ratios = (one.cascade_ratio, one.first_round_ratio, one.bankruptcy_ratio)
    far = [math.inf if ratio is None else ratio for ratio in ratios]
    return far[0], far[1], far[2], one.instrument, one.side
