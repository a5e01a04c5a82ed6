"""Liquidation and bankruptcy prices: exact roots of piecewise functions.

With every other price held, a unit's equity - c x maintenance is, between its breakpoints, linear
in the tested mark P (linear, quanto; inverse when the coin is valued at P too) or in 1/P (inverse
with a held coin value). So each piece is solved exactly from two of its points, and the nearest
solution to the present mark wins. Breakpoints are where a tier or a haircut changes.
"""

from dataclasses import dataclass
from fractions import Fraction

from monitor.core.contracts import notional, price_at_cost, unrealized_pnl
from monitor.core.instruments import Instrument
from monitor.core.ledger import Position, entry_price, position_quantity
from monitor.core.margin.book import MarginRules, MarginUnit, owns_payment
from monitor.core.margin.exact import position_amounts, unit_amounts
from monitor.core.market import Collateral, Market

ZERO = Fraction(0)


@dataclass(slots=True, frozen=True)
class _Coin:
    """Amounts of the coin whose value moves with the tested price; all 0 when none does."""

    balance: Fraction = ZERO
    equity: Fraction = ZERO
    maintenance: Fraction = ZERO


@dataclass(slots=True, frozen=True)
class _Tested:
    """A unit split into what depends on the tested mark and what does not.

    `held_*` (valuation currency) stays; `value` is what one settlement unit is worth, None when
    it is valued at the tested price, together with everything in `coin`.
    """

    positions: list[Position]
    held_equity: Fraction
    held_maintenance: Fraction
    coin: _Coin
    collateral: Collateral | None
    value: Fraction | None

    def variable(self, price: Fraction) -> Fraction:
        """Return the variable in which the slack is linear: P, or 1/P (its own inverse)."""
        reciprocal = self.value is not None and self.positions[0].instrument.inverse
        return 1 / price if reciprocal else price

    def slack(self, price: Fraction, factor: Fraction) -> Fraction:
        """Return equity - factor x maintenance at the tested price."""
        value = price if self.value is None else self.value
        worth = self.coin.balance * price
        if worth > 0 and self.collateral is not None:
            worth = self.collateral.counted(worth)
        equity = self.held_equity + self.coin.equity * price + worth
        maintenance = self.held_maintenance + self.coin.maintenance * price
        for position in self.positions:
            instrument = position.instrument
            quantity = position_quantity(position)
            kind = instrument.kind
            equity += unrealized_pnl(kind, quantity, entry_price(position), price) * value
            size = notional(kind, quantity, price)
            maintenance += instrument.schedule.maintenance(size) * value
        return equity - factor * maintenance


def liquidation_price(
    unit: MarginUnit, position: Position, market: Market, rules: MarginRules
) -> Fraction | None:
    """Return the mark nearest to the present one at which the unit becomes liquidatable.

    For a unit that already is: where it would stop being so. None without such a price.
    Worked number: long 1 at 100 with 10 of margin and 5 % maintenance: 90 / 0.95 = 94.736842...
    """
    amounts = unit_amounts(unit, market)
    if amounts is None:
        return None
    slack = amounts.equity - amounts.maintenance_margin
    liquidatable = slack < 0 or (slack == 0 and not rules.strictly_below)
    # What is liquidatable leaves strictly; what is not enters weakly; `below` the other way.
    search = _Search(Fraction(1), -1 if liquidatable else 1, liquidatable != rules.strictly_below)
    return _nearest(unit, position, market, rules, search)


def bankruptcy_price(
    unit: MarginUnit, position: Position, market: Market, rules: MarginRules
) -> Fraction | None:
    """Return the price of `position` at which the unit's equity is used up; None if none.

    Convention `account_zero`: the nearest mark with equity = 0. `maintenance_share` (dYdX): the
    price at which closing the position costs the unit's equity x the position's share of the
    unit's maintenance margin.
    """
    total = unit_amounts(unit, market)
    own = position_amounts(position, market)
    if total is None or own is None:
        return None
    if rules.settings.bankruptcy_price == "account_zero":
        search = _Search(ZERO, 1 if total.equity >= 0 else -1, strict=False)
        return _nearest(unit, position, market, rules, search)
    if not total.maintenance_margin:
        return None
    share = own.maintenance_margin * own.value / total.maintenance_margin
    cost = total.equity * share / own.value
    return price_at_cost(position.instrument.kind, own.quantity, own.mark, cost)


@dataclass(slots=True, frozen=True)
class _Search:
    """What is looked for: where sign x (equity - factor x maintenance) is no longer positive.

    `strict`: reaching 0 is not enough, it must go beyond.
    """

    factor: Fraction
    sign: int
    strict: bool


@dataclass(slots=True, frozen=True)
class _Piece:
    """A range of tested prices without a breakpoint, from the near end to the far one."""

    near: Fraction
    far: Fraction | None  # None: no end

    def inner_points(self) -> tuple[Fraction, Fraction]:
        """Return two prices inside the piece."""
        if self.far is None:
            return 2 * self.near, 3 * self.near
        return (2 * self.near + self.far) / 3, (self.near + 2 * self.far) / 3

    def holds(self, price: Fraction) -> bool:
        """Return whether a price lies inside, ends excluded."""
        if self.far is None:
            return price > self.near
        return min(self.near, self.far) < price < max(self.near, self.far)


def _nearest(
    unit: MarginUnit, position: Position, market: Market, rules: MarginRules, search: _Search
) -> Fraction | None:
    """Return the solution nearest to the present mark, the lower one of two."""
    mark = market.marks[position.instrument.name].exact
    tested = _split(unit, position, market, rules)
    points = sorted({*_breakpoints(tested), mark})
    below = [point for point in points if point <= mark][::-1]
    above = [point for point in points if point >= mark]
    down = [_Piece(*ends) for ends in zip(below, [*below[1:], ZERO], strict=True)]
    up = [_Piece(*ends) for ends in zip(above, [*above[1:], None], strict=True)]
    solutions = [
        price for pieces in (down, up) if (price := _first(tested, pieces, search)) is not None
    ]
    return min(solutions, key=lambda price: (abs(price - mark), price)) if solutions else None


def _first(tested: _Tested, pieces: list[_Piece], search: _Search) -> Fraction | None:
    """Return the first price, going outwards through the pieces, that the search looks for."""
    for piece in pieces:
        first, second = piece.inner_points()
        at_first = search.sign * tested.slack(first, search.factor)
        at_second = search.sign * tested.slack(second, search.factor)
        x_first, x_near = tested.variable(first), tested.variable(piece.near)
        slope = (at_second - at_first) / (tested.variable(second) - x_first)
        at_near = at_first + slope * (x_near - x_first)
        if at_near < 0 or (at_near == 0 and (at_first < 0 or not search.strict)):
            return piece.near
        if slope and at_near > 0:
            x_root = x_first - at_first / slope
            if x_root > 0 and piece.holds(root := tested.variable(x_root)):
                return root
    return None


def _split(unit: MarginUnit, position: Position, market: Market, rules: MarginRules) -> _Tested:
    """Separate what moves with the tested mark from what stays."""
    instrument = position.instrument
    settlement = instrument.settlement
    moves = (
        rules.settings.moves_with_index
        and instrument.inverse
        and instrument.index is not None
        and market.index_of(settlement) == instrument.index
    )
    positions = [p for p in unit.positions() if p.instrument.name == instrument.name]
    amounts = unit_amounts(unit, market)
    value = market.exact_value(settlement)
    assert amounts is not None
    assert value is not None
    held_equity, held_maintenance = amounts.equity, amounts.maintenance_margin
    for moving in positions:
        own = position_amounts(moving, market)
        assert own is not None
        held_equity -= own.unrealized_pnl * own.value
        held_maintenance -= own.maintenance_margin * own.value
    coin = _Coin() if not moves else _coin_amounts(unit, market, instrument)
    collateral = market.collateral.get(settlement) if moves else None
    if moves:
        worth = coin.balance * value
        counted = worth if worth <= 0 or collateral is None else collateral.counted(worth)
        held_equity -= coin.equity * value + counted
        held_maintenance -= coin.maintenance * value
    return _Tested(
        positions=positions,
        held_equity=held_equity,
        held_maintenance=held_maintenance,
        coin=coin,
        collateral=collateral,
        value=None if moves else value,
    )


def _coin_amounts(unit: MarginUnit, market: Market, instrument: Instrument) -> _Coin:
    """Return what a unit has in the settlement coin beside its positions in `instrument`."""
    asset = instrument.settlement
    minor_unit = market.unit(asset).value
    balance = equity = maintenance = ZERO
    if unit.key is None:
        balance = unit.account.balances.get(asset, 0) * minor_unit
    else:
        equity += unit.account.positions[unit.key].isolated_margin * minor_unit
    for payment in unit.account.pending_funding:
        if payment.asset == asset and owns_payment(unit, payment):
            equity -= payment.amount * minor_unit
    for other in unit.positions():
        if other.instrument.settlement == asset and other.instrument.name != instrument.name:
            amounts = position_amounts(other, market)
            assert amounts is not None
            equity += amounts.unrealized_pnl
            maintenance += amounts.maintenance_margin
    return _Coin(balance, equity, maintenance)


def _breakpoints(tested: _Tested) -> set[Fraction]:
    """Return the tested prices at which a tier or a haircut changes."""
    points: set[Fraction] = set()
    for position in tested.positions:
        quantity = abs(position_quantity(position))
        for bound in position.instrument.schedule.breakpoints():
            if position.instrument.inverse:
                points.add(quantity / bound)
            else:
                points.add(bound / quantity)
    if tested.collateral is not None and tested.coin.balance > 0:
        points |= {value / tested.coin.balance for value in tested.collateral.breakpoints()}
    return points
