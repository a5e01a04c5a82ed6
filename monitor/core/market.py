"""What everybody shares about the market: instruments, prices, collateral rules.

Prices are kept as the venue's text, as float and, on demand, as exact rationals. The valuation
currency is `USD`; `value` says what one unit of an asset is worth in it.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec

from monitor.core.amounts import Unit, to_fraction
from monitor.core.contracts import notional
from monitor.core.events import (
    CollateralListed,
    FundingRateChanged,
    HaircutTier,
    InstrumentListed,
    TradingStatusChanged,
)
from monitor.core.instruments import Instrument
from monitor.core.plain import plain

UNIT_OF_ACCOUNT = frozenset({"USD", "USDC", "USDT"})
DEFAULT_MINOR_UNIT = Unit("0.00000001")
ONE = Fraction(1)


def index_key(index: str) -> str:
    """Return the key under which guards on an index price are kept."""
    return "index:" + index


class Quote:
    """One price: the venue's text, its float, its exact value on demand, and its time."""

    __slots__ = ("_exact", "event_ns", "number", "text")

    def __init__(self, text: str, event_ns: int) -> None:
        """Take a canonical positive decimal text."""
        self.text = text
        self.number = float(text)
        self.event_ns = event_ns
        self._exact: Fraction | None = None

    @property
    def exact(self) -> Fraction:
        """Return the price as a rational."""
        if self._exact is None:
            self._exact = to_fraction(self.text)
        return self._exact


class Unfit(NamedTuple):
    """What the price of an index may not be used for.

    `reason`: why it values nothing, since when, None if it does; `margins`: whether it may be used
    to open and to withdraw.
    """

    reason: str | None
    since_ns: int
    margins: bool


FIT = Unfit(None, 0, margins=True)


class Collateral:
    """What an asset counts for: value x (1 - haircut), tier by tier."""

    __slots__ = ("definition", "index", "tiers", "unit")

    def __init__(self, definition: CollateralListed) -> None:
        """Take the rule as listed; a single `haircut` stands instead of tiers."""
        self.definition = definition
        self.index = definition.index
        self.unit = Unit(definition.minor_unit)
        tiers = definition.haircut_tiers
        if definition.haircut is not None:
            tiers = [HaircutTier(value_max=None, haircut=definition.haircut)]
        # (width of the tier or None, share that counts)
        self.tiers: list[tuple[Fraction | None, Fraction]] = []
        floor = Fraction(0)
        for tier in tiers:
            share = 1 - to_fraction(tier.haircut)
            if tier.value_max is None:
                self.tiers.append((None, share))
            else:
                ceiling = to_fraction(tier.value_max)
                self.tiers.append((ceiling - floor, share))
                floor = ceiling

    def counted(self, value: Fraction) -> Fraction:
        """Return what a positive value counts for after haircuts, exactly.

        With tiers of 0 % up to 1,000 and 10 % beyond, 1,500 counts for 1,450. What lies beyond
        a last bounded tier counts for nothing.
        """
        if not self.tiers:
            return value
        total = Fraction(0)
        rest = value
        for width, share in self.tiers:
            part = rest if width is None else min(rest, width)
            total += part * share
            rest -= part
            if not rest:
                break
        return total

    def breakpoints(self) -> list[Fraction]:
        """Return the values at which the counted share changes."""
        points = []
        floor = Fraction(0)
        for width, _ in self.tiers:
            if width is not None:
                floor += width
                points.append(floor)
        return points


class Market:
    """The instruments, prices and collateral rules, as the venue told them."""

    def __init__(self) -> None:
        """Begin empty."""
        self.instruments: dict[str, Instrument] = {}
        self.collateral: dict[str, Collateral] = {}
        self.marks: dict[str, Quote] = {}
        self.indices: dict[str, Quote] = {}
        self.unfit: dict[str, Unfit] = {}  # indices with a price that may not be used
        self.statuses: dict[str, TradingStatusChanged] = {}
        self.funding_rates: dict[str, FundingRateChanged] = {}
        self._value_index: dict[str, str | None] = {}
        self._assets_of: dict[str, list[str]] = {}  # by the index that values them
        self._valued: dict[str, tuple[float, str | None]] = {}
        self._settlements: frozenset[str] = frozenset()
        self.definitions = 0  # how often an instrument or an asset has come to mean something else
        self._remap()

    # --- facts ----------------------------------------------------------------------------

    def list_instrument(self, event: InstrumentListed) -> bool:
        """Take a definition; a later one replaces it.

        Returns whether it changes which assets count, or what values them.
        """
        self.instruments[event.instrument] = Instrument(event)
        return self._remap()

    def delist_instrument(self, name: str) -> bool:
        """Forget an instrument with its prices; returns what `list_instrument` does."""
        del self.instruments[name]
        self.marks.pop(name, None)
        self.statuses.pop(name, None)
        self.funding_rates.pop(name, None)
        return self._remap()

    def list_collateral(self, event: CollateralListed) -> None:
        """Take a collateral rule; a later one replaces it."""
        self.collateral[event.asset] = Collateral(event)
        self._remap()

    def change_index(self, index: str, price: str | None, event_ns: int, unfit: Unfit) -> bool:
        """Take what an index is worth and whether that may be used; return whether it may change.

        Not fit for a verdict, it is as good as missing: what it values has no value.
        """
        before = self.indices.get(index)
        if price is None and before is None:
            return False
        was, quote = self.unfit.get(index, FIT), before
        if price is not None and (before is None or before.text != price):
            quote = self.indices[index] = Quote(price, event_ns)
        elif before is not None:
            before.event_ns = event_ns
        if unfit == FIT:
            self.unfit.pop(index, None)
        else:
            self.unfit[index] = unfit
        if quote is before and (was.reason is None) == (unfit.reason is None):
            return False
        assert quote is not None
        for asset in self._assets_of.get(index, ()):
            if unfit.reason is None:
                self._valued[asset] = (quote.number, index_key(index))
            else:
                self._valued.pop(asset, None)
        return True

    # --- questions ------------------------------------------------------------------------

    def missing_instrument(self, names: Iterable[str]) -> str | None:
        """Return the first of the instruments that is not listed, None if all are."""
        for name in names:
            if name not in self.instruments:
                return name
        return None

    def unit(self, asset: str) -> Unit:
        """Return the minor unit of an asset."""
        collateral = self.collateral.get(asset)
        return DEFAULT_MINOR_UNIT if collateral is None else collateral.unit

    def counts(self, asset: str) -> bool:
        """Return whether a positive balance of the asset is collateral."""
        return asset in self.collateral or asset in self._settlements or asset in UNIT_OF_ACCOUNT

    def index_of(self, asset: str) -> str | None:
        """Return the index that values an asset; None if it is worth 1 or has no value."""
        index = self._value_index.get(asset)
        return index or None

    def valued(self, asset: str) -> tuple[float, str | None] | None:
        """Return (worth of one unit, guard key of the index that says so), None if unknown.

        The key is None for what is always worth 1.
        """
        return self._valued.get(asset)

    def missing_key(self, asset: str) -> str:
        """Return the guard key of the index price that an asset without a value waits for.

        Without an index only a listing can give it a value: then it is no price's key.
        """
        index = self.index_of(asset)
        return "listing:" + asset if index is None else index_key(index)

    def value(self, asset: str) -> float | None:
        """Return what one unit is worth in the valuation currency, None if unknown."""
        valued = self._valued.get(asset)
        return None if valued is None else valued[0]

    def exact_value(self, asset: str) -> Fraction | None:
        """Return `value` as a rational."""
        index = self._value_index.get(asset)
        if index is None:
            return ONE if self._is_unit_of_account(asset) else None
        quote = self.usable_index(index)
        return None if quote is None else quote.exact

    def worth(
        self, instrument: Instrument, contracts: Fraction, price: Fraction
    ) -> Fraction | None:
        """Return the notional of contracts at a price, None where nothing values it."""
        value = self.exact_value(instrument.settlement)
        if value is None:
            return None
        quantity = contracts * instrument.contract_size
        return value * notional(instrument.kind, quantity, price)

    def usable_index(self, index: str) -> Quote | None:
        """Return the price of an index, None if it is missing or may not be used for a verdict."""
        quote = self.indices.get(index)
        if quote is None or self.unfit.get(index, FIT).reason is not None:
            return None
        return quote

    def bars_margin(self, asset: str) -> bool:
        """Return whether the index that values an asset may not be used to open or withdraw."""
        index = self._value_index.get(asset)
        return index is not None and not self.unfit.get(index, FIT).margins

    def _is_unit_of_account(self, asset: str) -> bool:
        collateral = self.collateral.get(asset)
        if collateral is not None:
            return collateral.index is None
        return asset in UNIT_OF_ACCOUNT

    def _remap(self) -> bool:
        """Decide again which index values which asset; return whether anything changed.

        A listed collateral says so itself; the coin of an inverse instrument is valued by that
        instrument's index (of several, the one with the smallest name).
        """
        self.definitions += 1
        before = self._settlements, self._value_index
        self._settlements = frozenset(i.settlement for i in self.instruments.values())
        mapping: dict[str, str | None] = {}
        for name in sorted(self.instruments, reverse=True):
            instrument = self.instruments[name]
            coin = instrument.settlement
            if instrument.inverse and instrument.definition.base == coin and instrument.index:
                mapping[coin] = instrument.index
        for asset in UNIT_OF_ACCOUNT:
            mapping.pop(asset, None)
        for asset, collateral in self.collateral.items():
            mapping[asset] = collateral.index
        self._value_index = mapping
        self._assets_of = {}
        for asset, index in mapping.items():
            if index is not None:
                self._assets_of.setdefault(index, []).append(asset)
        self._revalue()
        return (self._settlements, self._value_index) != before

    def _revalue(self) -> None:
        """Note the present worth of every asset."""
        self._valued = dict.fromkeys(UNIT_OF_ACCOUNT, (1.0, None))
        for asset, index in self._value_index.items():
            if index is None:
                self._valued[asset] = (1.0, None)
            elif (quote := self.usable_index(index)) is not None:
                self._valued[asset] = (quote.number, index_key(index))
            else:
                self._valued.pop(asset, None)

    # --- state ----------------------------------------------------------------------------

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order."""
        return {
            "instruments": [
                plain(self.instruments[name].definition) for name in sorted(self.instruments)
            ],
            "collateral": [
                plain(self.collateral[asset].definition) for asset in sorted(self.collateral)
            ],
            "marks": [[n, q.text, q.event_ns] for n, q in sorted(self.marks.items())],
            "indices": [[n, q.text, q.event_ns] for n, q in sorted(self.indices.items())],
            "unfit": [[name, *unfit] for name, unfit in sorted(self.unfit.items())],
            "statuses": [plain(s) for _, s in sorted(self.statuses.items())],
            "funding_rates": [plain(r) for _, r in sorted(self.funding_rates.items())],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Market":
        """Return the market that `export_state` described."""
        market = cls()
        for record in state["instruments"]:
            definition = msgspec.convert(record, InstrumentListed)
            market.instruments[definition.instrument] = Instrument(definition)
        for record in state["collateral"]:
            rule = msgspec.convert(record, CollateralListed)
            market.collateral[rule.asset] = Collateral(rule)
        market.marks = {name: Quote(text, ns) for name, text, ns in state["marks"]}
        market.indices = {name: Quote(text, ns) for name, text, ns in state["indices"]}
        market.unfit = {name: Unfit(*unfit) for name, *unfit in state["unfit"]}
        for record in state["statuses"]:
            status = msgspec.convert(record, TradingStatusChanged)
            market.statuses[status.instrument] = status
        for record in state["funding_rates"]:
            rate = msgspec.convert(record, FundingRateChanged)
            market.funding_rates[rate.instrument] = rate
        market._remap()
        return market
