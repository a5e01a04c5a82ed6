"""A margin unit's totals in exact rationals: what verdicts are made of inside the float band.

Asked when floats cannot decide, and whenever an amount leaves the engine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.amounts import to_fraction
from monitor.core.contracts import notional
from monitor.core.instruments import Instrument
from monitor.core.ledger import Position, PositionKey, position_quantity
from monitor.core.margin.book import MarginRules, MarginUnit
from monitor.core.margin.curve import Search, nearest, split
from monitor.core.margin.exact import (
    UnitTotals,
    margined,
    of_legs,
    own_margin,
    position_amounts,
    position_pnl,
    unit_equity,
)
from monitor.core.market import Market

ZERO = Fraction(0)
SidesOf = Callable[[str], tuple[int, int]]  # instrument -> open interest long, short in size units


def unit_totals(unit: MarginUnit, market: Market, rules: MarginRules) -> UnitTotals | None:
    """Return a unit's exact totals, None when a price that it needs is missing."""
    equity = unit_equity(unit, market)
    if equity is None:
        return None
    fees = _bankruptcy_fees(unit, market, rules, equity)
    kept = _requirements(unit, market, fees)
    maintenance = sum((kept[name][1] for name in kept), ZERO)
    return UnitTotals(equity, maintenance, bool(unit.positions()), kept, fees)


def _requirements(
    unit: MarginUnit, market: Market, fees: Mapping[PositionKey, Fraction]
) -> dict[str, tuple[Fraction, Fraction]]:
    sides: dict[str, list[Fraction]] = {}
    found: dict[str, tuple[Fraction, Fraction]] = {}
    for position in unit.positions():
        amounts = position_amounts(position, market)
        assert amounts is not None, "asked only of units whose equity is known"
        own = amounts.maintenance_margin + fees.get(position.key, ZERO)
        both = sides.setdefault(position.instrument.name, [ZERO, ZERO])
        both[position.size < 0] += own
        total = of_legs(position.instrument, *both)
        found[position.instrument.name] = total, total * amounts.value
    return found


def _bankruptcy_fees(
    unit: MarginUnit, market: Market, rules: MarginRules, equity: Fraction
) -> dict[PositionKey, Fraction]:
    fees: dict[PositionKey, Fraction] = {}
    for position in unit.positions():
        instrument = position.instrument
        if instrument.fee_at_bankruptcy:
            price = account_zero_price(unit, position, equity, market, rules)
            quantity = position_quantity(position)
            closing = ZERO if price is None else notional(instrument.kind, quantity, price)
            fees[position.key] = instrument.fee_rate * closing
    return fees


def account_zero_price(
    unit: MarginUnit, position: Position, equity: Fraction, market: Market, rules: MarginRules
) -> Fraction | None:
    """Return the nearest mark at which the unit's equity is used up, after the fee if so listed."""
    amounts = position_amounts(position, market)
    if amounts is None:
        return None
    instrument = position.instrument
    fee_rate = instrument.fee_rate if instrument.definition.bankruptcy_price_after_fee else ZERO
    left = equity - fee_rate * amounts.notional * amounts.value
    curve = split(unit, position, UnitTotals(equity), market, rules)
    return nearest(curve, Search(ZERO, 1 if left >= 0 else -1, strict=False, fee_rate=fee_rate))


# --- what only opening and withdrawing need ---------------------------------------------------


def initial_margin(unit: MarginUnit, market: Market, sides_of: SidesOf) -> Fraction | None:
    """Return what a unit needs to open, with its open orders; None if a price is missing."""
    positions: dict[str, list[Position]] = {}
    for position in unit.positions():
        positions.setdefault(position.instrument.name, []).append(position)
    ordered = set(unit.account.orders) if unit.key is None else set()
    total = ZERO
    for name in sorted(ordered | set(positions)):
        instrument = market.instruments.get(name)
        if instrument is None:
            continue  # the orders of an instrument that is gone
        orders = _Orders.of(unit, name)
        held = positions.get(name, [])
        if held:
            instrument = held[0].instrument  # while it is relisted, the definition that is valid
        if not held and orders.is_empty:
            continue
        value = market.exact_value(instrument.settlement)
        needed = _initial_of(instrument, held, orders, market, sides_of)
        if value is None or needed is None:
            return None
        total += needed * value
    return total


@dataclass(slots=True, frozen=True)
class _Orders:
    """A unit's open orders in one instrument: sizes in contracts, values as notionals."""

    bids_size: Fraction = ZERO
    asks_size: Fraction = ZERO
    bids_value: Fraction = ZERO
    asks_value: Fraction = ZERO

    @classmethod
    def of(cls, unit: MarginUnit, instrument: str) -> "_Orders":
        """Return the orders of a cross unit; an isolated one has none."""
        orders = unit.account.orders.get(instrument) if unit.key is None else None
        return cls() if orders is None else cls(*map(to_fraction, orders))

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is open."""
        return not (self.bids_size or self.asks_size or self.bids_value or self.asks_value)


def _initial_of(
    instrument: Instrument,
    positions: list[Position],
    orders: _Orders,
    market: Market,
    sides_of: SidesOf,
) -> Fraction | None:
    """Return an instrument's initial margin (settlement currency), its orders at the worst."""
    quote = market.marks.get(instrument.name)
    if quote is None and (positions or instrument.model.scales_with_open_interest):
        return None  # open interest without a mark is unknown, not nothing
    interest = ZERO
    if instrument.model.scales_with_open_interest:
        interest = open_interest_value(instrument, market, sides_of)

    def needed(value: Fraction, size: Fraction) -> Fraction:
        base = value if instrument.inverse else abs(size) * instrument.contract_size
        return instrument.model.initial(abs(value), abs(base), interest)

    values: dict[str, tuple[Fraction, Fraction]] = {}
    for position in positions:
        assert quote is not None
        sign = 1 if position.size > 0 else -1
        own = margined(position, quote.exact)[0]
        values[position.leg] = sign * own, instrument.contracts(position.size)
    if "long" in values or "short" in values:
        net = values.get("net", (ZERO, ZERO))
        long, short = values.get("long", (ZERO, ZERO)), values.get("short", (ZERO, ZERO))
        sides = [
            needed(long[0] + orders.bids_value, long[1] + orders.bids_size),
            needed(short[0] - orders.asks_value, short[1] - orders.asks_size),
        ]
        sides[net[0] < 0] += needed(*net)
        return of_legs(instrument, *sides)
    value, size = values.get("net", (ZERO, ZERO))
    if orders.is_empty:
        return needed(value, size)
    return max(
        needed(value + orders.bids_value, size + orders.bids_size),
        needed(value - orders.asks_value, size - orders.asks_size),
    )


def open_interest_value(instrument: Instrument, market: Market, sides_of: SidesOf) -> Fraction:
    """Return the larger side of the open interest at the mark, in the notional's currency."""
    quote = market.marks.get(instrument.name)
    if quote is None:
        return ZERO
    quantity = max(sides_of(instrument.name)) * instrument.quantity_per_unit
    return notional(instrument.kind, quantity, quote.exact)


def position_initial_margin(
    position: Position, market: Market, sides_of: SidesOf
) -> Fraction | None:
    """Return what a position alone needs to open, in its settlement currency."""
    instrument = position.instrument
    return _initial_of(instrument, [position], _Orders(), market, sides_of)


def free_collateral(
    unit: MarginUnit,
    equity: Fraction,
    initial: Fraction | None,
    market: Market,
    rules: MarginRules,
) -> Fraction | None:
    """Return equity - initial margin, with each gain counted as the venue counts it.

    None too while an index that the unit needs may be used for verdicts alone.
    """
    if initial is None or (market.unfit and _is_barred(unit, market)):
        return None
    return equity - uncounted_gains(unit, market, rules) - initial


def _is_barred(unit: MarginUnit, market: Market) -> bool:
    """Return whether a price that the unit needs may not be used to open or to withdraw."""
    assets = {position.instrument.settlement for position in unit.positions()}
    if unit.key is None:
        assets |= unit.account.balances.keys()
    return any(map(market.bars_margin, assets))


def uncounted_gains(unit: MarginUnit, market: Market, rules: MarginRules) -> Fraction:
    """Return the part of the unrealized gains that neither opens nor may be withdrawn."""
    uncounted = ZERO
    if rules.counts_every_gain:
        return uncounted
    for position in unit.positions():
        pnl = position_pnl(position, market)
        value = market.exact_value(position.instrument.settlement)
        assert pnl is not None
        assert value is not None
        gain = pnl * value
        if gain > 0:
            uncounted += gain - rules.counted_gain(gain)
    return uncounted


def withdrawable(unit: MarginUnit, market: Market, free: Fraction | None) -> Fraction | None:
    """Return max(0, min(free collateral, collateral)): gains cannot be taken out."""
    collateral = own_margin(unit, market)
    if free is None or collateral is None:
        return None
    return max(ZERO, min(free, collateral))


def liquidation_is_over(
    unit: MarginUnit, market: Market, rules: MarginRules, totals: UnitTotals
) -> bool:
    """Return whether a unit is clear of the level at which a liquidation ends."""
    if not totals.has_position:
        return totals.equity >= 0
    level = max(totals.maintenance_margin, totals.maintenance_margin / rules.end_ratio)
    for position in unit.positions():
        amounts = position_amounts(position, market)
        assert amounts is not None
        level += position.instrument.buffer_rate * amounts.notional * amounts.value
    return totals.equity >= level if rules.strictly_below else totals.equity > level
