"""The float measure of a margin unit: equity, requirement, and how far prices can move them."""

import math

from monitor.core.ledger import Position
from monitor.core.margin.book import MarginUnit, owns_payment
from monitor.core.margin.extras import Extra, add_extras, estimate_at_entry
from monitor.core.market import Market

# Prices are watched within a factor e^0.1 of where a guard was set.
RADIUS_MAX = 0.1
_STRETCH = math.exp(RADIUS_MAX)
_STRETCH_TWICE = math.exp(2 * RADIUS_MAX)


class Measure:
    """A unit's amounts in floats, in the valuation currency, at the present prices.

    `gross` is the sum of magnitudes that rounding errors scale with. While every price in
    `prices` (by guard key) stays within a factor e^r of now, r <= RADIUS_MAX,
    |equity - c x maintenance| changes by at most
    r x (sensitivity + c x sensitivity_of_requirement), for any c >= 0: the mean value theorem,
    term by term, with the log of each price as the variable (docs/model/thresholds.md). `buffer`
    is what the end of a liquidation asks for beyond the requirement.
    """

    __slots__ = (
        "buffer",
        "equity",
        "gross",
        "has_position",
        "maintenance",
        "prices",
        "sensitivity",
        "sensitivity_of_buffer",
        "sensitivity_of_requirement",
    )

    def __init__(self) -> None:
        """Begin at 0."""
        self.equity = self.maintenance = self.gross = self.buffer = 0.0
        self.sensitivity = self.sensitivity_of_requirement = self.sensitivity_of_buffer = 0.0
        self.prices: dict[str, float] = {}
        self.has_position = False


def measure(unit: MarginUnit, market: Market) -> Measure | None:
    """Return a unit's measure, None when a price that it needs is missing."""
    result = measure_or_missing_key(unit, market)
    return result if isinstance(result, Measure) else None


def measure_or_missing_key(unit: MarginUnit, market: Market) -> Measure | str:
    """Return a unit's measure, or the guard key of the first price that it needs and has not."""
    result = Measure()
    missing = _add_own(result, unit, market)
    if missing is not None:
        return missing
    for payment in unit.account.pending_funding:
        if owns_payment(unit, payment):
            missing = _add_amount(result, market, payment.asset, -payment.amount)
            if missing is not None:
                return missing
    missing = _add_positions(result, market, unit.positions())
    return result if missing is None else missing


# Each of these adds to a result, and returns the guard key of a missing price, else None.


def _add_own(result: Measure, unit: MarginUnit, market: Market) -> str | None:
    """Add what stands behind the unit: balances, or the isolated margin."""
    account = unit.account
    if unit.key is not None:
        own = account.positions.get(unit.key)
        if own is None or not own.isolated_margin:
            return None
        return _add_amount(result, market, own.instrument.settlement, own.isolated_margin)
    for asset, units in account.balances.items():
        if units:
            missing = _add_balance(result, market, asset, units)
            if missing is not None:
                return missing
    return None


def _add_amount(result: Measure, market: Market, asset: str, units: int) -> str | None:
    """Add an amount that counts in full."""
    valued = market.valued(asset)
    if valued is None:
        return market.missing_key(asset)
    value, key = valued
    worth = units * market.unit(asset).number * value
    result.equity += worth
    result.gross += abs(worth)
    if key is not None:
        result.prices[key] = value
        result.sensitivity += abs(worth) * _STRETCH
    return None


def _add_balance(result: Measure, market: Market, asset: str, units: int) -> str | None:
    """Add a balance: a debt in full, collateral after haircuts, other assets for nothing."""
    collateral = market.collateral.get(asset)
    if units < 0 or (collateral is None and market.counts(asset)):
        return _add_amount(result, market, asset, units)
    if collateral is None:
        return None
    before = result.equity
    missing = _add_amount(result, market, asset, units)
    result.equity = before + collateral.float_counted(result.equity - before)
    return missing


def _add_positions(result: Measure, market: Market, positions: list[Position]) -> str | None:
    """Add each position's pnl and requirement, and how much they can move.

    The innermost loop of every verdict: it keeps its sums in local names.
    """
    equity, maintenance, gross = result.equity, result.maintenance, result.gross
    sensitivity, steepness = result.sensitivity, result.sensitivity_of_requirement
    prices, marks, valued_of = result.prices, market.marks, market.valued
    extras: list[Extra] = []
    for position in positions:
        instrument = position.instrument
        quote = marks.get(instrument.name)
        valued = valued_of(instrument.settlement)
        if quote is None:
            return instrument.guard_key
        if valued is None:
            return market.missing_key(instrument.settlement)
        value, key = valued
        prices[instrument.guard_key] = mark = quote.number
        quantity, entry = position.quantity, position.entry
        size = quantity if quantity > 0.0 else -quantity
        if instrument.inverse:
            notional = size / mark
            pnl = quantity / entry - quantity / mark
            gross += (size / entry + notional) * value
        else:
            notional = size * mark
            pnl = quantity * (mark - entry)
            gross += size * (mark + entry) * value
        requirement, charged, rate = (
            estimate_at_entry(instrument, size, entry)
            if instrument.margins_at_entry
            else instrument.model.estimate(notional, None if instrument.inverse else size, _STRETCH)
        )
        reach = notional * value * _STRETCH_TWICE
        equity += pnl * value
        maintenance += requirement * value
        gross += charged * value
        sensitivity += reach
        steepness += reach * rate
        if instrument.has_extras:
            moves = key is not None
            extras.append(Extra(position, requirement, notional, reach, value, moves))
        if key is not None:
            prices[key] = value
            pnl_reach = abs(pnl) + notional * (_STRETCH - 1.0)
            sensitivity += pnl_reach * value * _STRETCH
            steepness += max(reach * rate, requirement * value * _STRETCH)
    result.equity, result.maintenance = equity, maintenance
    result.gross = gross
    result.sensitivity, result.sensitivity_of_requirement = sensitivity, steepness
    result.has_position = bool(positions)
    if extras:
        add_extras(result, extras)
    return None
