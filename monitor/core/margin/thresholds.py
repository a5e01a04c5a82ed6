"""Which margin units can change state at this price: the index, told in the venue's names.

`index/` knows prices as slots and units as numbers; here they get them. A unit is told to the index
whole, whenever something of it changed, as items: amounts, collateral, positions. It answers with
states; inside the float band they are decided in exact rationals. docs/model/thresholds.md.
"""

import math
import struct
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.core.decisions import State
from monitor.core.instruments import Instrument, mark_key
from monitor.core.margin.book import MarginRules, MarginUnit, owns_payment
from monitor.core.margin.index.columns import (
    AMOUNT,
    COLLATERAL,
    CONSTANT,
    ITEM,
    POSITION,
    UNDECIDED,
    Capacity,
    Records,
)
from monitor.core.margin.index.index import PUT_ONE_MAX, ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms, collateral_tiers, terms_of
from monitor.core.margin.totals import liquidation_is_over, unit_totals
from monitor.core.market import Collateral, Market

# In the order of the index's numbers.
STATES: tuple[State, ...] = ("healthy", "margin_call", "liquidatable", "bankrupt", "unknown")
_NUMBERS = {state: number for number, state in enumerate(STATES)}
_ITEM = struct.Struct("=iiddB7x")  # unit, ref, quantity, entry, kind: as ITEM lies in memory
assert _ITEM.size == ITEM.itemsize


class Thresholds:
    """The guards of all units on all prices, and the verdicts behind them."""

    def __init__(self, market: Market, rules: MarginRules, accounts_reserved: int) -> None:
        """Watch the prices of a market under the margin rules; more accounts than reserved grow."""
        self.market = market
        self.rules = rules
        self.exact_verdicts = 0
        self.index = ThresholdIndex(
            rules.call_factor, capacity_for(accounts_reserved), end_factor=rules.end_factor
        )
        self._slots: dict[str, int] = {}  # by guard key
        self._instruments: dict[str, tuple[Instrument, int, InstrumentTerms]] = {}
        self._collateral: dict[str, tuple[Collateral, int, int]] = {}  # rule, number, slot
        self._ending: set[MarginUnit] = set()  # known to the index as in liquidation
        self.instrument_names: list[str] = []  # by the index's number of their terms
        self._units: list[MarginUnit | None] = []
        self._free: list[int] = []
        self._items = np.zeros(PUT_ONE_MAX, ITEM)
        self._memory = self._items.view(np.uint8).data

    def use(self, rules: MarginRules) -> None:
        """Take the margin rules from here on; every unit must then be judged again."""
        self.rules = rules
        self.index.use_rules(rules.call_factor, rules.end_factor)

    # --- units ----------------------------------------------------------------------------

    def judge(self, units: Sequence[MarginUnit]) -> list[State]:
        """Take units as they are now; return their states at the present prices."""
        if len(units) == 1:
            return [self._judge_one(units[0])]
        memory = bytearray()
        for unit in units:
            if unit.number < 0:
                self._number(unit)
            self._pack(memory, unit)
        changes = self.index.put_units(np.frombuffer(memory, ITEM), len(self._units))
        states = changes["after"].tolist()
        return [self._state(unit, state) for unit, state in zip(units, states, strict=True)]

    def _judge_one(self, unit: MarginUnit) -> State:
        """Do the same for one unit: what nearly every account event asks for."""
        if unit.number < 0:
            self._number(unit)
        memory = bytearray()
        self._pack(memory, unit)
        count = len(memory) // _ITEM.size
        if count <= PUT_ONE_MAX:
            self._memory[: len(memory)] = memory
            number = self.index.put_unit(self._items, count, len(self._units))
        else:
            changes = self.index.put_units(np.frombuffer(memory, ITEM), len(self._units))
            number = int(changes["after"][0])
        return self._state(unit, number)

    def forget(self, unit: MarginUnit) -> None:
        """Stop watching a unit that is gone."""
        if unit.number >= 0:
            self._ending.discard(unit)
            self.index.remove_units([unit.number])
            self._units[unit.number] = None
            self._free.append(unit.number)
            unit.number = -1

    def keep_state(self, unit: MarginUnit) -> None:
        """Let a unit keep the state that it is said to have, whatever its prices mean."""
        self.index.decide(unit.number, _NUMBERS[unit.state])

    def restore(self, units: Sequence[MarginUnit]) -> None:
        """Take units with the states that they had: of an open change, those before it."""
        if not units:
            return
        for unit, state in zip(units, self.judge(units), strict=True):
            if state != unit.state:
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

    def _number(self, unit: MarginUnit) -> None:
        """Give a unit a number."""
        if self._free:
            unit.number = self._free.pop()
            self._units[unit.number] = unit
        else:
            unit.number = len(self._units)
            self._units.append(unit)

    def _state(self, unit: MarginUnit, number: int) -> State:
        if number != UNDECIDED:
            return STATES[number]
        self.exact_verdicts += 1
        totals = unit_totals(unit, self.market, self.rules)
        assert totals is not None, f"{unit.name}: measured in floats but not in rationals"
        state = self.rules.state(
            totals.equity, totals.maintenance_margin, has_position=totals.has_position
        )
        self.index.decide(unit.number, _NUMBERS[state])
        return state

    def follow_liquidation(self, unit: MarginUnit) -> None:
        """Let a unit in liquidation be looked at again when that may end, and no other one."""
        if unit.is_in_liquidation != (unit in self._ending):
            self.index.set_ending(unit.number, ending=unit.is_in_liquidation)
            self._ending ^= {unit}

    def liquidation_is_over(self, unit: MarginUnit) -> bool:
        """Return whether a unit is clear of the level at which a liquidation ends, exactly."""
        totals = unit_totals(unit, self.market, self.rules)
        return totals is not None and liquidation_is_over(unit, self.market, self.rules, totals)

    # --- prices ---------------------------------------------------------------------------

    def move(self, keys: Iterable[str]) -> list[tuple[MarginUnit, State]]:
        """Take the present prices under some guard keys, as one step.

        Returns the units whose state they changed, or that are to be looked at again.
        """
        slots, prices = [], []
        for key in keys:
            slot = self._slots.get(key)
            if slot is not None:
                slots.append(slot)
                prices.append(self._price(key))
        if not slots:
            return []
        if len(slots) > 1:
            return self._told(self.index.move(slots, prices))
        changes = self.index.move_one(slots[0], prices[0])
        return self._told(changes) if len(changes) else []

    def drop_mark(self, instrument: str) -> None:
        """Forget the mark of an instrument that is no more; nobody holds it any more."""
        slot = self._slots.get(mark_key(instrument))
        if slot is not None:
            self._told(self.index.move([slot], [np.nan]))

    def _told(self, changes: Records) -> list[tuple[MarginUnit, State]]:
        told = []
        numbers, states = changes["unit"].tolist(), changes["after"].tolist()
        for number, after in zip(numbers, states, strict=True):
            unit = self._units[number]
            assert unit is not None
            told.append((unit, self._state(unit, after)))
        return told

    def _price(self, key: str) -> float:
        kind, _, name = key.partition(":")
        quotes = self.market.marks if kind == "mark" else self.market.indices
        quote = quotes.get(name) if kind != "listing" else None
        return np.nan if quote is None else quote.number

    def _slot(self, key: str) -> int:
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = self.index.add_price(self._price(key))
        return slot

    def _value_slot(self, asset: str) -> int:
        """Return the slot of what an asset is worth."""
        valued = self.market.valued(asset)
        if valued is None:
            return self._slot(self.market.missing_key(asset))
        return CONSTANT if valued[1] is None else self._slot(valued[1])

    # --- what a unit is made of ---------------------------------------------------------------

    def _pack(self, memory: bytearray, unit: MarginUnit) -> None:
        """Add a unit's items; one of nothing stands for a unit without any."""
        number, before = unit.number, len(memory)
        account, market = unit.account, self.market
        if unit.key is None:
            for asset, units in account.balances.items():
                self._pack_balance(memory, number, asset, units)
            held = account.cross_amounts()
        else:
            own = account.position(unit.key)
            if own is not None and own.isolated_margin:
                asset = own.instrument.settlement
                amount = own.isolated_margin * market.unit(asset).number
                memory += _ITEM.pack(number, self._value_slot(asset), amount, 0.0, AMOUNT)
            held = [(own.instrument, own.quantity, own.entry) for own in unit.positions()]
        if account.pending_funding:
            for asset, owed in _owed(unit).items():
                amount = -owed * market.unit(asset).number
                memory += _ITEM.pack(number, self._value_slot(asset), amount, 0.0, AMOUNT)
        for instrument, quantity, entry in held:
            ref = self._instrument(instrument)
            memory += _ITEM.pack(number, ref, quantity, entry, POSITION)
        if len(memory) == before:
            memory += _ITEM.pack(number, CONSTANT, 0.0, 0.0, AMOUNT)

    def _pack_balance(self, memory: bytearray, number: int, asset: str, units: int) -> None:
        """Add a balance: a debt in full, collateral after haircuts, other assets for nothing."""
        market = self.market
        amount = units * market.unit(asset).number
        rule = market.collateral.get(asset)
        if units < 0 or (rule is None and market.counts(asset)):
            memory += _ITEM.pack(number, self._value_slot(asset), amount, 0.0, AMOUNT)
        elif rule is not None:
            memory += _ITEM.pack(number, self._haircut(asset, rule), amount, 0.0, COLLATERAL)

    def _instrument(self, instrument: Instrument) -> int:
        """Return the index's number of an instrument's present terms.

        Terms never change under those who hold them: other terms, another number.
        """
        value = self._value_slot(instrument.settlement)
        known = self._instruments.get(instrument.name)
        if known is not None and known[0] is instrument and known[2].value == value:
            return known[1]
        terms = terms_of(instrument, self._slot(instrument.guard_key), value)
        same = known is not None and known[2] == terms
        if known is not None and same:
            number = known[1]
        else:
            number = self.index.add_instrument(terms)
            self.instrument_names.append(instrument.name)
        self._instruments[instrument.name] = instrument, number, terms
        return number

    def _haircut(self, asset: str, rule: Collateral) -> int:
        """Return the index's number of a collateral's present rule, like `_instrument`."""
        slot = self._value_slot(asset)
        known = self._collateral.get(asset)
        if known is None or known[0] is not rule or known[2] != slot:
            number = self.index.add_collateral(slot, collateral_tiers(rule))
            known = self._collateral[asset] = rule, number, slot
        return known[1]


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
