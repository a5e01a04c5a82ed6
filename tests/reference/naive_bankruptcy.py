"""The bankruptcy price of the convention `account_zero`, and prices tested for one instrument.

Only equity is in it, never a requirement, so that a closing fee at this price may be part of one.
"""

from fractions import Fraction

from tests.reference import naive_equity, naive_roots
from tests.reference.naive_world import Account, Position, UnitKey, Values, World


def moving_coin(world: World, instrument: str) -> str | None:
    """Return the coin that is valued at the tested price of an inverse instrument, if any."""
    listed = world.instruments[instrument]
    coin = listed.settlement_currency
    if listed.kind != "inverse" or not world.settings.margin.moves_with_index:
        return None
    collateral = world.collaterals.get(coin)
    index = collateral.index if collateral is not None else world.coin_index(coin)
    return coin if index is not None and index == listed.index else None


def values_at(world: World, instrument: str, price: Fraction) -> Values:
    """Return the asset values if one mark were at a price."""
    coin = moving_coin(world, instrument)
    return lambda asset: price if asset == coin else world.value(asset)


def haircut_cuts(world: World, account: Account, key: UnitKey, instrument: str) -> set[Fraction]:
    """Return the prices of an instrument at which a haircut of its moving coin changes."""
    coin = moving_coin(world, instrument)
    collateral = world.collaterals.get(coin) if coin is not None else None
    balance = account.balances.get(coin or "", Fraction(0))
    if key is not None or collateral is None or balance <= 0:
        return set()
    return {
        Fraction(tier.value_max) / balance
        for tier in collateral.haircut_tiers
        if tier.value_max is not None
    }


def account_zero_price(world: World, account: Account, position: Position) -> Fraction | None:
    """Return the mark nearest to the present one at which the position's unit is worth nothing.

    Listed with `bankruptcy_price_after_fee`: worth exactly the fee to close the position there.
    """
    key = account.unit_key(position.instrument, position.leg)
    listed = position.listed
    if position.size == 0:
        return None
    now = naive_equity.worth(world, account, key, world.marks, world.value)
    if now is None:
        return None
    rate = Fraction(listed.closing_fee_rate) if listed.bankruptcy_price_after_fee else Fraction(0)

    def left(price: Fraction, values: Values) -> Fraction:
        marks = world.marks | {position.instrument: price}
        found = naive_equity.worth(world, account, key, marks, values)
        value = values(listed.settlement_currency)
        assert found is not None
        assert value is not None
        return found.equity - rate * naive_equity.notional(listed, position.size, price) * value

    def tested(price: Fraction) -> Fraction:
        return left(price, values_at(world, position.instrument, price))

    mark = world.marks[position.instrument]
    is_short = left(mark, world.value) < 0
    return naive_roots.nearest(
        lambda price: tested(price) >= 0 if is_short else tested(price) <= 0,
        tested,
        haircut_cuts(world, account, key, position.instrument),
        mark,
    )
