"""The threshold index: prices and units in, unit numbers and states out.

Exact by the guard bound: while every price stays inside a unit's guards, its verdict cannot
change; a price that crosses guards re-evaluates only their units. Verdicts come out first; the
guards of the units that were hit are set when the caller calls `settle`, or before the next step.

A price is a slot (0 is the constant 1), an instrument, a collateral and a unit are numbers.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index import steps
from monitor.core.margin.index.blocks import rows_left
from monitor.core.margin.index.buckets import PRICE_MAX, PRICE_MIN
from monitor.core.margin.index.columns import (
    BUCKETS_USED,
    CHANGES,
    ITEM,
    ITEMS_MAX,
    STATES,
    UNITS_HELD,
    UNKNOWN,
    Capacity,
    Columns,
    Memory,
    PrivateMemory,
    Records,
    make_columns,
)
from monitor.core.margin.index.exposures import EXPOSURES, exposures_of
from monitor.core.margin.index.growth import (
    with_chunks,
    with_rows,
    with_slots,
    with_units,
)
from monitor.core.margin.index.holdings import TOO_MANY, UNIT_ITEMS_MAX, UNTOLD, Holdings
from monitor.core.margin.index.limits import refuse_items
from monitor.core.margin.index.listings import Listings
from monitor.core.margin.index.terms import InstrumentTerms

# Above this share of units that a batch is expected to hit, verdicts come from a rescan.
RESCAN_SHARE = 0.15


class Item(NamedTuple):
    """One item of a unit; `kind` says what `ref` is.

    POSITION: instrument, with signed quantity and entry price; AMOUNT: slot that values it;
    COLLATERAL: its number; WATCHED: nothing, with quantity 1.
    """

    kind: int
    ref: int
    quantity: float
    entry: float = 0.0


class Sums(NamedTuple):
    """Class 1 sums, by state: how many units, and their equity.

    Equity leaves out collateral with tiered haircuts; that of unknown units is not a number.
    """

    counts: NDArray[np.int64]
    equity: NDArray[np.float64]


class ThresholdIndex:
    """Which units can change state at this price, and the states of all."""

    def __init__(
        self,
        call_factor: float,
        capacity: Capacity | None = None,
        memory: Memory | None = None,
        settle_columns: Callable[[Columns], bool] = steps.settle,
        *,
        end_factor: float = 1.0,
    ) -> None:
        """Begin empty, with the factors of `use_rules`.

        `memory`: where other processes can read an image of the book (private without).
        `settle_columns` sets the guards of the hits (False: it needs more room): those of verdicts,
        unless the index keeps something else than verdicts.
        """
        self.memory = memory or PrivateMemory()
        self.columns: Columns = make_columns(capacity or Capacity(), self.memory)
        self.columns.rules["share"] = 1.0
        self.use_rules(call_factor, end_factor)
        self._settle_columns = settle_columns
        self.items = np.zeros(UNIT_ITEMS_MAX, ITEM)  # of the unit that is being put
        self._slots = 1
        self._listings = Listings()

    def use_rules(self, call_factor: float, end_factor: float) -> None:
        """Take 1 / margin_call_ratio and 1 / liquidation_end_ratio; then call `rescan`."""
        for name, factor in (("call", call_factor), ("end", end_factor)):
            if not 1.0 <= factor < np.inf:
                raise ValueError(f"expected a factor of {name} of at least 1, received {factor}")
        self.columns.rules["call_factor"] = call_factor
        self.columns.rules["end_factor"] = end_factor

    # --- what there is -------------------------------------------------------------------------

    def add_price(self, price: float = np.nan) -> int:
        """Return the slot of a new price, missing until it is set."""
        self.settle()
        slot, self._slots = self._slots, self._slots + 1
        if slot >= len(self.columns.slots):
            self.columns = with_slots(self.columns)
        if self.columns.counters[BUCKETS_USED] + 2 > len(self.columns.buckets):
            self.columns = with_chunks(self.columns)
        own = self.columns.slots[slot]
        own["ring"] = self.columns.counters[BUCKETS_USED]
        own["guards_max"] = 256
        self.columns.counters[BUCKETS_USED] += 2
        if not np.isnan(price):
            self.move([slot], [price])
        return slot

    def add_instrument(self, terms: InstrumentTerms) -> int:
        """Return the number of a new instrument."""
        self.settle()
        self.columns, number = self._listings.add_instrument(self.columns, terms)
        return number

    def relist_instrument(self, number: int, terms: InstrumentTerms) -> None:
        """Change an instrument's terms, not its prices; call `rescan` before the next step."""
        own = self.columns.instruments[number]
        if (own["mark"], own["value"], own["inverse"]) != (terms.mark, terms.value, terms.inverse):
            raise ValueError(
                "expected the mark, value and kind that the instrument was listed with"
            )
        self.settle()
        self.columns = self._listings.set_terms(self.columns, number, terms)

    def drop_instrument(self, number: int) -> None:
        """Give an instrument's number back, which no unit holds: the next one gets it."""
        self.settle()
        self._listings.drop_instrument(self.columns, number)

    def add_collateral(self, slot: int, tiers: Sequence[tuple[float, float]]) -> int:
        """Return the number of a collateral that a slot values: (width, share that counts) each."""
        self.columns, number = self._listings.add_collateral(self.columns, slot, tiers)
        return number

    def drop_collateral(self, number: int) -> None:
        """Give a collateral's number back, like `drop_instrument`."""
        self.settle()
        self._listings.drop_collateral(self.columns, number)

    # --- units ---------------------------------------------------------------------------------

    def set_unit(self, unit: int, items: Iterable[Item]) -> Records:
        """Set all items of a unit; return the change of its state, if any, as `move` does."""
        rows = [(unit, i.ref, i.quantity, i.entry, i.kind) for i in items]
        # a unit without items is a unit still: an amount of 0 stands for it
        return self.set_units(np.array(rows or [(unit, 0, 0.0, 0.0, 1)], dtype=ITEM))

    def set_units(self, items: Records) -> Records:
        """Set all items of many units (ITEM records, those of a unit together); return changes."""
        if len(items) == 0:
            return self.columns.changes[:0]
        self.settle()
        self.check(items)
        units = int(items["unit"].max()) + 1
        if units > len(self.columns.begins):
            self.columns = with_units(self.columns, self.memory, units)
        self._place(items)
        steps.judge_listed(self.columns)
        return self._changes()

    def put_unit(self, holdings: Holdings, first: int, subject: tuple[int, int, int]) -> int:
        """Set and judge a unit as the ledger has it, and return its state, changed or not.

        `steps.put_unit` says what it is given; UNTOLD: the caller has to tell a meaning first.
        """
        columns, items = self.columns, self.items
        while (state := steps.put_unit(columns, holdings, items, first, subject)) < UNTOLD:
            if state == TOO_MANY:
                raise ValueError(f"expected at most {UNIT_ITEMS_MAX} items of one unit")
            columns = self._with_room(subject[0])
        return state

    def _with_room(self, unit: int) -> Columns:
        """Return columns with room for a unit of any size."""
        self.settle()
        if unit >= len(self.columns.begins):
            self.columns = with_units(self.columns, self.memory, unit + 1)
        elif rows_left(self.columns) < 2 * ITEMS_MAX:
            self._add_rows()
        return self.columns

    def _add_rows(self) -> None:
        rows = 2 * len(self.columns.rows) + 4 * ITEMS_MAX
        self.columns = with_rows(self.columns, self.memory, rows)

    def holds(self, unit: int) -> bool:
        """Return whether a unit was set and not removed."""
        begins = self.columns.begins
        return unit < len(begins) and bool(begins[unit] >= 0)

    def _place(self, items: Records) -> None:
        self.columns.counters[CHANGES] = 0
        done = 0
        while True:
            done = steps.set_units(self.columns, items, done)
            if done == len(items):
                break
            self._add_rows()

    def remove_units(self, units: Sequence[int]) -> None:
        """Forget units."""
        self.settle()
        steps.drop_units(self.columns, self.held(units))

    def set_ending(self, unit: int, *, ending: bool) -> None:
        """Say whether a unit is in liquidation; it stays so whatever its items, until removed.

        Of such a unit every verdict is reported as a change, `before` = `after` too, so that the
        caller decides in exact numbers whether it is clear of the level where a liquidation
        ends; between two reports it stays on the same side of that level.
        """
        steps.set_ending(self.columns, int(self.held([unit])[0]), ending)

    def check(self, items: Records) -> None:
        """Refuse wrong items before anything is changed."""
        refs_max = (self._listings.instruments, self._slots, len(self.columns.haircuts))
        refuse_items(items, refs_max, len(self.columns.begins))

    def held(self, units: Sequence[int] | NDArray[Any]) -> NDArray[np.int32]:
        """Return unit numbers, each of a unit that is held."""
        numbers = np.ascontiguousarray(units, dtype=np.int32)
        begins = self.columns.begins
        if len(numbers) and (
            numbers.min() < 0 or numbers.max() >= len(begins) or begins[numbers].min() < 0
        ):
            raise ValueError("expected units that were set and not removed")
        return numbers

    def known_slots(self, slots: Sequence[int] | NDArray[Any]) -> NDArray[np.int32]:
        """Return slots of prices that were added."""
        where = np.ascontiguousarray(slots, dtype=np.int32)
        if len(where) and (where.min() <= 0 or where.max() >= self._slots):
            raise ValueError(f"expected price slots from 1 to {self._slots - 1}")
        return where

    # --- prices --------------------------------------------------------------------------------

    def move(
        self,
        slots: Sequence[int] | NDArray[Any],
        prices: Sequence[float] | NDArray[Any],
        *,
        by_rescan: bool | None = None,
    ) -> Records:
        """Set prices as one step (not a number: missing); return changes of state, CHANGE records.

        `after` UNDECIDED: the caller decides in exact numbers and calls `decide`. The way,
        guards or rescan, is chosen by how many hits the sizes of the buckets let expect.
        """
        self.settle()
        where, to = self.known_slots(slots), checked(prices)
        if by_rescan is None:
            by_rescan = len(where) > 1 and self._is_rescan_better(where, to)
        self.columns.counters[CHANGES] = 0
        steps.move_prices(self.columns, where, to, by_rescan)
        return self._changes()

    def _is_rescan_better(self, slots: NDArray[Any], prices: NDArray[Any]) -> bool:
        hits = steps.expected_hits(self.columns, slots, prices)
        return bool(hits > RESCAN_SHARE * self.columns.counters[UNITS_HELD])

    def move_one(self, slot: int, price: float) -> Records:
        """Set one price of a slot that was added, as `move` does; the next call overwrites them."""
        count = steps.move_one(self.columns, slot, price) if PRICE_MIN < price < PRICE_MAX else -1
        return self.move([slot], [price]) if count < 0 else self.columns.changes[:count]

    def move_each(
        self, slots: NDArray[Any], prices: NDArray[Any], first: int = 0
    ) -> tuple[int, Records]:
        """Apply single moves of known prices from the first on; return (moves done, changes).

        Each is a step of its own, numbered in the changes. Ends after a step with a verdict that
        the caller has to decide, and now and then so that guards and changes find room.
        """
        self.settle()
        where, to = self.known_slots(slots), checked(prices)
        if np.isnan(to).any() or np.isnan(self.columns.slots["price"][where]).any():
            raise ValueError("expected moves of known prices: use move for missing ones")
        self.columns.counters[CHANGES] = 0
        done = steps.move_each(self.columns, where, to, first)
        return done, self._changes()

    def settle(self) -> None:
        """Set the guards of all units that were hit; called before every step if you do not."""
        while not self._settle_columns(self.columns):
            self.columns = with_chunks(self.columns)

    def rescan(self) -> Records:
        """Judge every unit and set all guards anew; return changes."""
        self.settle()
        self.columns.counters[CHANGES] = 0
        steps.judge_all(self.columns)
        return self._changes()

    def sort_out(self) -> None:
        """Drop every outdated guard: for idle time. Steps do it for a price that has too many."""
        self.settle()
        while not steps.sort_all(self.columns):
            self.columns = with_chunks(self.columns)

    def decide(self, unit: int, state: int) -> None:
        """Take the exact verdict on a unit that was UNDECIDED."""
        steps.decide_unit(self.columns, int(self.held([unit])[0]), state)

    def _changes(self) -> Records:
        return self.columns.changes[: self.columns.counters[CHANGES]].copy()

    # --- what it knows -------------------------------------------------------------------------

    def states(self, units: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Return the states of units as they stand."""
        numbers = self.held(units)
        states = np.zeros(len(numbers), np.uint8)
        steps.states_of(self.columns, numbers, states)
        return states

    def verdicts(self, units: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Return the states of units by a full new evaluation, which changes nothing."""
        numbers = self.held(units)
        states = np.zeros(len(numbers), np.uint8)
        steps.verdicts_of(self.columns, numbers, states)
        return states

    def measures(self, units: Sequence[int] | NDArray[Any]) -> NDArray[np.float64]:
        """Return (equity, maintenance margin, gross) of units: one row each, at present prices.

        Not a number where a price is missing; `gross` is what rounding errors scale with.
        """
        numbers = self.held(units)
        measures = np.empty((len(numbers), 3))
        steps.measures_of(self.columns, numbers, measures)
        return measures

    def exposures(
        self, units: Sequence[int] | NDArray[Any], is_of_factor: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Return what units hold, one row each: the columns stand in `exposures.py`."""
        numbers = self.held(units)
        exposures = np.empty((len(numbers), EXPOSURES))
        exposures_of(self.columns, numbers, is_of_factor, exposures)
        return exposures

    def sums(self) -> Sums:
        """Return the sums by state."""
        return _sums_of(self.columns)

    def recount(self) -> Sums:
        """Return the sums by state, added up anew from all units: the same to the last bit."""
        names = ("counts", "constants", "amounts", "positions")
        empty = {name: np.zeros_like(getattr(self.columns, name)) for name in names}
        anew = self.columns._replace(**empty)
        steps.recount(anew)
        return _sums_of(anew)


def _sums_of(columns: Columns) -> Sums:
    equity = np.zeros(STATES)
    steps.equities(columns, equity)
    equity[UNKNOWN] = np.nan
    return Sums(columns.counts.copy(), equity)


def checked(prices: Sequence[float] | NDArray[Any]) -> NDArray[np.float64]:
    """Return prices, each missing or within what a guard's key can hold."""
    checked = np.ascontiguousarray(prices, dtype=np.float64)
    if not ((checked > PRICE_MIN) & (checked < PRICE_MAX) | np.isnan(checked)).all():
        raise ValueError(f"expected prices between {PRICE_MIN} and {PRICE_MAX}, or missing")
    return checked
