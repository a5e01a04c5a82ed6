"""The columns of the liquidation ladder, and its grid of prices.

A cell is 5 bp of price on one absolute logarithmic grid, the same for every instrument and shard:
a mark that moves moves no entry. A bucket is a run of cells that grows with the distance in cells
from the mark, at most max(5 bp, 5 % of the distance) wide; the first is the cell of the mark.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index.columns import ITEMS_MAX, Columns
from monitor.core.margin.index.compile import inlined
from monitor.core.margin.index.growth import grown

CELL = math.log(1.0005)  # of log price
DISTANCE_SHARE = 0.05
OCTAVE = 1_387  # cells
# A side's window: four octaves where its entries lie, and one for a mark that drifts.
FAR_OCTAVES = 4
WINDOW = (FAR_OCTAVES + 1) * OCTAVE
DRIFT_MAX = OCTAVE // 2  # cells from the middle: then the windows are laid anew
UNSET = -(1 << 31)  # the middle of no window
# Where a unit stands.
OFF, PLACED, REACHED, LEFT_UNKNOWN, LEFT_EXACT = range(5)
STANDINGS = 5
# Sides of a mark on which entries lie.
LOWER, UPPER = 0, 1
# Flags.
DRIFTED, REPLACED = 0, 1


class LadderColumns(NamedTuple):
    """The ladder in arrays, beside the columns of its book."""

    sizes: NDArray[np.float64]  # [instrument, side, cell of the window]
    counts: NDArray[np.int32]  # entries in each
    entries: NDArray[np.int32]  # [row, side]: the cell that a row is in, from 1; 0: none
    middles: NDArray[np.int32]  # of each mark's windows, an absolute cell
    standings: NDArray[np.uint8]  # of units
    totals: NDArray[np.int64]  # units by standing
    bucket_cells: NDArray[np.int32]  # [side, cells from the mark]: cells of the bucket there
    bucket_numbers: NDArray[np.int32]  # ... and its number
    last: NDArray[np.int32]  # scratch, by slot: the last place of a unit's rows on it, 0: none
    following: NDArray[np.int32]  # scratch, by place: the place before on the same slot
    rooms: NDArray[np.float64]  # scratch, by place: slack that the others may change
    limits: NDArray[np.float64]  # scratch, by place: radius for a full share
    nearing: NDArray[np.float64]  # scratch, [place, side]: how far the mark may come nearer
    flags: NDArray[np.int64]


def make_ladder(columns: Columns) -> LadderColumns:
    """Return an empty ladder for the columns of a book."""
    shape = (len(columns.instruments), 2, WINDOW)
    return LadderColumns(
        sizes=np.zeros(shape),
        counts=np.zeros(shape, np.int32),
        entries=np.zeros((len(columns.rows), 2), np.int32),
        middles=np.full(len(columns.slots), UNSET, np.int32),
        standings=np.zeros(len(columns.begins), np.uint8),
        totals=np.zeros(STANDINGS, np.int64),
        bucket_cells=np.stack([of_buckets(np.diff(edges), edges) for edges in EDGES]),
        bucket_numbers=np.stack([of_buckets(np.arange(len(edges) - 1), edges) for edges in EDGES]),
        last=np.zeros(len(columns.slots), np.int32),
        following=np.zeros(ITEMS_MAX + 1, np.int32),
        rooms=np.zeros(ITEMS_MAX + 1),
        limits=np.zeros(ITEMS_MAX + 1),
        nearing=np.zeros((ITEMS_MAX + 1, 2)),
        flags=np.zeros(2, np.int64),
    )


def fitted(ladder: LadderColumns, columns: Columns) -> LadderColumns:
    """Return a ladder with room for what its book has grown to."""
    slots, units = len(columns.slots), len(columns.begins)
    if len(ladder.sizes) < len(columns.instruments):
        ladder = ladder._replace(
            sizes=grown(ladder.sizes, len(columns.instruments)),
            counts=grown(ladder.counts, len(columns.instruments)),
        )
    if len(ladder.entries) < len(columns.rows):
        ladder = ladder._replace(entries=grown(ladder.entries, len(columns.rows)))
    if len(ladder.middles) < slots:
        middles = grown(ladder.middles, slots)
        middles[len(ladder.middles) :] = UNSET
        ladder = ladder._replace(middles=middles, last=grown(ladder.last, slots))
    if len(ladder.standings) < units:
        ladder = ladder._replace(standings=grown(ladder.standings, units))
    return ladder


def bucket_edges(side: int) -> list[int]:
    """Return where each bucket of a side begins, in cells from the mark's, and where the last ends.

    The last may end beyond the window: buckets never shrink outwards, which the bound needs.

    Worked: cells 0 to 20 are buckets of their own; at a distance of 10 % they are 9 to 11 cells.
    """
    edges = [0]
    while edges[-1] < WINDOW:
        near = max(0, edges[-1] - 1) * CELL  # at least so far from the mark, in log price
        if side == 0:
            share = min(0.9, DISTANCE_SHARE * (math.exp(near) - 1.0))
            width = -math.log(1.0 - share)
        else:
            width = math.log(1.0 + DISTANCE_SHARE * (1.0 - math.exp(-near)))
        edges.append(edges[-1] + max(1, int(width / CELL)))
    return edges


def of_buckets(numbers: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return a number of each bucket for every distance in cells that it reaches over."""
    return np.repeat(numbers, np.diff(edges))[:WINDOW].astype(np.int32)


EDGES = tuple(np.array(bucket_edges(side)) for side in (LOWER, UPPER))
BUCKETS_MAX = max(len(edges) - 1 for edges in EDGES)


@inlined
def cell_of(price: float) -> int:
    """Return the cell of a price on the absolute grid."""
    return math.floor(math.log(price) / CELL)


@inlined
def price_of(cell: int) -> float:
    """Return the price at which a cell begins."""
    return math.exp(cell * CELL)


@inlined
def first_cell(middle: int, side: int) -> int:
    """Return the first cell of a window: side 0 reaches four octaves down, side 1 up."""
    return middle - FAR_OCTAVES * OCTAVE if side == 0 else middle - OCTAVE
