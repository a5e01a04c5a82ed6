"""Margin, from the definitions: what a unit is worth, what it needs, and so its state.

Worth is in `naive_equity`, the requirement of an instrument in `naive_requirements`; here they
meet, valued in the valuation currency. Read `figures` first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tests.reference import naive_bankruptcy, naive_equity, naive_requirements
from tests.reference.naive_equity import ZERO, Marks
from tests.reference.naive_requirements import Book
from tests.reference.naive_world import Account, Position, UnitKey, Values, World

WORST_FIRST = ("bankrupt", "liquidatable", "margin_call", "healthy")
Fees = dict[tuple[str, str], Fraction]  # by instrument and leg, settlement currency


@dataclass
class Figures:
    """A unit's amounts in the valuation currency.

    `uncounted`: gains that do not count as free collateral. `buffer`: what a liquidation must
    leave above the requirement.
    """

    collateral: Fraction
    equity: Fraction
    to_open: Callable[[], Fraction | None]
    maintenance_margin: Fraction
    uncounted: Fraction
    buffer: Fraction
    has_position: bool

    @property
    def initial_margin(self) -> Fraction | None:
        """Return what it needs to open; None where an order cannot be valued.

        Worked out when it is asked for: no tested price needs it.
        """
        return self.to_open()

    @property
    def margin_ratio(self) -> Fraction | None:
        """Return maintenance / equity; None at or below zero equity."""
        return self.maintenance_margin / self.equity if self.equity > 0 else None

    @property
    def free_collateral(self) -> Fraction | None:
        """Return what is not needed for positions and orders, of the gains only what counts."""
        initial = self.initial_margin
        return None if initial is None else self.equity - self.uncounted - initial

    @property
    def withdrawable(self) -> Fraction | None:
        """Return what may leave: free, and there as collateral."""
        free = self.free_collateral
        return None if free is None else max(ZERO, min(free, self.collateral))


def setting(value: float) -> Fraction:
    """Return a number of the configuration as it is written."""
    return Fraction(Decimal(repr(value)))


def closing_fee(world: World, account: Account, position: Position, mark: Fraction) -> Fraction:
    """Return what closing a position costs as part of its maintenance margin."""
    listed = position.listed
    price: Fraction | None = mark
    if listed.closing_fee_basis == "none":
        return ZERO
    if listed.closing_fee_basis == "bankruptcy_price":
        price = naive_bankruptcy.account_zero_price(world, account, position)
    if price is None:
        return ZERO
    return Fraction(listed.closing_fee_rate) * naive_equity.notional(listed, position.size, price)


def held_fees(world: World, account: Account, key: UnitKey) -> Fees:
    """Return the present fees at the bankruptcy price: they are held while a price is tested."""
    return {
        (position.instrument, position.leg): closing_fee(
            world, account, position, world.marks[position.instrument]
        )
        for position in naive_equity.open_positions(account, key)
        if position.listed.closing_fee_basis == "bankruptcy_price"
    }


def own_maintenance(
    world: World, account: Account, position: Position, mark: Fraction, fees: Fees | None = None
) -> Fraction:
    """Return a position's own maintenance margin with its fee, settlement currency."""
    listed = position.listed
    amount = naive_requirements.margin_notional(listed, position, mark)
    fee = (fees or {}).get((position.instrument, position.leg))
    if fee is None:
        fee = closing_fee(world, account, position, mark)
    return naive_requirements.maintenance(listed, amount, position.size) + fee


def own_initial(world: World, position: Position, mark: Fraction) -> Fraction:
    """Return a position's own initial margin, settlement currency."""
    listed = position.listed
    amount = naive_requirements.margin_notional(listed, position, mark)
    interest = naive_requirements.open_interest(world, position.instrument, mark)
    found = naive_requirements.initial(listed, amount, position.size, interest)
    assert found is not None
    return found


def by_instrument(account: Account, key: UnitKey) -> dict[str, list[Position]]:
    """Return a unit's open positions by instrument."""
    found: dict[str, list[Position]] = {}
    for position in naive_equity.open_positions(account, key):
        found.setdefault(position.instrument, []).append(position)
    return found


def initial_margin(
    world: World, account: Account, key: UnitKey, marks: Marks, values: Values
) -> Fraction | None:
    """Return what a unit must have to keep its positions and orders open; orders are cross."""
    positions = by_instrument(account, key)
    orders = account.orders if key is None else {}
    total = ZERO
    for instrument in {**positions, **orders}:
        mine, mark = positions.get(instrument, []), marks.get(instrument)
        listed = mine[0].listed if mine else world.instruments[instrument]
        amounts = []
        for position in mine:
            assert mark is not None
            amounts.append(naive_requirements.margin_notional(listed, position, mark))
        interest = naive_requirements.open_interest(world, instrument, mark)
        book = Book(listed, mine, amounts, orders.get(instrument), interest)
        amount = naive_requirements.instrument_initial(book)
        value = values(listed.settlement_currency)
        if amount is None or value is None:
            return None
        total += amount * value
    return total


def instrument_sides(
    world: World, account: Account, positions: list[Position], mark: Fraction, fees: Fees | None
) -> tuple[Fraction, Fraction]:
    """Return the maintenance margin of the long and of the short positions in an instrument."""
    longs, shorts = ZERO, ZERO
    for position in positions:
        own = own_maintenance(world, account, position, mark, fees)
        if position.size > 0:
            longs += own
        else:
            shorts += own
    return longs, shorts


def figures(
    world: World,
    account: Account,
    key: UnitKey,
    *,
    marks: Marks | None = None,
    values: Values | None = None,
    fees: Fees | None = None,
) -> Figures | None:
    """Return a unit's amounts at the given prices (default: the current ones); None: unknown.

    `fees`: those at the bankruptcy price, where they are held (default: the current ones).
    """
    marks = world.marks if marks is None else marks
    values = world.value if values is None else values
    worth = naive_equity.worth(world, account, key, marks, values)
    if worth is None:
        return None
    maintenance, buffer = ZERO, ZERO
    positions = by_instrument(account, key)
    for instrument, mine in positions.items():
        listed, mark = mine[0].listed, marks[instrument]
        value = values(listed.settlement_currency)
        assert value is not None
        sides = instrument_sides(world, account, mine, mark, fees)
        maintenance += naive_requirements.hedged(listed, *sides) * value
        notional = sum((naive_equity.notional(listed, one.size, mark) for one in mine), ZERO)
        buffer += Fraction(listed.liquidation_buffer_rate) * notional * value
    return Figures(
        collateral=worth.collateral,
        equity=worth.equity,
        to_open=lambda: initial_margin(world, account, key, marks, values),
        maintenance_margin=maintenance,
        uncounted=sum((gain - counted(world, gain) for gain in worth.gains), ZERO),
        buffer=buffer,
        has_position=bool(positions),
    )


def counted(world: World, gain: Fraction) -> Fraction:
    """Return how much of a position's gain counts for free collateral; a loss counts in full."""
    margin = world.settings.margin
    if gain <= 0:
        return gain
    weighted = setting(margin.gain_weight) * gain
    return weighted if margin.gain_cap is None else min(setting(margin.gain_cap), weighted)


def is_liquidatable(world: World, found: Figures) -> bool:
    """Return whether a unit with a position is at or below what it must keep."""
    if not found.has_position:
        return False
    if world.settings.margin.liquidatable_when == "below":
        return found.equity < found.maintenance_margin
    return found.equity <= found.maintenance_margin


def ends_liquidation(world: World, found: Figures | None) -> bool:
    """Return whether a unit is clear of the level at which its liquidation ends."""
    if found is None:
        return False
    if not found.has_position:
        return found.equity >= 0
    need = found.maintenance_margin
    level = max(need, need / setting(world.settings.margin.liquidation_end_ratio)) + found.buffer
    if world.settings.margin.liquidatable_when == "below":
        return found.equity >= level
    return found.equity > level


def state(world: World, found: Figures | None) -> str:
    """Return the state of a unit, the worst that applies."""
    if found is None:
        return "unknown"
    if found.equity < 0:
        return "bankrupt"
    if is_liquidatable(world, found):
        return "liquidatable"
    ratio = setting(world.settings.margin.margin_call_ratio)
    if found.has_position and found.equity > 0 and found.maintenance_margin >= ratio * found.equity:
        return "margin_call"
    return "healthy"
