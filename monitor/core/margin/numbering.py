"""The index's numbers for what the venue names: prices, instruments' terms, haircuts of collateral.

A name gets a number when the first unit needs it. A number whose rules are replaced or delisted
is given again, but not before the step ends: until then units that have not been judged anew hold
it. What the ledger's numbers mean to the index is told here too, so that compiled code can read a
unit from the ledger without asking.
"""

import math
from collections.abc import Callable

from monitor.core.instruments import Instrument, mark_key
from monitor.core.ledger.columns import NONE
from monitor.core.ledger.meanings import IN_FULL, NOT_AT_ALL
from monitor.core.ledger.store import Store
from monitor.core.margin.index.columns import CONSTANT
from monitor.core.margin.index.index import ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms, collateral_tiers, terms_of
from monitor.core.market import Collateral, Market


class Numbering:
    """Names to numbers, for the index of one shard."""

    def __init__(self, market: Market, index: ThresholdIndex) -> None:
        """Begin without any."""
        self.market = market
        self.index = index
        self.slots: dict[str, int] = {}  # by guard key
        # By the ledger's number: while an instrument is relisted, it has two.
        self.instruments: dict[int, tuple[Instrument, int, InstrumentTerms]] = {}
        self.collateral: dict[str, tuple[Collateral, int, int]] = {}  # rule, number, slot
        self.instrument_names: list[str] = []  # by the number of their terms, the last that had it
        self._free_marks: list[int] = []  # slots
        # Numbers that units judged in this step may still hold, with the way to give them back.
        self.left: list[tuple[Callable[[int], None], int]] = []

    # --- prices ---------------------------------------------------------------------------

    def price(self, key: str) -> float:
        """Return the present price under a guard key, not a number if it is missing."""
        kind, _, name = key.partition(":")
        if kind == "mark":
            quote = self.market.marks.get(name)
        else:
            quote = self.market.usable_index(name) if kind == "index" else None
        return math.nan if quote is None else quote.number

    def slot(self, key: str) -> int:
        """Return the slot of the price under a guard key."""
        slot = self.slots.get(key)
        if slot is None:
            slot = self.slots[key] = self._new_slot(key)
        return slot

    def _new_slot(self, key: str) -> int:
        """Return a slot for a price; that of a mark which is no more goes to a mark again."""
        price = self.price(key)
        if not self._free_marks or not key.startswith(mark_key("")):
            return self.index.add_price(price)
        slot = self._free_marks.pop()
        if not math.isnan(price):
            self.index.move([slot], [price])
        return slot

    def value_slot(self, asset: str) -> int:
        """Return the slot of what an asset is worth."""
        valued = self.market.valued(asset)
        if valued is None:
            return self.slot(self.market.missing_key(asset))
        return CONSTANT if valued[1] is None else self.slot(valued[1])

    # --- rules ----------------------------------------------------------------------------

    def terms(self, of: int, instrument: Instrument) -> int:
        """Return the number of the present terms of an instrument, by the ledger's number of it.

        Terms never change under those who hold them: other terms, another number.
        """
        value = self.value_slot(instrument.settlement)
        known = self.instruments.get(of)
        if known is not None and known[0] is instrument and known[2].value == value:
            return known[1]
        terms = terms_of(instrument, self.slot(instrument.guard_key), value)
        if known is not None and known[2] == terms:
            number = known[1]
        else:
            if known is not None:
                self.left.append((self.index.drop_instrument, known[1]))
            number = self.index.add_instrument(terms)
            if number == len(self.instrument_names):
                self.instrument_names.append(instrument.name)
            self.instrument_names[number] = instrument.name
        self.instruments[of] = instrument, number, terms
        return number

    def haircut(self, asset: str, rule: Collateral) -> int:
        """Return the number of a collateral's present rule, like `terms`."""
        slot = self.value_slot(asset)
        known = self.collateral.get(asset)
        if known is None or known[0] is not rule or known[2] != slot:
            if known is not None:
                self.left.append((self.index.drop_collateral, known[1]))
            number = self.index.add_collateral(slot, collateral_tiers(rule))
            known = self.collateral[asset] = rule, number, slot
        return known[1]

    def drop(self, instrument: str) -> None:
        """Let the numbers of an instrument go that is no more, when the step ends."""
        for number in [n for n, known in self.instruments.items() if known[0].name == instrument]:
            self.drop_terms(number)
        slot = self.slots.pop(mark_key(instrument), None)
        if slot is not None:
            self.left.append((self._free_marks.append, slot))

    def drop_terms(self, of: int) -> None:
        """Let the terms go that one of the ledger's numbers stood for, when the step ends."""
        known = self.instruments.pop(of, None)
        if known is not None:
            self.left.append((self.index.drop_instrument, known[1]))

    def end_step(self) -> None:
        """Give back what was left: every unit that held it has been judged anew by now."""
        for give_back, number in self.left:
            give_back(number)
        self.left = []

    # --- what the ledger's numbers mean ---------------------------------------------------

    def tell(self, store: Store, account: int) -> None:
        """Say what everything means that an account holds."""
        balances, positions = store.balances, store.positions
        for row in store.balance_rows(account):
            number, is_debt = balances.asset[row], balances.units[row] < 0
            if is_debt or not store.asset_meanings.is_told(number):
                self._tell_asset(store, number, is_debt=is_debt)
        for row in store.positions_of(account):
            number = positions.instrument[row]
            if not store.instrument_meanings.is_told(number):
                self._tell_instrument(store, number)

    def _tell_asset(self, store: Store, number: int, *, is_debt: bool) -> None:
        """Say how a balance counts: a debt in full, collateral after its haircut, if at all."""
        asset, market = store.assets.names[number], self.market
        rule = market.collateral.get(asset)
        if rule is not None:
            counts = self.haircut(asset, rule)
        else:
            counts = IN_FULL if market.counts(asset) else NOT_AT_ALL
        slot = self.value_slot(asset) if is_debt or counts == IN_FULL else NONE
        store.asset_meanings.tell(number, market.unit(asset).number, counts, slot)

    def _tell_instrument(self, store: Store, number: int) -> None:
        instrument = store.instruments[number]
        settlement = instrument.settlement
        store.instrument_meanings.tell(
            number,
            instrument.float_quantity_per_unit,
            self.market.unit(settlement).number,
            self.value_slot(settlement),
            self.terms(number, instrument),
        )
