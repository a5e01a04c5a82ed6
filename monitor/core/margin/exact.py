"""What a unit is made of, in exact rationals: collateral, pnl, funding, requirements.

The formulas are those of `docs/model/margin.md`; `totals.py` adds them up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from monitor.core.contracts import notional, unrealized_pnl
from monitor.core.instruments import Instrument
from monitor.core.ledger import Account, Position, PositionKey, entry_price, position_quantity
from monitor.core.margin.book import MarginUnit, owns_payment
from monitor.core.market import Market

ZERO = Fraction(0)


@dataclass(slots=True, frozen=True)
class PositionAmounts:
    """One position at the marks, in its settlement currency."""

    quantity: Fraction
    mark: Fraction
    value: Fraction  # of one unit of the settlement currency
    notional: Fraction
    unrealized_pnl: Fraction
    maintenance_margin: Fraction  # without a closing fee on the bankruptcy price


@dataclass(slots=True, frozen=True)
class UnitTotals:
    """One margin unit in the valuation currency.

    `kept`: what each instrument requires, in (settlement currency, valuation currency); `fees`: to
    close each position at its bankruptcy price, where a venue charges that, settlement currency.
    """

    equity: Fraction
    maintenance_margin: Fraction = ZERO
    has_position: bool = False
    kept: Mapping[str, tuple[Fraction, Fraction]] = field(default_factory=dict)
    fees: Mapping[PositionKey, Fraction] = field(default_factory=dict)

    @property
    def margin_ratio(self) -> Fraction | None:
        """Return maintenance_margin / equity, None when equity <= 0."""
        return self.maintenance_margin / self.equity if self.equity > 0 else None

    @property
    def deficit(self) -> Fraction:
        """Return max(0, -equity)."""
        return max(ZERO, -self.equity)


def position_amounts(position: Position, market: Market) -> PositionAmounts | None:
    """Return a position's amounts, None when its mark or its currency's value is missing."""
    instrument = position.instrument
    quote = market.marks.get(instrument.name)
    value = market.exact_value(instrument.settlement)
    if quote is None or value is None:
        return None
    quantity = position_quantity(position)
    return PositionAmounts(
        quantity=quantity,
        mark=quote.exact,
        value=value,
        notional=notional(instrument.kind, quantity, quote.exact),
        unrealized_pnl=unrealized_pnl(
            instrument.kind, quantity, entry_price(position), quote.exact
        ),
        maintenance_margin=maintenance_at(position, quote.exact),
    )


def position_pnl(position: Position, market: Market) -> Fraction | None:
    """Return a position's unrealized pnl alone, None when its mark is missing."""
    quote = market.marks.get(position.instrument.name)
    if quote is None:
        return None
    return unrealized_pnl(
        position.instrument.kind, position_quantity(position), entry_price(position), quote.exact
    )


def balance_worth(market: Market, asset: str, units: int) -> Fraction | None:
    """Return what a balance counts for, None when its value is needed and missing."""
    if not units or (units > 0 and not market.counts(asset)):
        return ZERO
    value = market.exact_value(asset)
    if value is None:
        return None
    worth = units * market.unit(asset).value * value
    collateral = market.collateral.get(asset)
    return worth if worth < 0 or collateral is None else collateral.counted(worth)


def collateral_value(account: Account, market: Market) -> Fraction | None:
    """Return the cross collateral after haircuts, debts included."""
    total = ZERO
    for asset, units in account.balances.items():
        worth = balance_worth(market, asset, units)
        if worth is None:
            return None
        total += worth
    return total


def own_margin(unit: MarginUnit, market: Market) -> Fraction | None:
    """Return what stands behind a unit before pnl: collateral, or the isolated margin."""
    if unit.key is None:
        return collateral_value(unit.account, market)
    position = unit.account.position(unit.key)
    if position is None or not position.isolated_margin:
        return ZERO
    asset = position.instrument.settlement
    value = market.exact_value(asset)
    if value is None:
        return None
    return position.isolated_margin * market.unit(asset).value * value


def funding_owed(unit: MarginUnit, market: Market) -> Fraction | None:
    """Return the pending funding that the unit owes."""
    total = ZERO
    for payment in unit.account.pending_funding:
        if owns_payment(unit, payment):
            value = market.exact_value(payment.asset)
            if value is None:
                return None
            total += payment.amount * market.unit(payment.asset).value * value
    return total


def unit_equity(unit: MarginUnit, market: Market) -> Fraction | None:
    """Return a unit's exact equity, None when a price that it needs is missing."""
    margin = own_margin(unit, market)
    owed = funding_owed(unit, market)
    if margin is None or owed is None:
        return None
    equity = margin - owed
    for position in unit.positions():
        value = market.exact_value(position.instrument.settlement)
        pnl = position_pnl(position, market)
        if value is None or pnl is None:
            return None
        equity += pnl * value
    return equity


def maintenance_at(position: Position, mark: Fraction) -> Fraction:
    """Return what a position must keep at a mark, in its settlement currency.

    With a closing fee on the mark; one on the bankruptcy price needs the unit: `totals.py`.
    """
    instrument = position.instrument
    quantity = position_quantity(position)
    notional_kept, size = margined(position, mark)
    kept = instrument.model.maintenance(notional_kept, size)
    if instrument.fee_at_mark:
        kept += instrument.fee_rate * notional(instrument.kind, quantity, mark)
    return kept


def of_legs(instrument: Instrument, long: Fraction, short: Fraction) -> Fraction:
    """Return the requirement of both sides, or of the larger one where the venue says so."""
    return max(long, short) if instrument.larger_leg else long + short


def margined(position: Position, mark: Fraction) -> tuple[Fraction, Fraction]:
    """Return the notional and the size in base units that a position is margined on."""
    instrument = position.instrument
    quantity = position_quantity(position)
    price = entry_price(position) if instrument.margins_at_entry else mark
    value = notional(instrument.kind, quantity, price)
    return value, value if instrument.inverse else abs(quantity)
