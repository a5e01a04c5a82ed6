"""Choosing and splitting in linear time, in floats: what the policies' fast twins are made of.

All work on the first `count` elements of arrays of a `Round` (`candidates.py`), allocate nothing
and break ties by place. `foremost` is a weighted quickselect, `in_proportion` fills with caps,
`highest` is water-filling in whole lots.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index.compile import apart, inlined

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
LEVELS_MAX = 200  # halvings of a bracket of two floats
NEARLY_WHOLE = 1e-9  # this near below a whole number of lots it is that number


@inlined
def whole(size: float) -> float:
    """Return the whole lots in a size whose float may lie a rounding below them."""
    return math.floor(size * (1.0 + NEARLY_WHOLE))


@inlined
def comes_before(key: Floats, one: int, other: int) -> bool:
    """Return whether an element comes before another: the larger key, ties by place."""
    return bool(key[one] > key[other] or (key[one] == key[other] and one < other))


@apart
def partition(key: Floats, order: Counts, low: int, high: int) -> int:
    """Put what comes before a pivot to the left of it; return the pivot's place in `order`."""
    middle, last = (low + high) // 2, high - 1
    first, second, third = order[low], order[middle], order[last]
    if comes_before(key, second, first):
        first, second = second, first
    if comes_before(key, third, second):
        second = third
        if comes_before(key, second, first):
            second = first
    place = low if second == order[low] else (middle if second == order[middle] else last)
    order[place], order[last] = order[last], second
    store = low
    for number in range(low, last):
        if comes_before(key, order[number], second):
            order[store], order[number] = order[number], order[store]
            store += 1
    order[store], order[last] = order[last], order[store]
    return store


@apart
def foremost(
    key: Floats, weight: Floats, order: Counts, span: tuple[int, int], asked: float
) -> tuple[int, float]:
    """Bring the first in order of `key` that weigh `asked` together to the front of `order`.

    Return (how many are whole, what is taken of the next). `span`: where in `order`.
    """
    low, high = span
    rest = asked
    while low < high:
        middle = partition(key, order, low, high)
        left = 0.0
        for number in range(low, middle):
            left += weight[order[number]]
        if left >= rest:
            high = middle
            continue
        rest -= left
        own = weight[order[middle]]
        if own >= rest:
            return middle, rest
        rest -= own
        low = middle + 1
    return low, 0.0 if low == span[1] else rest


@apart
def in_proportion(weight: Floats, cap: Floats, taken: Floats, count: int, asked: float) -> None:
    """Write min(cap, t x weight) with the t at which they add up to what is asked, or the caps.

    Who has weight or cap 0 is left as it is.
    """
    for number in range(count):
        if weight[number] > 0.0 and cap[number] > 0.0:
            taken[number] = -1.0  # not capped as yet
    rest, given = asked, 1.0
    while given > 0.0:
        total = 0.0
        for number in range(count):
            if taken[number] < 0.0:
                total += weight[number]
        level = max(0.0, rest) / total if total > 0.0 else 0.0
        given = cap_at(weight, cap, taken, count, level)
        rest -= given
    for number in range(count):
        if taken[number] < 0.0:
            taken[number] = level * weight[number]


@inlined
def cap_at(weight: Floats, cap: Floats, taken: Floats, count: int, level: float) -> float:
    """Give those their caps that reach them at a level; return the sum of these."""
    given = 0.0
    for number in range(count):
        if taken[number] < 0.0 and level * weight[number] >= cap[number]:
            taken[number] = cap[number]
            given += cap[number]
    return given


@apart
def to_whole_lots(taken: Floats, key: Floats, order: Counts, count: int) -> None:
    """Turn exact shares into whole lots: floors, then one each by the largest remainder."""
    rest, ones = 0.0, 0
    for number in range(count):
        lots = whole(taken[number])
        remainder = max(0.0, taken[number] - lots)
        rest += remainder
        taken[number] = lots
        if remainder > 0.0:
            key[number] = remainder
            order[ones] = number
            ones += 1
    asked = int(np.rint(rest))
    if asked <= 0:
        return
    low, high = 0, ones
    while low < high:
        middle = partition(key, order, low, high)
        if middle == asked:
            break
        if middle > asked:
            high = middle
        else:
            low = middle + 1
    for number in range(min(asked, ones)):
        taken[order[number]] += 1.0


class Water(NamedTuple):
    """Columns whose y-th lot (from 0) stands at the level (height - y) / width, width > 0."""

    height: Floats
    width: Floats
    lots: Floats
    taken: Floats
    order: Counts


@inlined
def lots_above(w: Water, own: int, level: float) -> float:
    """Return how many lots of a column stand at a level or above it."""
    depth = math.floor(w.height[own] - level * w.width[own])
    return float(min(w.lots[own], max(0.0, depth + 1.0)))


@apart
def highest(w: Water, count: int, asked: float) -> None:
    """Add what the columns in `order` give: the `asked` lots that stand highest.

    Ties go by the order in `order`, whose end is not kept.
    """
    total, top, bottom = 0.0, -math.inf, math.inf
    for number in range(count):
        own = w.order[number]
        total += w.lots[own]
        top = max(top, w.height[own] / w.width[own])
        bottom = min(bottom, (w.height[own] - w.lots[own]) / w.width[own])
    if asked >= total:
        for number in range(count):
            w.taken[w.order[number]] += w.lots[w.order[number]]
        return
    if asked > 0.0:
        top += abs(top) * 1e-12 + 1e-300  # nothing stands here, everything there:
        bottom -= abs(bottom) * 1e-12 + 1e-300
        _give(w, _bracket(w, count, asked, (top, bottom)))


@inlined
def _bracket(
    w: Water, count: int, asked: float, span: tuple[float, float]
) -> tuple[int, float, float, float]:
    """Return (columns that matter, asked, top, bottom): the narrowest bracket of the level."""
    top, bottom = span
    left = count
    for _ in range(LEVELS_MAX):
        level = bottom + 0.5 * (top - bottom)
        if level <= bottom or level >= top:
            break
        found = 0.0
        for number in range(left):
            found += lots_above(w, w.order[number], level)
        if found < asked:
            top = level
            continue
        bottom = level
        kept = 0
        for number in range(left):
            own = w.order[number]
            if w.height[own] - bottom * w.width[own] >= 0.0:
                w.order[kept] = own
                kept += 1
        left = kept
        if found == asked:
            break
    return left, asked, top, bottom


@inlined
def _give(w: Water, level: tuple[int, float, float, float]) -> None:
    """Add the lots above the bracket, then those inside it until `asked` is met."""
    count, rest, top, bottom = level
    lower = 0.0
    for number in range(count):
        own = w.order[number]
        lower += lots_above(w, own, bottom)
    if lower == rest:
        for number in range(count):
            own = w.order[number]
            w.taken[own] += lots_above(w, own, bottom)
        return
    for number in range(count):
        own = w.order[number]
        sure = lots_above(w, own, top)
        w.taken[own] += sure
        rest -= sure
    for number in range(count):
        own = w.order[number]
        more = lots_above(w, own, bottom)
        more -= lots_above(w, own, top)
        part = min(rest, more)
        w.taken[own] += part
        rest -= part


@apart
def sort_descending(key: Floats, order: Counts, span: tuple[int, int]) -> None:
    """Sort a part of `order` by key, largest first, ties by place: a heap sort."""
    first, count = span[0], span[1] - span[0]
    for begin in range(count // 2 - 1, -1, -1):
        _sink(key, order, first, (begin, count))
    for end in range(count - 1, 0, -1):
        order[first], order[first + end] = order[first + end], order[first]
        _sink(key, order, first, (0, end))


@inlined
def _sink(key: Floats, order: Counts, first: int, span: tuple[int, int]) -> None:
    """Let an element sink in a heap, which begins at `first`, with what comes last on top."""
    place, count = span
    while 2 * place + 1 < count:
        below = 2 * place + 1
        if below + 1 < count and comes_before(key, order[first + below], order[first + below + 1]):
            below += 1
        if not comes_before(key, order[first + place], order[first + below]):
            break
        order[first + place], order[first + below] = order[first + below], order[first + place]
        place = below
