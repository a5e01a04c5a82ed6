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

from monitor.core.margin.index import ladder_differences, ladder_steps
from monitor.core.margin.index.columns import (
    CONSTANT,
    ITEM,
    ITEMS_MAX,
    Capacity,
    Columns,
    Records,
)
from monitor.core.margin.index.growth import grown, with_rows, with_units
from monitor.core.margin.index.index import Item, ThresholdIndex, checked
from monitor.core.margin.index.ladder_columns import (
    DRIFTED,
    LEFT_EXACT,
    LEFT_UNKNOWN,
    PLACED,
    REACHED,
    REPLACED,
    fitted,
    make_ladder,
)
from monitor.core.margin.index.rungs import LadderSums, Rungs, add_off, ladder_sums
from monitor.core.margin.index.terms import InstrumentTerms

# What an image lists beside its prices.
TABLES = ("instruments", "rare", "tiers", "steps", "haircuts")


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
        self._slots = 1
        self._marks: set[int] = set()
        self._values: set[int] = set()

    def _settle_columns(self, columns: Columns) -> bool:
        self._ladder = fitted(self._ladder, columns)
        return ladder_steps.settle(columns, self._ladder)

    # --- what there is -------------------------------------------------------------------------

    def add_price(self, price: float = np.nan) -> int:
        """Return the slot of a new price; that of a mark may value nothing else, nor amounts."""
        slot = self._book.add_price(price)
        self._slots = slot + 1
        return slot

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

    def follow(self, image: Columns) -> int:
        """Become the ladder of a book as an image has it; return how many units had changed.

        By differences: units that the image has otherwise are placed anew, and those whose guards
        its prices cross. Follow the images of one index, in their order, and tell the ladder
        nothing else. Listings may share a mark, as an instrument and the same one listed anew do,
        as long as no unit holds two of them. ValueError: a mark values something.
        """
        is_relisted = self._list_as(image)
        changed = self._take_as(image)
        held, told = self._book.columns.slots["price"], image.slots["price"]
        held = held[: len(told)]
        moved = np.flatnonzero((held != told) & ~(np.isnan(held) & np.isnan(told)))
        self.move(moved, told[moved])
        if is_relisted:
            self.refresh()
        return changed

    def _list_as(self, image: Columns) -> bool:
        """List what an image lists, by the same numbers; return whether known terms changed."""
        listed = image.instruments[image.instruments["mark"] != CONSTANT]
        values = np.union1d(listed["value"], image.haircuts["slot"])
        if np.isin(listed["mark"], values).any():
            raise ValueError("expected marks that value nothing else")
        while self._slots < len(image.slots):
            self.add_price()
        book = self._book.columns
        was_free = book.instruments["mark"] == CONSTANT
        changed = _differ(book.instruments, image.instruments) & ~was_free
        changed |= _differ(book.rare, image.rare) & ~was_free
        # An area of tiers or steps that was given back is used again, whoever's it is now.
        is_relisted = bool(changed.any()) or any(
            _differ(getattr(book, name), getattr(image, name)).any()
            for name in ("tiers", "steps", "haircuts")
        )
        tables = {name: getattr(image, name).copy() for name in TABLES}
        positions = grown(book.positions, max(len(image.instruments), len(book.positions)))
        self._book.columns = book._replace(positions=positions, **tables)
        return is_relisted

    def _take_as(self, image: Columns) -> int:
        """Take every unit that an image has otherwise, to be placed; return how many."""
        book = self._book
        if len(book.columns.begins) < len(image.begins):
            book.columns = with_units(book.columns, book.memory, len(image.begins))
        changed = np.zeros(len(image.begins), np.int32)
        changed = changed[: ladder_differences.list_changed(image, book.columns, changed)]
        done = 0
        while True:
            self._ladder = fitted(self._ladder, book.columns)
            done = ladder_differences.take_changed(image, book.columns, self._ladder, changed, done)
            if done == len(changed):
                return done
            rows = 2 * len(book.columns.rows) + 4 * ITEMS_MAX
            book.columns = with_rows(book.columns, book.memory, rows)

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
        sums = ladder_sums(self._book.columns, self._ladder, instrument, instrument + 1)
        return sums.rungs(0, side)

    def sums(self) -> LadderSums:
        """Return the ladders of all instruments as they are now."""
        self.settle()
        columns = self._book.columns
        sums = ladder_sums(columns, self._ladder, 0, len(columns.instruments))
        add_off(columns, self._ladder, sums)
        return sums

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


def _differ(before: Records, after: Records) -> NDArray[np.bool_]:
    """Return by number what differs of a table that only grows; what is new does not."""
    differs = np.zeros(len(before), np.bool_)
    known = min(len(before), len(after))
    differs[:known] = before[:known] != after[:known]
    return differs
