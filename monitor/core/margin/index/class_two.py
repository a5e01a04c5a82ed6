"""Class 2 sums: what one pass over an image of the book says, exact for the image's moment.

`class_two(columns)` makes them from any columns, best from an image's (`image.py`); `merge` adds
those of two sets of units: counts exactly, amounts within `rounding` of the whole. Everything is
one sign in one sum, so errors are relative to the sum itself. docs/model/live_sums.md has the
formulas.

Amounts by instrument are in its settlement currency; `valued` brings them to the valuation
currency. Sides: 0 long, 1 short. A unit that is unknown has no equity, no requirement and no
distance: it is counted as unknown.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index.columns import (
    BANKRUPT,
    CONSTANT,
    LIQUIDATABLE,
    POSITION,
    STATES,
    UNDECIDED,
    UNKNOWN,
    Columns,
    Records,
)
from monitor.core.margin.index.compile import compiled, inlined, prefetch
from monitor.core.margin.index.slopes import asset_slope, mark_slope, value_slope
from monitor.core.margin.index.verdict import measure, slot_of

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
LONG, SHORT = 0, 1
WORST_MAX = 1_000
UNITS_AHEAD = 12  # how many units are on the way from memory at once
# Bucket i of the margin ratio holds [edge i, edge i + 1); then bankrupt units, then unknown ones.
MARGIN_RATIO_EDGES = np.array(
    [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1, 1.1, 1.25, 1.5, 2, 5, np.inf]
)
RATIO_BANKRUPT = len(MARGIN_RATIO_EDGES) - 1
RATIO_UNKNOWN = RATIO_BANKRUPT + 1
RATIO_ONE = int(np.flatnonzero(MARGIN_RATIO_EDGES == 1.0)[0])
# Bucket i of the distance holds [edge i, edge i + 1); then liquidatable units, then unknown ones.
DISTANCE_EDGES = np.array(
    [0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, np.inf]
)
DISTANCE_NONE = len(DISTANCE_EDGES) - 1
DISTANCE_UNKNOWN = DISTANCE_NONE + 1


class ClassTwo(NamedTuple):
    """Sums over units, by state, by [instrument, side], by bucket. All of them add."""

    units: Counts  # by state
    equity: Floats  # by state, with collateral after tiered haircuts
    requirement: Floats  # maintenance margin by state
    left_to_exact: Counts  # [0]: units with rules that the index leaves to the exact verdict
    gains: Floats  # unrealized, of the positions that gain, >= 0; not a number: no mark
    losses: Floats  # unrealized, of the positions that lose, >= 0
    free_margin: Floats  # equity - maintenance of the units on a side, where above 0, valued
    holders: Counts  # known units on a side
    margin_ratios: Counts  # units with a position, by bucket
    distances: Counts  # units with a position, by bucket
    notionals: Floats  # [instrument, side, bucket of the unit's distance]
    worst_units: Counts  # worst first
    worst_covers: Floats  # equity / maintenance margin of these, 1 / margin ratio

    @property
    def shortfall(self) -> float:
        """Return what would be missing if all units under water closed now, >= 0, valued."""
        return max(0.0, -float(self.equity[BANKRUPT]))


ADDED = tuple(name for name in ClassTwo._fields if not name.startswith("worst_"))


class Scratch(NamedTuple):
    """What the pass writes on: slopes by slot, who was last seen on a side, the worst as a heap."""

    slopes: Floats
    seen: Counts
    covers: Floats
    units: Counts
    filled: Counts


def class_two(
    columns: Columns, *, span: tuple[int, int] | None = None, worst_max: int = WORST_MAX
) -> ClassTwo:
    """Return the sums over the units of `span` (first, end), or over all.

    ValueError: a verdict is undecided.
    """
    if columns.counts[UNDECIDED]:
        raise ValueError(f"expected every verdict decided, {columns.counts[UNDECIDED]} are not")
    sums = empty_sums(len(columns.instruments))
    scratch = Scratch(
        np.zeros(len(columns.slots)),
        np.full((len(columns.instruments), 2), -1, np.int64),
        np.zeros(worst_max),
        np.zeros(worst_max, np.int64),
        np.zeros(1, np.int64),
    )
    first, end = span or (0, len(columns.begins))
    count_units(columns, sums, scratch, first, end)
    filled = int(scratch.filled[0])
    return _with_worst(sums, scratch.units[:filled], scratch.covers[:filled], worst_max)


def empty_sums(instruments: int) -> ClassTwo:
    """Return the sums over no unit."""
    sides = (instruments, 2)
    return ClassTwo(
        units=np.zeros(STATES, np.int64),
        equity=np.zeros(STATES),
        requirement=np.zeros(STATES),
        left_to_exact=np.zeros(1, np.int64),
        gains=np.zeros(sides),
        losses=np.zeros(sides),
        free_margin=np.zeros(sides),
        holders=np.zeros(sides, np.int64),
        margin_ratios=np.zeros(RATIO_UNKNOWN + 1, np.int64),
        distances=np.zeros(DISTANCE_UNKNOWN + 1, np.int64),
        notionals=np.zeros((*sides, DISTANCE_UNKNOWN + 1)),
        worst_units=np.zeros(0, np.int64),
        worst_covers=np.zeros(0),
    )


def merge(first: ClassTwo, second: ClassTwo, *, worst_max: int = WORST_MAX) -> ClassTwo:
    """Return the sums over the units of both, which have no unit in common.

    The worst are named by number: both must number units alike, and list the same instruments.
    """
    added = {name: getattr(first, name) + getattr(second, name) for name in ADDED}
    units = np.concatenate([first.worst_units, second.worst_units])
    covers = np.concatenate([first.worst_covers, second.worst_covers])
    return _with_worst(first._replace(**added), units, covers, worst_max)


def _with_worst(sums: ClassTwo, units: Counts, covers: Floats, worst_max: int) -> ClassTwo:
    """Return sums with the worst of some units: by cover, ties by number."""
    order = np.lexsort((units, covers))[:worst_max]
    return sums._replace(worst_units=units[order], worst_covers=covers[order])


def rounding(parts: int) -> float:
    """Return the largest relative error of a sum of so many parts, in whatever order they add."""
    return 2.0 * parts * 2.0**-53


def valued(columns: Columns, amounts: Floats) -> Floats:
    """Return amounts by instrument (first axis) in the valuation currency.

    Not a number where the value of the settlement currency is missing.
    """
    values = columns.slots["price"][columns.instruments["value"]]
    return np.asarray(amounts * values.reshape(-1, *(1,) * (amounts.ndim - 1)))


# --- the pass ------------------------------------------------------------------------------------


@compiled
def count_units(c: Columns, sums: ClassTwo, scratch: Scratch, first: int, end: int) -> None:
    """Add the units from the first to the end."""
    for unit in range(first, end):
        ahead = c.begins[min(unit + UNITS_AHEAD, end - 1)]
        if ahead >= 0:
            prefetch(c.rows, ahead)
            prefetch(c.rows, ahead + 2)
        begin = int(c.begins[unit])
        if begin >= 0:
            count_unit(c, sums, scratch, begin)


@inlined
def count_unit(c: Columns, sums: ClassTwo, scratch: Scratch, begin: int) -> None:
    """Add one unit."""
    head = c.heads[begin]
    state = head["state"]
    sums.units[state] += 1
    if head["always_exact"]:
        sums.left_to_exact[0] += 1
    measured = measure(c, begin)
    equity, maintenance, has_position = measured[0], measured[1], measured[3]
    if state != UNKNOWN:
        sums.equity[state] += equity
        sums.requirement[state] += maintenance
        if has_position or state == BANKRUPT:
            keep_worst(scratch, cover_of(equity, maintenance), head["unit"])
    if has_position:
        sums.margin_ratios[ratio_bucket(state, equity, maintenance)] += 1
        slope = slope_of(c, scratch, begin) if state < LIQUIDATABLE else 0.0
        bucket = distance_bucket(state, equity - maintenance, slope)
        sums.distances[bucket] += 1
        free = max(0.0, equity - maintenance) if state != UNKNOWN else 0.0
        count_positions(c, sums, scratch, begin, (bucket, free))


@inlined
def count_positions(
    c: Columns, sums: ClassTwo, scratch: Scratch, begin: int, unit: tuple[int, float]
) -> None:
    """Add the positions of a unit, whose (bucket of distance, free margin) are known."""
    head = c.heads[begin]
    bucket, free = unit
    for number in range(begin + 1 + head["assets"], begin + 1 + head["count"]):
        row = c.rows[number]
        instrument = row["ref"]
        side = LONG if row["quantity"] > 0.0 else SHORT
        notional, gain = notional_and_gain(c, row)
        sums.notionals[instrument, side, bucket] += notional
        if not gain >= 0.0:  # or not a number: then neither sum is one
            sums.losses[instrument, side] -= gain
        if not gain <= 0.0:
            sums.gains[instrument, side] += gain
        if bucket != DISTANCE_UNKNOWN and scratch.seen[instrument, side] != head["unit"]:
            scratch.seen[instrument, side] = head["unit"]
            sums.holders[instrument, side] += 1
            sums.free_margin[instrument, side] += free


@inlined
def notional_and_gain(c: Columns, row: Records) -> tuple[float, float]:
    """Return a position's notional and unrealized gain, in the settlement currency."""
    terms = c.instruments[row["ref"]]
    mark = c.slots[terms["mark"]]["price"]
    quantity, entry = row["quantity"], row["entry"]
    if terms["inverse"]:
        return abs(quantity) / mark, quantity / entry - quantity / mark
    return abs(quantity) * mark, quantity * (mark - entry)


@inlined
def slope_of(c: Columns, scratch: Scratch, begin: int) -> float:
    """Return what a unit loses if each of its prices moves against it by 100 %, to first order.

    What two items make of one price is set off first.
    """
    head = c.heads[begin]
    for number in range(begin + 1, begin + 1 + head["count"]):
        row = c.rows[number]
        slot = slot_of(c, row)
        if row["kind"] == POSITION:
            terms = c.instruments[row["ref"]]
            notional, gain = notional_and_gain(c, row)
            scratch.slopes[slot] += mark_slope(c, row, notional)
            if terms["value"] != CONSTANT:
                scratch.slopes[terms["value"]] += value_slope(c, row, notional, gain)
        elif slot != CONSTANT:
            scratch.slopes[slot] += asset_slope(c, row, c.slots[slot]["price"])
    total = 0.0
    for number in range(begin + 1, begin + 1 + head["count"]):
        row = c.rows[number]
        total += taken_slope(scratch, slot_of(c, row))
        if row["kind"] == POSITION:
            total += taken_slope(scratch, c.instruments[row["ref"]]["value"])
    return total


@inlined
def taken_slope(scratch: Scratch, slot: int) -> float:
    """Return the magnitude of a slot's slope, once."""
    slope = abs(scratch.slopes[slot])
    scratch.slopes[slot] = 0.0
    return float(slope)


@inlined
def ratio_bucket(state: int, equity: float, maintenance: float) -> int:
    """Return the bucket of a margin ratio; the verdict, which is exact, decides at 1."""
    if state == UNKNOWN:
        return RATIO_UNKNOWN
    if state == BANKRUPT:
        return RATIO_BANKRUPT
    ratio = maintenance / equity if equity > 0.0 else math.inf
    bucket = 0
    while bucket < RATIO_BANKRUPT - 1 and ratio >= MARGIN_RATIO_EDGES[bucket + 1]:
        bucket += 1
    return max(bucket, RATIO_ONE) if state == LIQUIDATABLE else min(bucket, RATIO_ONE - 1)


@inlined
def distance_bucket(state: int, slack: float, slope: float) -> int:
    """Return the bucket of the common adverse move, relative, that brings equity to maintenance."""
    if state == UNKNOWN:
        return DISTANCE_UNKNOWN
    if state >= LIQUIDATABLE:
        return DISTANCE_NONE
    bucket = 0
    while bucket < DISTANCE_NONE - 1 and slack >= DISTANCE_EDGES[bucket + 1] * slope:
        bucket += 1
    return bucket


# --- the worst -----------------------------------------------------------------------------------


@inlined
def cover_of(equity: float, maintenance: float) -> float:
    """Return equity / maintenance margin: the smaller the worse, below 0 when bankrupt."""
    if maintenance > 0.0:
        return equity / maintenance
    return 0.0 if equity == 0.0 else math.copysign(math.inf, equity)


@inlined
def is_worse(cover: float, unit: int, other_cover: float, other_unit: int) -> bool:
    """Return whether a unit comes before another: by cover, ties by number."""
    return cover < other_cover or (cover == other_cover and unit < other_unit)


@inlined
def keep_worst(scratch: Scratch, cover: float, unit: int) -> None:
    """Put a unit among the worst if it belongs there: a heap with the least bad on top."""
    filled, room = scratch.filled[0], len(scratch.covers)
    if filled < room:
        scratch.filled[0] = filled + 1
        rise(scratch, filled, cover, unit)
    elif room > 0 and is_worse(cover, unit, scratch.covers[0], scratch.units[0]):
        sink(scratch, cover, unit)


@inlined
def rise(scratch: Scratch, place: int, cover: float, unit: int) -> None:
    """Put a unit at the end of the heap and let it rise."""
    while place > 0:
        above = (place - 1) // 2
        if not is_worse(scratch.covers[above], scratch.units[above], cover, unit):
            break
        scratch.covers[place], scratch.units[place] = scratch.covers[above], scratch.units[above]
        place = above
    scratch.covers[place], scratch.units[place] = cover, unit


@inlined
def sink(scratch: Scratch, cover: float, unit: int) -> None:
    """Put a unit in the place of the least bad and let it sink."""
    room, place = len(scratch.covers), 0
    while 2 * place + 1 < room:
        below = 2 * place + 1
        other = below + 1
        if other < room and is_worse(
            scratch.covers[below], scratch.units[below], scratch.covers[other], scratch.units[other]
        ):
            below = other
        if not is_worse(cover, unit, scratch.covers[below], scratch.units[below]):
            break
        scratch.covers[place], scratch.units[place] = scratch.covers[below], scratch.units[below]
        place = below
    scratch.covers[place], scratch.units[place] = cover, unit
