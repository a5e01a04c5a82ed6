"""The liquidation ladder: how much becomes liquidatable as one price moves, the others held.

For every instrument and side: a unit that is not liquidatable becomes so at the nearest price, down
or up, at which its equity is no more than its maintenance margin; there its position in that
instrument counts. Kept by differences, wrong by at most one bucket, and right after `refresh`
(docs/model/ladder.md). A second threshold index holds the units: its guards are nearer than those
of verdicts, so it may be moved after them, and less often.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index import ladder_steps
from monitor.core.margin.index.columns import ITEM, Capacity, Columns, Records
from monitor.core.margin.index.index import Item, ThresholdIndex, checked
from monitor.core.margin.index.ladder_columns import (
    CELL,
    DRIFTED,
    LEFT_EXACT,
    LEFT_UNKNOWN,
    PLACED,
    REACHED,
    REPLACED,
    UNSET,
    WINDOW,
    bucket_edges,
    cell_of,
    first_cell,
    fitted,
    make_ladder,
)
from monitor.core.margin.index.terms import InstrumentTerms

LOWER, UPPER = 0, 1
EDGES = tuple(np.array(bucket_edges(side)) for side in (LOWER, UPPER))


class Rungs(NamedTuple):
    """One side of an instrument's ladder, bucket by bucket away from the mark.

    `prices`: the edges, one more than buckets, the first in the cell of the mark. `sizes`: what
    becomes liquidatable in a bucket, in the position's own unit (contracts of an inverse one in
    the quote currency), `notional` its worth at the bucket's near edge in the valuation currency,
    `units` how many entries. `passed`: size of entries that the mark has passed since they were
    looked at, less than a bucket off.
    """

    prices: NDArray[np.float64]
    sizes: NDArray[np.float64]
    units: NDArray[np.int64]
    notional: NDArray[np.float64]
    passed: float

    @property
    def cumulative(self) -> NDArray[np.float64]:
        """Return the notional that is liquidatable once the price is through each bucket."""
        return np.cumsum(self.notional)


class LeftOut(NamedTuple):
    """Units that are not on the ladder, and why; `placed`: those that are."""

    placed: int
    liquidatable: int
    unknown: int
    exact_only: int


class Ladder:
    """The ladders of all instruments; told prices and units as a threshold index is."""

    def __init__(self, capacity: Capacity | None = None) -> None:
        """Begin empty."""
        self._book = ThresholdIndex(1.0, capacity, settle_columns=self._settle_columns)
        self._ladder = make_ladder(self._book.columns)
        self._marks: set[int] = set()
        self._values: set[int] = set()

    def _settle_columns(self, columns: Columns) -> bool:
        self._ladder = fitted(self._ladder, columns)
        return ladder_steps.settle(columns, self._ladder)

    # --- what there is -------------------------------------------------------------------------

    def add_price(self, price: float = np.nan) -> int:
        """Return the slot of a new price; that of a mark may value nothing else, nor amounts."""
        return self._book.add_price(price)

    def add_instrument(self, terms: InstrumentTerms) -> int:
        """Return the number of a new instrument."""
        marks, values = self._marks | {terms.mark}, self._values | {terms.value}
        if terms.mark in self._marks or marks & values:
            raise ValueError(
                f"expected a mark of its own that values nothing else, received slot {terms.mark}"
            )
        self._marks, self._values = marks, values
        return self._book.add_instrument(terms)

    def relist_instrument(self, number: int, terms: InstrumentTerms) -> None:
        """Change an instrument's terms, not its prices; every unit is placed anew."""
        self._book.relist_instrument(number, terms)
        self.refresh()

    def add_collateral(self, slot: int, tiers: Sequence[tuple[float, float]]) -> int:
        """Return the number of a collateral that a slot values: (width, share that counts) each."""
        if slot in self._marks:
            raise ValueError(f"expected a slot that is no instrument's mark, received {slot}")
        self._values.add(slot)
        return self._book.add_collateral(slot, tiers)

    def set_unit(self, unit: int, items: Iterable[Item]) -> None:
        """Set all items of a unit."""
        rows = [(unit, i.ref, i.quantity, i.entry, i.kind) for i in items]
        self.set_units(np.array(rows or [(unit, 0, 0.0, 0.0, 1)], dtype=ITEM))

    def set_units(self, items: Records) -> None:
        """Set all items of many units (ITEM records, those of a unit together)."""
        if len(items) == 0:
            return
        self.settle()
        self._book.check(items)
        first = np.flatnonzero(np.diff(items["unit"], prepend=-1))
        self._take(items["unit"][first], forget=False)
        self._book.set_units(items)
        self.settle()

    def remove_units(self, units: Sequence[int]) -> None:
        """Forget units."""
        self.settle()
        self._take(self._book.held(units), forget=True)
        self._book.remove_units(units)

    def _take(self, units: NDArray[Any], *, forget: bool) -> None:
        numbers = np.ascontiguousarray(units, dtype=np.int32)
        self._ladder = fitted(self._ladder, self._book.columns)
        ladder_steps.take_units(self._book.columns, self._ladder, numbers, forget)

    # --- prices --------------------------------------------------------------------------------

    def move(
        self, slots: Sequence[int] | NDArray[Any], prices: Sequence[float] | NDArray[Any]
    ) -> None:
        """Set prices as one step (not a number: missing) and keep the ladder."""
        where, to = self._book.known_slots(slots), checked(prices)
        self._ladder = fitted(self._ladder, self._book.columns)
        ladder_steps.set_prices(self._book.columns, self._ladder, where, to)
        self.settle()

    def move_each(self, slots: NDArray[Any], prices: NDArray[Any]) -> None:
        """Apply single moves of known prices, the ladder kept after each."""
        self.settle()
        where, to = self._book.known_slots(slots), checked(prices)
        if np.isnan(to).any() or np.isnan(self._book.columns.slots["price"][where]).any():
            raise ValueError("expected moves of known prices: use move for missing ones")
        done = 0
        while done < len(where):
            done = ladder_steps.move_each(self._book.columns, self._ladder, where, to, done)
            self.settle()

    def settle(self) -> None:
        """Place every unit that was hit, or all if a mark has drifted out of its windows."""
        if self._ladder.flags[DRIFTED]:
            self.refresh()
        else:
            self._book.settle()

    def refresh(self) -> None:
        """Place every unit anew: the ladder is then what the definition says."""
        book, old = self._book.columns, fitted(self._ladder, self._book.columns)
        self._ladder = make_ladder(book)._replace(standings=old.standings)
        self._ladder.flags[REPLACED] = old.flags[REPLACED]
        ladder_steps.list_all(book, self._ladder)
        self._book.settle()

    # --- what it knows -------------------------------------------------------------------------

    def rungs(self, instrument: int, side: int) -> Rungs | None:
        """Return one side of an instrument's ladder; None while its mark or value is missing."""
        self.settle()
        columns, ladder = self._book.columns, self._ladder
        terms = columns.instruments[instrument]
        mark = float(columns.slots["price"][terms["mark"]])
        value = float(columns.slots["price"][terms["value"]])
        if np.isnan(mark) or np.isnan(value):
            return None
        middle = int(ladder.middles[terms["mark"]])
        middle = cell_of(mark) if middle == UNSET else middle
        own, first = cell_of(mark), first_cell(middle, side)
        sizes, units, passed = _outward(
            ladder.sizes[instrument, side], ladder.counts[instrument, side], own - first, side
        )
        cells = own + 1 - EDGES[side] if side == LOWER else own + EDGES[side]
        prices = np.exp(cells * CELL)
        near = prices[:-1].copy()
        near[0] = mark
        notional = value * (sizes / near if terms["inverse"] else sizes * near)
        return Rungs(prices, sizes, units, notional, passed)

    def left_out(self) -> LeftOut:
        """Return how many units are on the ladder and how many are not, by reason."""
        self.settle()
        totals = self._ladder.totals
        return LeftOut(*(int(totals[s]) for s in (PLACED, REACHED, LEFT_UNKNOWN, LEFT_EXACT)))

    @property
    def replaced(self) -> int:
        """Return how many times a unit was placed, since the beginning."""
        return int(self._ladder.flags[REPLACED])

    @property
    def columns(self) -> Columns:
        """Return the columns of the book."""
        return self._book.columns

    @property
    def cells_bytes(self) -> int:
        """Return what is reserved for the cells of all instruments; touched where entries lie."""
        return self._ladder.sizes.nbytes + self._ladder.counts.nbytes

    def sort_out(self) -> None:
        """Drop every outdated guard: for idle time."""
        self._book.sort_out()


def _outward(
    sizes: NDArray[np.float64], counts: NDArray[np.int32], own: int, side: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
    """Return (sizes, entries) by bucket from the mark's cell outwards, and the size behind it."""
    if side == LOWER:
        sizes, counts, own = sizes[::-1], counts[::-1], WINDOW - 1 - own
    padded = np.zeros((2, EDGES[side][-1]))
    padded[0, : WINDOW - own] = sizes[own:]
    padded[1, : WINDOW - own] = counts[own:]
    buckets = np.add.reduceat(padded, EDGES[side][:-1], axis=1)
    return buckets[0], buckets[1].astype(np.int64), float(sizes[:own].sum())


def merged(rungs: Sequence[Rungs]) -> Rungs:
    """Return one side of an instrument over many shards, which have the same mark."""
    first = rungs[0]
    if any(not np.array_equal(own.prices, first.prices) for own in rungs):
        raise ValueError("expected rungs of one instrument and side at one mark")
    return Rungs(
        first.prices,
        np.sum([own.sizes for own in rungs], axis=0),
        np.sum([own.units for own in rungs], axis=0),
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
