"""The index's numbers for what the venue names: prices, instruments' terms, haircuts of collateral.

A name gets a number when the first unit needs it. What the ledger's numbers mean to the index is
told here too, so that compiled code can read a unit from the ledger without asking.
"""

import numpy as np

from monitor.core.instruments import Instrument
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
        self.instruments: dict[str, tuple[Instrument, int, InstrumentTerms]] = {}
        self.collateral: dict[str, tuple[Collateral, int, int]] = {}  # rule, number, slot
        self.instrument_names: list[str] = []  # by the number of their terms

    # --- prices ---------------------------------------------------------------------------

    def price(self, key: str) -> float:
        """Return the present price under a guard key, not a number if it is missing."""
        kind, _, name = key.partition(":")
        quotes = self.market.marks if kind == "mark" else self.market.indices
        quote = quotes.get(name) if kind != "listing" else None
        return np.nan if quote is None else quote.number

    def slot(self, key: str) -> int:
        """Return the slot of the price under a guard key."""
        slot = self.slots.get(key)
        if slot is None:
            slot = self.slots[key] = self.index.add_price(self.price(key))
        return slot

    def value_slot(self, asset: str) -> int:
        """Return the slot of what an asset is worth."""
        valued = self.market.valued(asset)
        if valued is None:
            return self.slot(self.market.missing_key(asset))
        return CONSTANT if valued[1] is None else self.slot(valued[1])

    # --- rules ----------------------------------------------------------------------------

    def terms(self, instrument: Instrument) -> int:
        """Return the number of an instrument's present terms.

        Terms never change under those who hold them: other terms, another number.
        """
        value = self.value_slot(instrument.settlement)
        known = self.instruments.get(instrument.name)
        if known is not None and known[0] is instrument and known[2].value == value:
            return known[1]
        terms = terms_of(instrument, self.slot(instrument.guard_key), value)
        if known is not None and known[2] == terms:
            number = known[1]
        else:
            number = self.index.add_instrument(terms)
            self.instrument_names.append(instrument.name)
        self.instruments[instrument.name] = instrument, number, terms
        return number

    def haircut(self, asset: str, rule: Collateral) -> int:
        """Return the number of a collateral's present rule, like `terms`."""
        slot = self.value_slot(asset)
        known = self.collateral.get(asset)
        if known is None or known[0] is not rule or known[2] != slot:
            number = self.index.add_collateral(slot, collateral_tiers(rule))
            known = self.collateral[asset] = rule, number, slot
        return known[1]

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
            self.terms(instrument),
        )
