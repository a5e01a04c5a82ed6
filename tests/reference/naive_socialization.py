"""Who is charged with a socialized loss, by every method, in exact fractions and no whole units.

Written from the definitions in docs/model/socialized_loss.md.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from monitor.core import events
from tests.reference import naive_equity, naive_margin
from tests.reference.naive_world import Account, World, ceil_to, floor_to

ZERO = Fraction(0)
REALIZED = ("trade", "fee", "funding", "liquidation", "deleveraging", "socialized_loss")
METHODS = (
    "gains-pro-rata",
    "session-profit",
    "session-profit-minimum-rate",
    "settlement-ratio",
    "funding-index",
    "withdrawal-factor",
)


def charges(
    world: World,
    listed: events.InstrumentListed,
    asked: tuple[str, Fraction],
    loser: str,
    given_up: dict[str, Fraction],
) -> dict[str, Fraction]:
    """Return what each account pays (< 0: receives) of an amount of an asset."""
    asset, amount = asked
    configured = world.settings.waterfall
    unit, method = world.minor_unit(asset), configured.socialized_loss
    bases = {
        account.name: base(world, account, listed, asset, given_up)
        for account in world.accounts.values()
        if account.role in {"client", "market_maker"} and account.name != loser
    }
    known = {name: found for name, found in bases.items() if found is not None and found > 0}
    total = sum(known.values(), ZERO)
    if method == "funding-index":
        tick = decimal(configured.index_tick)
        step = ceil_to(amount / total, tick) if total else ZERO
        return {name: ceil_to(size * step, unit) for name, size in known.items()}
    if method == "settlement-ratio":
        return settled(known, amount, unit, configured.payee_of_remainder)
    flat = {
        name: floor_to(one * decimal(configured.minimum_rate), unit) for name, one in known.items()
    }
    if method == "session-profit-minimum-rate" and sum(flat.values(), ZERO) >= amount:
        return flat
    return in_proportion(known, amount, unit)


def decimal(configured: float) -> Fraction:
    """Return a configured number as it was written."""
    return Fraction(Decimal(repr(configured)))


def base(
    world: World,
    account: Account,
    listed: events.InstrumentListed,
    asset: str,
    given_up: dict[str, Fraction],
) -> Fraction | None:
    """Return what an account's charge follows: contracts, else money in whole units of an asset."""
    method = world.settings.waterfall.socialized_loss
    if method == "funding-index":
        held = [one for one in account.positions.values() if one.instrument == listed.instrument]
        return sum((abs(one.size) for one in held), ZERO)
    own, unit = world.value(asset), world.minor_unit(asset)
    if method == "withdrawal-factor":
        figures = naive_margin.figures(world, account, None)
        return None if figures is None or not own else floor_to(figures.equity / own, unit)
    settlement = listed.settlement_currency
    by_session = method.startswith("session")
    profit = session_profit if by_session else gain
    found, value = profit(world, account, listed), world.value(settlement)
    if settlement == asset:
        own = value = Fraction(1)
    if found is None or value is None or not own:
        return None
    return floor_to((found - given_up.get(account.name, ZERO)) * value / own, unit)


def session_profit(
    world: World, account: Account, listed: events.InstrumentListed
) -> Fraction | None:
    """Return what was realized since the session began, and the pnl of every position."""
    asset = listed.settlement_currency
    length = int(decimal(world.settings.waterfall.session_s) * 10**9)
    total = sum(
        (
            change
            for time_ns, name, its_asset, reason, change in world.changes
            if name == account.name and its_asset == asset and reason in REALIZED
            if time_ns // length == world.engine_ns // length
        ),
        ZERO,
    )
    for position in account.positions.values():
        its = world.instruments[position.instrument]
        if its.settlement_currency == asset and position.size:
            mark = world.marks.get(position.instrument)
            if mark is None or position.entry_price is None:
                return None
            total += naive_equity.profit(position.listed, position.size, position.entry_price, mark)
    return total


def gain(world: World, account: Account, listed: events.InstrumentListed) -> Fraction | None:
    """Return the unrealized gains in one instrument."""
    mark, total = world.marks.get(listed.instrument), ZERO
    for position in account.positions.values():
        key = account.unit_key(position.instrument, position.leg)
        if position.instrument != listed.instrument or position.size == 0 or mark is None:
            continue
        if account.units[key].state != "unknown" and position.entry_price is not None:
            pnl = naive_equity.profit(listed, position.size, position.entry_price, mark)
            total += max(ZERO, pnl)
    return total


def in_proportion(known: dict[str, Fraction], amount: Fraction, unit: Fraction) -> dict[str, Any]:
    """Return shares by the largest remainder, at most what each has."""
    total = sum(known.values(), ZERO)
    if amount >= total:
        return dict(known)
    wanted = {name: amount * one / total for name, one in known.items()}
    shares = {name: floor_to(one, unit) for name, one in wanted.items()}
    order = sorted(known, key=lambda name: (shares[name] - wanted[name], name.encode()))
    for name in order[: int((amount - sum(shares.values(), ZERO)) / unit)]:
        shares[name] += unit
    return shares


def settled(
    known: dict[str, Fraction], amount: Fraction, unit: Fraction, payee: str | None
) -> dict[str, Fraction]:
    """Return what a payout at one ratio, rounded down, takes; what is over goes to the payee."""
    total = sum(known.values(), ZERO)
    taken = min(amount, total)
    shares = {
        name: one - floor_to(one * (total - taken) / total, unit) for name, one in known.items()
    }
    over = sum(shares.values(), ZERO) - taken
    return {name: share - (over if name == payee else ZERO) for name, share in shares.items()}
