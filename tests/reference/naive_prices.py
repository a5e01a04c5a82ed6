"""Liquidation and bankruptcy prices, found by cutting the price line into simple pieces.

Between two breakpoints (a tier's edge, a haircut's edge, a requirement that leaves zero) the
equity and the requirement of a unit are A + B P + C / P with B or C zero, so three samples give
the piece and its root. No formula of a venue is used.
"""

from collections.abc import Callable
from fractions import Fraction

from tests.reference import naive_margin
from tests.reference.naive_margin import Figures
from tests.reference.naive_world import Account, Position, UnitKey, Values, World

Curve = Callable[[Fraction], Fraction]


def figures_at(
    world: World, account: Account, key: UnitKey, instrument: str, price: Fraction
) -> Figures | None:
    """Return a unit's amounts if one mark were at a price and all else were held."""
    marks = world.marks | {instrument: price}
    return naive_margin.figures(
        world, account, key, marks=marks, values=values_at(world, instrument, price)
    )


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


def breakpoints(world: World, account: Account, key: UnitKey, instrument: str) -> set[Fraction]:
    """Return the prices of an instrument at which a unit's amounts may bend or jump."""
    listed = world.instruments[instrument]
    found: set[Fraction] = set()
    amounts: list[Fraction] = []
    for tier, deduction in zip(
        listed.risk_tiers, naive_margin.deductions(listed.risk_tiers), strict=True
    ):
        if tier.notional_max is not None:
            amounts.append(Fraction(tier.notional_max))
        if Fraction(tier.maintenance_margin_rate) > 0:
            amounts.append(deduction / Fraction(tier.maintenance_margin_rate))
    for position in naive_margin.unit_positions(account, key):
        if position.instrument == instrument and position.size != 0:
            contracts = abs(position.size) * Fraction(listed.contract_size)
            for amount in amounts:
                if amount > 0:
                    inverse = listed.kind == "inverse"
                    found.add(contracts / amount if inverse else amount / contracts)
    coin = moving_coin(world, instrument)
    collateral = world.collaterals.get(coin) if coin is not None else None
    balance = account.balances.get(coin or "", Fraction(0))
    if key is None and collateral is not None and balance > 0:
        found |= {
            Fraction(tier.value_max) / balance
            for tier in collateral.haircut_tiers
            if tier.value_max is not None
        }
    return {price for price in found if price > 0}


def roots_between(curve: Curve, lower: Fraction, upper: Fraction) -> list[Fraction]:
    """Return where A + B P + C / P is 0 strictly between two prices (B or C is 0)."""
    width = upper - lower
    first, second, third = (lower + width * share / 4 for share in (1, 2, 3))
    one, two, three = curve(first), curve(second), curve(third)
    rise, fall = two - one, three - two
    if rise == 0 and fall == 0:
        return []
    if rise == fall:  # A + B P on evenly spaced samples
        root = first - one * (second - first) / rise
    else:  # A + C / P
        scale = rise / (1 / second - 1 / first)
        constant = one - scale / first
        if constant + scale / third != three:
            raise AssertionError(f"expected A + B P or A + C / P between {lower} and {upper}")
        if constant == 0:
            return []
        root = -scale / constant
    return [root] if lower < root < upper else []


def nearest(
    inside: Callable[[Fraction], bool], curve: Curve, cuts: set[Fraction], mark: Fraction
) -> Fraction | None:
    """Return the point nearest to the mark of the closure of {P > 0: inside(P)}."""
    edges = sorted(cuts | {mark})
    far = edges[-1] * 4 + 1
    pieces = list(zip([Fraction(0), *edges], [*edges, far], strict=True))
    points = set(edges)
    for lower, upper in pieces[:-1]:
        points |= set(roots_between(curve, lower, upper))
    points |= set(roots_beyond(curve, edges[-1]))
    ordered = sorted(points)
    middles = [
        (lower + upper) / 2 for lower, upper in zip([Fraction(0), *ordered], ordered, strict=False)
    ]
    middles.append(ordered[-1] * 2)
    touched = {
        point
        for number, point in enumerate(ordered)
        if inside(point) or inside(middles[number]) or inside(middles[number + 1])
    }
    return min(touched, key=lambda point: (abs(point - mark), point), default=None)


def roots_beyond(curve: Curve, lower: Fraction) -> list[Fraction]:
    """Return the roots above the last breakpoint, however far away."""
    samples = [lower + share for share in (1, 2, 3)]
    one, two, three = (curve(sample) for sample in samples)
    if two - one == three - two:
        if two == one:
            return []
        root = samples[0] - one / (two - one)
    else:
        scale = (two - one) / (1 / samples[1] - 1 / samples[0])
        constant = one - scale / samples[0]
        if constant == 0:
            return []
        root = -scale / constant
    return [root] if root > lower else []


def liquidation_price(world: World, account: Account, position: Position) -> Fraction | None:
    """Return the nearest mark at which the unit becomes (or stops being) liquidatable."""
    key = account.unit_key(position.instrument, position.leg)
    now = naive_margin.figures(world, account, key)
    if now is None or position.size == 0:
        return None
    was = naive_margin.is_liquidatable(world, now)

    def at(price: Fraction) -> Figures:
        found = figures_at(world, account, key, position.instrument, price)
        assert found is not None
        return found

    return nearest(
        lambda price: naive_margin.is_liquidatable(world, at(price)) != was,
        lambda price: at(price).equity - at(price).maintenance_margin,
        breakpoints(world, account, key, position.instrument),
        world.marks[position.instrument],
    )


def bankruptcy_price(world: World, account: Account, position: Position) -> Fraction | None:
    """Return the mark at which the position's unit is worth nothing, by the venue's convention."""
    key = account.unit_key(position.instrument, position.leg)
    now = naive_margin.figures(world, account, key)
    if now is None or position.size == 0:
        return None
    if world.settings.margin.bankruptcy_price == "maintenance_share":
        return share_price(world, now, position)

    def equity(price: Fraction) -> Fraction:
        found = figures_at(world, account, key, position.instrument, price)
        assert found is not None
        return found.equity

    below = now.equity < 0
    return nearest(
        lambda price: equity(price) >= 0 if below else equity(price) <= 0,
        equity,
        breakpoints(world, account, key, position.instrument),
        world.marks[position.instrument],
    )


def share_price(world: World, now: Figures, position: Position) -> Fraction | None:
    """Return the price at which closing the position costs its share of the unit's equity."""
    listed = world.instruments[position.instrument]
    mark, value = world.marks[position.instrument], world.value(listed.settlement_currency)
    size = naive_margin.notional(listed, position.size, mark)
    _, maintenance = naive_margin.requirements(listed, size)
    if value is None or value == 0 or now.maintenance_margin == 0:
        return None
    # The position's share of the equity: one requirement is in the currency, the other valued.
    cost = now.equity * maintenance / now.maintenance_margin
    per_point = position.size * Fraction(listed.contract_size)
    if listed.kind != "inverse":
        price = mark - cost / per_point
        return price if price > 0 else None
    inverse = 1 / mark + cost / per_point
    return 1 / inverse if inverse > 0 else None
