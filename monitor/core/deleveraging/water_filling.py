"""Water-filling in whole lots: always the next lot from the one that stands highest.

The y-th lot (from 0) of a column stands at the level (height - y) / width. The lots that stand
highest are taken, ties by name: so taking 600 and then 400 is the same as 1,000 at once, and no
other choice of whole lots leaves a lower highest level. Found without walking lot by lot: the
exact level in rationals first (sort and solve), then fewer lots than columns are given back.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(slots=True, frozen=True)
class Column:
    """One account: `height` and `width` (> 0) give its levels, `lots` is how many it has."""

    name: str
    height: Fraction
    width: Fraction
    lots: int


def water_level(columns: Sequence[Column], total: int) -> Fraction:
    """Return the L at which the sum of clip(height - L x width, 0, lots) is `total`.

    0 < total < all lots. As L falls the sum rises, linearly between the levels where a column
    begins (height / width) and where it is used up.
    """
    bends = [(column.height / column.width, 0, column) for column in columns]
    bends += [((column.height - column.lots) / column.width, 1, column) for column in columns]
    bends.sort(key=lambda bend: (-bend[0], bend[1]))
    height, width = Fraction(0), Fraction(0)
    for level, used_up, column in bends:
        if width and height - level * width >= total:
            break
        sign = -1 if used_up else 1
        height += sign * column.height + used_up * column.lots
        width += sign * column.width
    return (height - total) / width


def take_highest(columns: Sequence[Column], total: int) -> list[int]:
    """Return how many lots each column gives, together min(total, all lots)."""
    if total >= sum(column.lots for column in columns):
        return [column.lots for column in columns]
    if total <= 0:
        return [0] * len(columns)
    level = water_level(columns, total)
    taken = [_lots_above(column, level) for column in columns]
    lowest = [
        _last(column, number, taken) for number, column in enumerate(columns) if taken[number]
    ]
    heapq.heapify(lowest)
    for _ in range(sum(taken) - total):
        _, _, number = lowest[0]
        taken[number] -= 1
        if taken[number]:
            heapq.heapreplace(lowest, _last(columns[number], number, taken))
        else:
            heapq.heappop(lowest)
    return taken


def _lots_above(column: Column, level: Fraction) -> int:
    """Return how many lots of a column stand at the level or above it."""
    depth = column.height - level * column.width
    return min(column.lots, max(0, depth.numerator // depth.denominator + 1))


class _Backward(bytes):
    """Bytes that sort last first: among equals the last name gets its lot back first."""

    __slots__ = ()

    def __lt__(self, other: bytes) -> bool:
        return bytes.__gt__(self, other)


def _last(column: Column, number: int, taken: list[int]) -> tuple[Fraction, _Backward, int]:
    """Return the level of the lowest lot taken from a column, and what breaks its ties."""
    level = (column.height - taken[number] + 1) / column.width
    return (level, _Backward(column.name.encode("utf-8")), number)
