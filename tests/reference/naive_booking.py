"""The small records and rules that booking an event needs."""

from dataclasses import dataclass
from fractions import Fraction

from monitor.core import events
from tests.reference import naive_margin, naive_prices
from tests.reference.naive_world import Account, Liquidation, Unit, World

UNITS_MAX = 2**62
UNSEEN = ("", "")  # the unit of a liquidation whose start we have not seen


HELD_KINDS = (
    events.MarkPriceChanged,
    events.TradingStatusChanged,
    events.FundingRateChanged,
    events.FundingPaid,
    events.PositionChanged,
    events.MarginOrdersChanged,
    events.LiquidationStarted,
    events.LiquidationFilled,
    events.LiquidationFinished,
    events.DeleveragingFilled,
)


class RefusedError(Exception):
    """The event cannot be applied."""


class HeldError(Exception):
    """The event names an instrument that is not listed yet."""


@dataclass
class Gap:
    """A hole in what we know of an account."""

    account: str
    expected: int
    received: int
    reason: str


@dataclass
class Finished:
    """A liquidation that ended in this step."""

    event: events.LiquidationFinished
    liquidation: Liquidation | None


def size_unit(listed: events.InstrumentListed) -> Fraction:
    """Return the smallest size of an instrument's positions."""
    return Fraction(listed.size_unit or listed.lot_size)


def representable(value: Fraction, unit: Fraction) -> Fraction:
    """Return a value that is a whole number of units within bounds, or refuse it."""
    units = value / unit
    if units.denominator != 1 or abs(units) > UNITS_MAX:
        raise RefusedError("not_representable")
    return value


def is_used(world: World, asset: str) -> bool:
    """Return whether any amount of an asset is kept anywhere: its unit is fixed then."""
    accounts = world.accounts.values()
    return (
        asset in world.assets_booked
        or any(fund.asset == asset for fund in world.funds.values())
        or any(one.asset == asset for account in accounts for one in account.pending)
        or any(
            position.isolated_margin
            and world.instruments[position.instrument].settlement_currency == asset
            for account in accounts
            for position in account.positions.values()
        )
    )


def set_orders(account: Account, event: events.MarginOrdersChanged) -> None:
    """Keep the open orders in an instrument; four zeros are none."""
    fields = ("bids_size", "asks_size", "bids_value", "asks_value")
    numbers = {name: getattr(event, name) for name in fields}
    account.orders.pop(event.instrument, None)
    if any(Fraction(number) for number in numbers.values()):
        account.orders[event.instrument] = events.OrdersRecord(
            instrument=event.instrument, **numbers
        )


def follow_mode(account: Account, instrument: str, leg: str) -> None:
    """Let a closed isolated position take what it owed along; one turned cross brings it in."""
    position = account.positions.get((instrument, leg))
    if position is None or not position.isolated:
        owed = [one for one in account.pending if (one.instrument, one.leg) == (instrument, leg)]
        for one in owed:
            if one.isolated and position is None:
                account.pending.remove(one)
            one.isolated = False


def note_closed(account: Account, owed: Fraction) -> None:
    """Let the liquidations of isolated positions that are gone know it, and what those owed."""
    for one in account.liquidations.values():
        if one.unit_key not in {None, UNSEEN} and one.unit_key not in account.positions:
            one.owed = one.owed if one.closed else owed
            one.closed = True


def start_liquidation(world: World, account: Account, event: events.LiquidationStarted) -> None:
    """Freeze what a liquidation begins with."""
    position = account.positions.get((event.instrument, event.leg))
    limit = None
    if position is not None:
        limit = naive_prices.bankruptcy_price(world, account, position)
    key = account.unit_key(event.instrument, event.leg)
    liquidation = Liquidation(key, Fraction(event.size), limit, instrument=event.instrument)
    if position is not None and position.isolated:
        liquidation.margin = position.isolated_margin
        liquidation.entry_price = position.entry_price if position.size else None
    figures = naive_margin.figures(world, account, key)
    if position is not None and position.size and figures is not None:
        liquidation.equity = figures.equity
        for identity, other in account.liquidations.items():
            same = other.unit_key == key and not other.closed and identity != event.liquidation_id
            if same and other.equity is not None:
                liquidation.equity = other.equity
    account.liquidations[event.liquidation_id] = liquidation
    account.units.setdefault(key, Unit()).liquidating = True


def set_balance(world: World, account: Account, asset: str, after: Fraction, reason: str) -> None:
    """Set a balance; what changed is booked under its reason."""
    before = account.balances.get(asset, Fraction(0))
    account.balances[asset] = after
    booked = world.booked
    world.changes.append((world.engine_ns, account.name, asset, reason, after - before))
    if reason == "closed":
        world.changes = [one for one in world.changes if one[1] != account.name]
    booked[asset, reason] = booked.get((asset, reason), Fraction(0)) + after - before
    world.assets_booked.add(asset)
