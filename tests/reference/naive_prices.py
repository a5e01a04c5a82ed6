"""Liquidation and bankruptcy prices, found by cutting the price line into simple pieces.

The cuts: a tier's edge, a haircut's edge, a requirement that leaves zero, two legs of which the
other becomes the larger. What happens between them is in `naive_roots`.
"""

import functools
from fractions import Fraction

from tests.reference import naive_bankruptcy, naive_margin, naive_requirements
from tests.reference.naive_margin import Fees, Figures
from tests.reference.naive_roots import nearest, roots_between, roots_beyond
from tests.reference.naive_world import Account, Position, UnitKey, World

ZERO = Fraction(0)


def breakpoints(
    world: World, account: Account, key: UnitKey, instrument: str, fees: Fees
) -> set[Fraction]:
    """Return the prices of an instrument at which a unit's surplus may bend or jump."""
    cuts = naive_bankruptcy.haircut_cuts(world, account, key, instrument)
    positions = naive_margin.by_instrument(account, key)[instrument]
    listed = positions[0].listed
    for position in positions:
        contracts = abs(position.size) * Fraction(listed.contract_size)
        for amount in naive_requirements.bends(listed, position.size):
            cuts.add(contracts / amount if listed.kind == "inverse" else amount / contracts)
    if listed.hedge_margin == "both" or naive_requirements.is_curved(listed):
        return cuts

    def lead(price: Fraction) -> Fraction:
        longs, shorts = naive_margin.instrument_sides(world, account, positions, price, fees)
        return longs - shorts

    edges = sorted(cuts | {world.marks[instrument]})
    for lower, upper in zip([ZERO, *edges], edges, strict=False):
        cuts |= set(roots_between(lead, lower, upper))
    return cuts | set(roots_beyond(lead, edges[-1]))


def liquidation_price(world: World, account: Account, position: Position) -> Fraction | None:
    """Return the nearest mark at which the unit becomes (or stops being) liquidatable."""
    key = account.unit_key(position.instrument, position.leg)
    now = naive_margin.figures(world, account, key)
    if now is None or position.size == 0:
        return None
    was = naive_margin.is_liquidatable(world, now)
    fees = naive_margin.held_fees(world, account, key)

    @functools.cache  # the same prices are tested for roots and for sides
    def at(price: Fraction) -> Figures:
        found = naive_margin.figures(
            world,
            account,
            key,
            marks=world.marks | {position.instrument: price},
            values=naive_bankruptcy.values_at(world, position.instrument, price),
            fees=fees,
        )
        assert found is not None
        return found

    def surplus(price: Fraction) -> Fraction:
        found = at(price)
        return found.equity - found.maintenance_margin

    return nearest(
        lambda price: naive_margin.is_liquidatable(world, at(price)) != was,
        surplus,
        breakpoints(world, account, key, position.instrument, fees),
        world.marks[position.instrument],
        curved=naive_requirements.is_curved(position.listed),
    )


def bankruptcy_price(world: World, account: Account, position: Position) -> Fraction | None:
    """Return the mark at which the position's unit is worth nothing, by the venue's convention."""
    if world.settings.margin.bankruptcy_price == "account_zero":
        return naive_bankruptcy.account_zero_price(world, account, position)
    key = account.unit_key(position.instrument, position.leg)
    now = naive_margin.figures(world, account, key)
    return None if now is None or position.size == 0 else share_price(world, account, position, now)


def share_price(
    world: World, account: Account, position: Position, now: Figures
) -> Fraction | None:
    """Return the price at which closing the position costs its share of the unit's equity."""
    listed = position.listed
    mark, value = world.marks[position.instrument], world.value(listed.settlement_currency)
    own = naive_margin.own_maintenance(world, account, position, mark)
    if value is None or value == 0 or now.maintenance_margin == 0:
        return None
    # The position's share of the equity: one requirement is in the currency, the other valued.
    cost = now.equity * own / now.maintenance_margin
    per_point = position.size * Fraction(listed.contract_size)
    if listed.kind != "inverse":
        price = mark - cost / per_point
        return price if price > 0 else None
    inverse = 1 / mark + cost / per_point
    return 1 / inverse if inverse > 0 else None
