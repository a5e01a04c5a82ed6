"""The verdict in exact rationals, and every amount that is shown or paid.

Asked when floats cannot decide (inside the band of rounding error), and whenever an amount
leaves the engine. The formulas are those of `docs/model/margin.md`.
"""

from dataclasses import dataclass
from fractions import Fraction

from monitor.core.contracts import notional, unrealized_pnl
from monitor.core.ledger import Account, Position, entry_price, position_quantity
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
    initial_margin: Fraction
    maintenance_margin: Fraction


@dataclass(slots=True, frozen=True)
class UnitAmounts:
    """One margin unit in the valuation currency."""

    collateral_value: Fraction
    equity: Fraction
    initial_margin: Fraction
    maintenance_margin: Fraction
    has_position: bool

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
    size = notional(instrument.kind, quantity, quote.exact)
    return PositionAmounts(
        quantity=quantity,
        mark=quote.exact,
        value=value,
        notional=size,
        unrealized_pnl=unrealized_pnl(
            instrument.kind, quantity, entry_price(position), quote.exact
        ),
        initial_margin=instrument.schedule.initial(size),
        maintenance_margin=instrument.schedule.maintenance(size),
    )


def initial_margin_value(position: Position, market: Market) -> Fraction:
    """Return a position's initial margin in the valuation currency; its prices must be known."""
    instrument = position.instrument
    value = market.exact_value(instrument.settlement)
    assert value is not None
    mark = market.marks[instrument.name].exact
    size = notional(instrument.kind, position_quantity(position), mark)
    return instrument.schedule.initial(size) * value


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
    position = unit.account.positions.get(unit.key)
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


def unit_amounts(unit: MarginUnit, market: Market) -> UnitAmounts | None:
    """Return a unit's exact amounts, None when a price that it needs is missing."""
    margin = own_margin(unit, market)
    owed = funding_owed(unit, market)
    if margin is None or owed is None:
        return None
    equity = margin - owed
    initial = maintenance = ZERO
    positions = unit.positions()
    for position in positions:
        amounts = position_amounts(position, market)
        if amounts is None:
            return None
        equity += amounts.unrealized_pnl * amounts.value
        initial += amounts.initial_margin * amounts.value
        maintenance += amounts.maintenance_margin * amounts.value
    return UnitAmounts(margin, equity, initial, maintenance, bool(positions))
