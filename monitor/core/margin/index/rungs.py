"""The ladder added up to buckets: rungs, which merge over shards and can be shown.

Compiled code adds up all instruments at once (`LadderSums`); the rungs of one are made from that
when somebody asks for them.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index.columns import Columns
from monitor.core.margin.index.compile import compiled, inlined
from monitor.core.margin.index.ladder_columns import (
    BUCKETS_MAX,
    CELL,
    EDGES,
    LOWER,
    OFF,
    PLACED,
    STANDINGS,
    UNSET,
    WINDOW,
    LadderColumns,
    cell_of,
    first_cell,
)

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class Rungs(NamedTuple):
    """One side of an instrument's ladder, bucket by bucket away from the mark.

    `prices`: the edges, one more than buckets, the first in the cell of the mark. `sizes`: what
    becomes liquidatable in a bucket, in the position's own unit (contracts of an inverse one in
    the quote currency), `settled` its worth at the bucket's near edge in the settlement currency,
    `notional` the same in the valuation currency, `units` how many entries. `passed`: size of
    entries that the mark has passed since they were looked at, less than a bucket off.
    """

    prices: Floats
    sizes: Floats
    units: Counts
    settled: Floats
    notional: Floats
    passed: float

    @property
    def cumulative(self) -> Floats:
        """Return the notional that is liquidatable once the price is through each bucket."""
        return np.cumsum(self.notional)


class LadderSums(NamedTuple):
    """The ladders of instruments at one moment, by number from the first that was asked for.

    `off_sizes`, `off_units`: what units that are not on the ladder hold, by where they stand.
    """

    marks: Floats  # not a number: missing
    values: Floats  # of the settlement currency
    inverse: NDArray[np.bool_]
    sizes: Floats  # [instrument, side, bucket]
    units: Counts  # entries
    passed_sizes: Floats  # [instrument, side]: entries that the mark has passed
    passed_units: Counts
    off_sizes: Floats  # [instrument, standing]
    off_units: Counts

    def rungs(self, number: int, side: int) -> Rungs | None:
        """Return one side of an instrument; None while its mark or value is missing."""
        mark, value = float(self.marks[number]), float(self.values[number])
        if math.isnan(mark) or math.isnan(value):
            return None
        own, edges = cell_of(mark), EDGES[side]
        prices = np.exp((own + 1 - edges if side == LOWER else own + edges) * CELL)
        near = prices[:-1].copy()
        near[0] = mark
        sizes = self.sizes[number, side, : len(near)]
        settled = self.settled(number, sizes, near)
        passed = float(self.passed_sizes[number, side])
        units = self.units[number, side, : len(near)]
        return Rungs(prices, sizes, units, settled, value * settled, passed)

    def settled(self, number: int, sizes: Floats, marks: Floats) -> Floats:
        """Return what sizes are worth at some marks, in the settlement currency."""
        return sizes / marks if self.inverse[number] else sizes * marks


def ladder_sums(columns: Columns, ladder: LadderColumns, first: int, end: int) -> LadderSums:
    """Return the ladders of the instruments of [first, end), added up; what is off them is not."""
    shape, terms = (end - first, 2, BUCKETS_MAX), columns.instruments[first:end]
    sums = LadderSums(
        marks=columns.slots["price"][terms["mark"]],
        values=columns.slots["price"][terms["value"]],
        inverse=terms["inverse"] != 0,
        sizes=np.zeros(shape),
        units=np.zeros(shape, np.int64),
        passed_sizes=np.zeros(shape[:2]),
        passed_units=np.zeros(shape[:2], np.int64),
        off_sizes=np.zeros((end - first, STANDINGS)),
        off_units=np.zeros((end - first, STANDINGS), np.int64),
    )
    add_cells(columns, ladder, sums, first, end)
    return sums


@compiled
def add_cells(c: Columns, ladder: LadderColumns, sums: LadderSums, first: int, end: int) -> None:
    """Add the cells of instruments up to buckets."""
    for number in range(first, end):
        slot = c.instruments[number]["mark"]
        mark = c.slots[slot]["price"]
        if not math.isnan(mark) and ladder.middles[slot] != UNSET:
            own, middle = cell_of(mark), int(ladder.middles[slot])
            for side in range(2):
                add_side(
                    ladder, sums, (number, number - first, side), first_cell(middle, side) - own
                )


@inlined
def add_side(
    ladder: LadderColumns, sums: LadderSums, where: tuple[int, int, int], begin: int
) -> None:
    """Add (instrument, its place in the sums, side), whose window begins so far from the mark."""
    number, place, side = where
    for cell in range(WINDOW):
        count = ladder.counts[number, side, cell]
        if count == 0:
            continue
        size = ladder.sizes[number, side, cell]
        offset = -(begin + cell) if side == LOWER else begin + cell
        if offset < 0:
            sums.passed_sizes[place, side] += size
            sums.passed_units[place, side] += count
        else:
            bucket = ladder.bucket_numbers[side, offset]
            sums.sizes[place, side, bucket] += size
            sums.units[place, side, bucket] += count


@compiled
def add_off(c: Columns, ladder: LadderColumns, sums: LadderSums) -> None:
    """Add what units off the ladder hold to the sums of all; two legs are one unit."""
    for unit in range(len(c.begins)):
        standing = ladder.standings[unit]
        if standing in (OFF, PLACED):
            continue
        begin, before = int(c.begins[unit]), -1
        head = c.heads[begin]
        for number in range(begin + 1 + head["assets"], begin + 1 + head["count"]):
            row = c.rows[number]
            ref = row["ref"]
            sums.off_sizes[ref, standing] += abs(row["quantity"])
            sums.off_units[ref, standing] += ref != before
            before = ref


def merged(rungs: Sequence[Rungs]) -> Rungs:
    """Return one side of an instrument over many shards, which have the same mark."""
    first = rungs[0]
    if any(not np.array_equal(own.prices, first.prices) for own in rungs):
        raise ValueError("expected rungs of one instrument and side at one mark")
    return Rungs(
        first.prices,
        np.sum([own.sizes for own in rungs], axis=0),
        np.sum([own.units for own in rungs], axis=0),
        np.sum([own.settled for own in rungs], axis=0),
        np.sum([own.notional for own in rungs], axis=0),
        sum(own.passed for own in rungs),
    )


def picture(lower: Rungs, upper: Rungs) -> dict[str, list[dict[str, float]]]:
    """Return what a picture shows: for each side the buckets with entries, away from the mark.

    Each: `price_from` below `price_to`, `notional`, `cumulative` from the mark on.
    """
    return {"lower": _bars(lower), "upper": _bars(upper)}


def _bars(rungs: Rungs) -> list[dict[str, float]]:
    cumulative = rungs.cumulative
    return [
        {
            "price_from": float(min(rungs.prices[k], rungs.prices[k + 1])),
            "price_to": float(max(rungs.prices[k], rungs.prices[k + 1])),
            "notional": float(rungs.notional[k]),
            "cumulative": float(cumulative[k]),
        }
        for k in np.flatnonzero(rungs.units)
    ]
