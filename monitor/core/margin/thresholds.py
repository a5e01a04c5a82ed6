"""Which margin units can change state at this price: the index, told in the venue's names.

`index/` knows prices as slots and units as numbers. A unit is told to it whole, whenever something
of it changed: compiled code reads it from the ledger's columns, and only what few have (pending
funding) is added here. The index answers with states; inside the float band they are decided in
exact rationals. docs/model/thresholds.md.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.core.instruments import mark_key
from monitor.core.margin.book import (
    ENDING,
    LIQUIDATING,
    LIQUIDATION_OPEN,
    STATE_NUMBERS,
    MarginRules,
    MarginUnit,
    Units,
    owns_payment,
)
from monitor.core.margin.index.columns import AMOUNT, UNDECIDED, Capacity, Records
from monitor.core.margin.index.holdings import CROSS, UNTOLD, holdings_of
from monitor.core.margin.index.index import ThresholdIndex
from monitor.core.margin.numbering import Numbering
from monitor.core.margin.totals import liquidation_is_over, unit_totals
from monitor.core.market import Market


class Thresholds:
    """The guards of all units on all prices, and the verdicts behind them; states are numbers."""

    def __init__(
        self, market: Market, rules: MarginRules, units: Units, accounts_reserved: int
    ) -> None:
        """Watch the prices of a market under the margin rules; more accounts than reserved grow."""
        self.market = market
        self.rules = rules
        self.units = units
        self.store = units.store
        self.exact_verdicts = 0
        self.index = ThresholdIndex(
            rules.call_factor, capacity_for(accounts_reserved), end_factor=rules.end_factor
        )
        self.numbering = Numbering(market, self.index)
        self._definitions = market.definitions
        self._holdings = holdings_of(self.store)
        self._moves = self.store.layout.moves

    @property
    def instrument_names(self) -> list[str]:
        """Return the names of instruments by the index's number of their terms."""
        return self.numbering.instrument_names

    def use(self, rules: MarginRules) -> None:
        """Take the margin rules from here on; every unit must then be judged again."""
        self.rules = rules
        self.index.use_rules(rules.call_factor, rules.end_factor)

    # --- units ----------------------------------------------------------------------------

    def judge(self, unit: int) -> int:
        """Take a unit as it is now; return its state at the present prices."""
        units, store = self.units, self.store
        if self._definitions != self.market.definitions:
            self._forget_meanings()
        if self._moves != store.layout.moves:
            self._holdings, self._moves = holdings_of(store), store.layout.moves
        account = units.account[unit]
        row, key = CROSS, units.keys.get(unit)
        if key is not None:
            row = store.find_position(account, *key)
        first = self._write_owed(unit) if account in store.payments else 0
        state = self.index.put_unit(self._holdings, first, (unit, account, row))
        if state == UNTOLD:
            self.numbering.tell(store, account)
            return self.judge(unit)
        return self._decide(unit) if state == UNDECIDED else state

    def _forget_meanings(self) -> None:
        """Let everything be told anew that an account holds: the market defines it anew."""
        self._definitions = self.market.definitions
        self.store.asset_meanings.forget()
        self.store.instrument_meanings.forget()

    def _write_owed(self, unit: int) -> int:
        """Write the pending funding of a unit as its first items; return how many they are."""
        owed = _owed(self.units.look(unit))
        for place, (asset, amount) in enumerate(owed.items()):
            slot, minor_unit = self.numbering.value_slot(asset), self.market.unit(asset).number
            self.index.items[place] = (unit, slot, -amount * minor_unit, 0.0, AMOUNT)
        return len(owed)

    def _decide(self, unit: int) -> int:
        """Decide a unit's state in exact rationals."""
        self.exact_verdicts += 1
        look = self.units.look(unit)
        totals = unit_totals(look, self.market, self.rules)
        assert totals is not None, f"{look.name}: measured in floats but not in rationals"
        state = STATE_NUMBERS[
            self.rules.state(
                totals.equity, totals.maintenance_margin, has_position=totals.has_position
            )
        ]
        self.index.decide(unit, state)
        return state

    def forget(self, unit: int) -> None:
        """Stop watching a unit that is gone."""
        if self.index.holds(unit):
            self.index.remove_units([unit])

    def keep_state(self, unit: int) -> None:
        """Let a unit keep the state that it is said to have, whatever its prices mean."""
        self.index.decide(unit, self.units.state[unit])

    def restore(self, units: Sequence[int]) -> None:
        """Take units with the states that they had: of an open change, those before it."""
        for unit in units:
            if self.judge(unit) != self.units.state[unit]:
                self.keep_state(unit)
            self.follow_liquidation(unit)

    def measures(self, units: Iterable[MarginUnit]) -> NDArray[np.float64]:
        """Return (equity, maintenance margin, gross) of units in floats, one row each.

        As they were when last judged, at the present prices; not a number where one is missing.
        """
        return self.index.measures([unit.number for unit in units])

    def amounts(self, unit: MarginUnit) -> tuple[float, float] | None:
        """Return a unit's (equity, maintenance margin) in floats, None when a price is missing.

        Of rules that floats do not bound, the exact ones.
        """
        if any(p.instrument.inverse and p.instrument.fee_at_bankruptcy for p in unit.positions()):
            totals = unit_totals(unit, self.market, self.rules)
            if totals is None:
                return None
            return float(totals.equity), float(totals.maintenance_margin)
        ((equity, maintenance, _),) = self.measures([unit]).tolist()
        return None if math.isnan(equity - maintenance) else (equity, maintenance)

    def follow_liquidation(self, unit: int) -> None:
        """Let a unit in liquidation be looked at again when that may end, and no other one."""
        flags = self.units.flags[unit]
        is_in_liquidation = bool(flags & (LIQUIDATING | LIQUIDATION_OPEN))
        if is_in_liquidation != bool(flags & ENDING):
            self.index.set_ending(unit, ending=is_in_liquidation)
            self.units.set_flag(unit, ENDING, on=is_in_liquidation)

    def liquidation_is_over(self, unit: MarginUnit) -> bool:
        """Return whether a unit is clear of the level at which a liquidation ends, exactly."""
        totals = unit_totals(unit, self.market, self.rules)
        return totals is not None and liquidation_is_over(unit, self.market, self.rules, totals)

    # --- prices ---------------------------------------------------------------------------

    def move(self, keys: Iterable[str]) -> list[tuple[int, int]]:
        """Take the present prices under some guard keys, as one step.

        Returns (unit, state) of those whose state they changed, or that are to be looked at again.
        """
        slots, prices = [], []
        for key in keys:
            slot = self.numbering.slots.get(key)
            if slot is not None:
                slots.append(slot)
                prices.append(self.numbering.price(key))
        if not slots:
            return []
        if len(slots) > 1:
            return self._told(self.index.move(slots, prices))
        changes = self.index.move_one(slots[0], prices[0])
        return self._told(changes) if len(changes) else []

    def drop_mark(self, instrument: str) -> None:
        """Forget the mark of an instrument that is no more; nobody holds it any more."""
        slot = self.numbering.slots.get(mark_key(instrument))
        if slot is not None:
            self._told(self.index.move([slot], [np.nan]))
        self.numbering.drop(instrument)

    def _told(self, changes: Records) -> list[tuple[int, int]]:
        numbers, states = changes["unit"].tolist(), changes["after"].tolist()
        return [
            (unit, self._decide(unit) if after == UNDECIDED else after)
            for unit, after in zip(numbers, states, strict=True)
        ]


def capacity_for(accounts: int) -> Capacity:
    """Return room for so many accounts of a few positions each, some of them isolated.

    Reserved, not touched: the system gives a page when it is first written.
    """
    return Capacity(
        units=max(256, 2 * accounts),
        rows=max(1 << 12, 16 * accounts),
        slots=1 << 8,
        instruments=1 << 8,
        chunks=(1 << 14) + accounts,
    )


def _owed(unit: MarginUnit) -> dict[str, int]:
    """Return the pending funding of a unit by asset, in minor units."""
    owed: dict[str, int] = {}
    for payment in unit.account.pending_funding:
        if owns_payment(unit, payment):
            owed[payment.asset] = owed.get(payment.asset, 0) + payment.amount
    return owed
