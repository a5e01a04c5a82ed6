"""What a unit is worth: its collateral after haircuts, what its positions gained, what it owes.

For a position of q contracts (> 0 long) of size c, entered at E, at the mark M:

=========  ==================  =======================
kind       notional            unrealized pnl
=========  ==================  =======================
linear     |q| c M             q c (M - E)
quanto     |q| c M             q c (M - E)
inverse    |q| c / M           q c (1/E - 1/M)
=========  ==================  =======================

All in the settlement currency; times its value they are in the valuation currency.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from monitor.core import events
from tests.reference.naive_world import Account, Pending, Position, UnitKey, Values, World

ZERO = Fraction(0)
Marks = dict[str, Fraction]


@dataclass
class Worth:
    """What a unit is worth in the valuation currency; `gains`: of each position, signed."""

    collateral: Fraction
    equity: Fraction
    gains: list[Fraction] = field(default_factory=list)


def notional(listed: events.InstrumentListed, size: Fraction, price: Fraction) -> Fraction:
    """Return the magnitude of a position's value in the settlement currency."""
    contracts = abs(size) * Fraction(listed.contract_size)
    return contracts / price if listed.kind == "inverse" else contracts * price


def profit(
    listed: events.InstrumentListed, size: Fraction, entry: Fraction, price: Fraction
) -> Fraction:
    """Return what a position entered at one price has gained at another, settlement currency."""
    contracts = size * Fraction(listed.contract_size)
    if listed.kind == "inverse":
        return contracts * (1 / entry - 1 / price)
    return contracts * (price - entry)


def credited(world: World, asset: str, worth: Fraction) -> Fraction:
    """Return what collateral of a positive worth counts for, after its haircuts."""
    listed = world.collaterals.get(asset)
    if listed is None:
        return worth
    if listed.haircut is not None:
        return worth * (1 - Fraction(listed.haircut))
    if not listed.haircut_tiers:
        return worth
    total, lower = ZERO, ZERO
    for tier in listed.haircut_tiers:
        upper = worth if tier.value_max is None else min(worth, Fraction(tier.value_max))
        if upper > lower:
            total += (upper - lower) * (1 - Fraction(tier.haircut))
            lower = upper
    return total


def collateral_value(world: World, account: Account, values: Values) -> Fraction | None:
    """Return what all balances count for; None if a price is missing."""
    total = ZERO
    for asset, balance in account.balances.items():
        if balance == 0 or (balance > 0 and not world.counts(asset)):
            continue
        value = values(asset)
        if value is None:
            return None
        worth = balance * value
        total += worth if worth < 0 else credited(world, asset, worth)
    return total


def unit_positions(account: Account, key: UnitKey) -> list[Position]:
    """Return the positions of a unit."""
    if key is None:
        return [position for position in account.positions.values() if not position.isolated]
    position = account.positions.get(key)
    return [] if position is None or not position.isolated else [position]


def open_positions(account: Account, key: UnitKey) -> list[Position]:
    """Return the positions of a unit that have a size."""
    return [position for position in unit_positions(account, key) if position.size != 0]


def unit_pending(account: Account, key: UnitKey) -> list[Pending]:
    """Return the funding payments that count in a unit."""
    return [
        pending
        for pending in account.pending
        if key == ((pending.instrument, pending.leg) if pending.isolated else None)
    ]


def worth(
    world: World, account: Account, key: UnitKey, marks: Marks, values: Values
) -> Worth | None:
    """Return what a unit is worth at the given prices; None: a price that it needs is missing."""
    positions = unit_positions(account, key)
    collateral: Fraction | None = ZERO
    if key is None:
        collateral = collateral_value(world, account, values)
    elif positions and positions[0].isolated_margin != 0:
        value = values(world.instruments[key[0]].settlement_currency)
        collateral = None if value is None else positions[0].isolated_margin * value
    if collateral is None:
        return None
    result = Worth(collateral, collateral)
    for position in open_positions(account, key):
        listed = position.listed
        mark, value = marks.get(position.instrument), values(listed.settlement_currency)
        if mark is None or value is None or position.entry_price is None:
            return None
        result.gains.append(profit(listed, position.size, position.entry_price, mark) * value)
    result.equity += sum(result.gains, ZERO)
    for pending in unit_pending(account, key):
        if pending.amount > 0:
            value = values(pending.asset)
            if value is None:
                return None
            result.equity -= pending.amount * value
    return result
