"""Margin, from the definitions: what a unit is worth, what it needs, and so its state.

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

import itertools
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from monitor.core import events
from tests.reference.naive_world import Account, Pending, Position, UnitKey, Values, World

ZERO = Fraction(0)
WORST_FIRST = ("bankrupt", "liquidatable", "margin_call", "healthy")


@dataclass
class Figures:
    """A unit's amounts in the valuation currency."""

    collateral: Fraction
    equity: Fraction
    initial_margin: Fraction
    maintenance_margin: Fraction
    has_position: bool

    @property
    def margin_ratio(self) -> Fraction | None:
        """Return maintenance / equity; None at or below zero equity."""
        return self.maintenance_margin / self.equity if self.equity > 0 else None


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


def deductions(tiers: list[events.RiskTier]) -> list[Fraction]:
    """Return each tier's maintenance deduction: as given, else what makes it continuous."""
    if any(tier.maintenance_deduction is not None for tier in tiers):
        return [Fraction(tier.maintenance_deduction or "0") for tier in tiers]
    found = [ZERO] if tiers else []
    for before, tier in itertools.pairwise(tiers):
        step = Fraction(tier.maintenance_margin_rate) - Fraction(before.maintenance_margin_rate)
        found.append(found[-1] + Fraction(before.notional_max or "0") * step)
    return found


def requirements(listed: events.InstrumentListed, amount: Fraction) -> tuple[Fraction, Fraction]:
    """Return initial and maintenance margin of a notional, in its currency."""
    tiers = listed.risk_tiers
    if not tiers:
        return ZERO, ZERO
    number = len(tiers) - 1
    for candidate, tier in enumerate(tiers):
        if tier.notional_max is None or amount <= Fraction(tier.notional_max):
            number = candidate
            break
    tier = tiers[number]
    initial = amount * Fraction(tier.initial_margin_rate) - Fraction(tier.initial_deduction)
    maintenance = amount * Fraction(tier.maintenance_margin_rate) - deductions(tiers)[number]
    return max(ZERO, initial), max(ZERO, maintenance)


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


def unit_pending(account: Account, key: UnitKey) -> list[Pending]:
    """Return the funding payments that count in a unit."""
    return [
        pending
        for pending in account.pending
        if key == ((pending.instrument, pending.leg) if pending.isolated else None)
    ]


def figures(
    world: World,
    account: Account,
    key: UnitKey,
    *,
    marks: dict[str, Fraction] | None = None,
    values: Values | None = None,
) -> Figures | None:
    """Return a unit's amounts at the given prices (default: the current ones); None: unknown."""
    marks = world.marks if marks is None else marks
    values = world.value if values is None else values
    positions = unit_positions(account, key)
    collateral: Fraction | None = ZERO
    if key is None:
        collateral = collateral_value(world, account, values)
    elif positions and positions[0].isolated_margin != 0:
        value = values(world.instruments[key[0]].settlement_currency)
        collateral = None if value is None else positions[0].isolated_margin * value
    if collateral is None:
        return None
    result = Figures(collateral, collateral, ZERO, ZERO, has_position=False)
    for position in positions:
        if position.size == 0:
            continue
        result.has_position = True
        listed = world.instruments[position.instrument]
        mark, value = marks.get(position.instrument), values(listed.settlement_currency)
        if mark is None or value is None or position.entry_price is None:
            return None
        gain = profit(listed, position.size, position.entry_price, mark)
        initial, maintenance = requirements(listed, notional(listed, position.size, mark))
        result.equity += gain * value
        result.initial_margin += initial * value
        result.maintenance_margin += maintenance * value
    for pending in unit_pending(account, key):
        if pending.amount > 0:
            value = values(pending.asset)
            if value is None:
                return None
            result.equity -= pending.amount * value
    return result


def is_liquidatable(world: World, found: Figures) -> bool:
    """Return whether a unit with a position is at or below what it must keep."""
    if not found.has_position:
        return False
    if world.settings.margin.liquidatable_when == "below":
        return found.equity < found.maintenance_margin
    return found.equity <= found.maintenance_margin


def state(world: World, found: Figures | None) -> str:
    """Return the state of a unit, the worst that applies."""
    if found is None:
        return "unknown"
    if found.equity < 0:
        return "bankrupt"
    if is_liquidatable(world, found):
        return "liquidatable"
    ratio = Fraction(Decimal(repr(world.settings.margin.margin_call_ratio)))
    if found.has_position and found.equity > 0 and found.maintenance_margin >= ratio * found.equity:
        return "margin_call"
    return "healthy"
