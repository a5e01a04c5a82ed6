"""A unit's slack along one tested mark, every other price held, and where it runs out.

Equity - factor x requirement is, between its breakpoints, linear in the tested mark P (linear,
quanto; inverse when the coin is valued at P too) or in 1/P (inverse with a held coin value), and
is solved exactly from two of its points. Where the requirement itself grows with the size of an
inverse position, or is that of the larger leg, the slack is concave in that variable: its roots
are found by false position, to `ROOT_PRECISION`. Breakpoints: where a tier or haircut changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

from monitor.core.contracts import notional, unrealized_pnl
from monitor.core.instruments import Instrument
from monitor.core.ledger import Position, PositionKey, entry_price, position_quantity
from monitor.core.margin.book import MarginRules, MarginUnit, owns_payment
from monitor.core.margin.exact import UnitTotals, maintenance_at, of_legs, position_amounts
from monitor.core.market import Collateral, Market

ZERO = Fraction(0)
ROOT_PRECISION = Fraction(1, 10**28)  # relative to the price
_DIP_PRECISION = Fraction(1, 10**9)
_FAR = Fraction(10**15)  # beyond so many times the last breakpoint nothing is looked for


@dataclass(slots=True, frozen=True)
class _Coin:
    """Amounts of the coin whose value moves with the tested price; all 0 when none does."""

    balance: Fraction = ZERO
    equity: Fraction = ZERO
    maintenance: Fraction = ZERO


@dataclass(slots=True, frozen=True)
class Search:
    """What is looked for: where sign x (equity - factor x requirement - fee) is not positive.

    `strict`: reaching 0 is not enough, it must go beyond. The fee is `fee_rate` x the notional of
    the tested position.
    """

    factor: Fraction
    sign: int
    strict: bool
    fee_rate: Fraction = ZERO


@dataclass(slots=True, frozen=True)
class Curve:
    """A unit split into what depends on the tested mark and what does not.

    `held_*` (valuation currency) stays; `value` is what one settlement unit is worth, None when
    it is valued at the tested price, together with everything in `coin`. `fees` (settlement
    currency) are held.
    """

    tested: Position
    mark: Fraction
    positions: list[Position]
    held_equity: Fraction
    held_maintenance: Fraction
    coin: _Coin
    collateral: Collateral | None
    value: Fraction | None
    fees: Mapping[PositionKey, Fraction]

    def is_straight(self, search: Search) -> bool:
        """Return whether the slack is linear in `variable` between two breakpoints."""
        instrument = self.tested.instrument
        if not search.factor:
            return True  # equity alone
        if instrument.larger_leg and len(self.positions) > 1:
            return False
        moving_size = instrument.inverse and not instrument.margins_at_entry
        return not (moving_size and instrument.model.grows_with_size)

    def variable(self, price: Fraction) -> Fraction:
        """Return the variable in which the slack is linear: P, or 1/P (its own inverse)."""
        reciprocal = self.value is not None and self.tested.instrument.inverse
        return 1 / price if reciprocal else price

    def slack(self, price: Fraction, search: Search) -> Fraction:
        """Return equity - factor x requirement - fee at the tested price."""
        value = price if self.value is None else self.value
        worth = self.coin.balance * price
        if worth > 0 and self.collateral is not None:
            worth = self.collateral.counted(worth)
        slack = self.held_equity + self.coin.equity * price + worth
        for position in self.positions:
            kind, quantity = position.instrument.kind, position_quantity(position)
            slack += unrealized_pnl(kind, quantity, entry_price(position), price) * value
        if search.factor:
            kept = self.held_maintenance + self.coin.maintenance * price + self._kept(price) * value
            slack -= search.factor * kept
        if search.fee_rate:
            instrument = self.tested.instrument
            closed = notional(instrument.kind, position_quantity(self.tested), price)
            slack -= search.fee_rate * closed * value
        return slack

    def _kept(self, price: Fraction) -> Fraction:
        """Return what the tested instrument requires at a price, in its settlement currency."""
        sides = [ZERO, ZERO]
        for position in self.positions:
            fee = self.fees.get(position.key, ZERO)
            sides[position.size < 0] += maintenance_at(position, price) + fee
        return of_legs(self.tested.instrument, *sides)


def split(
    unit: MarginUnit, position: Position, totals: UnitTotals, market: Market, rules: MarginRules
) -> Curve:
    """Separate what moves with the mark of a position's instrument from what stays.

    Where the requirement is not searched for, the totals need to say the equity alone.
    """
    instrument = position.instrument
    settlement = instrument.settlement
    moves = (
        rules.settings.moves_with_index
        and instrument.inverse
        and instrument.index is not None
        and market.index_of(settlement) == instrument.index
    )
    positions = [p for p in unit.positions() if p.instrument.name == instrument.name]
    value = market.exact_value(settlement)
    assert value is not None
    held_equity = totals.equity
    held_maintenance = totals.maintenance_margin - totals.kept.get(instrument.name, (ZERO, ZERO))[1]
    for moving in positions:
        own = position_amounts(moving, market)
        assert own is not None
        held_equity -= own.unrealized_pnl * own.value
    coin = _Coin() if not moves else _coin_amounts(unit, market, instrument, totals.kept)
    collateral = market.collateral.get(settlement) if moves else None
    if moves:
        worth = coin.balance * value
        counted = worth if worth <= 0 or collateral is None else collateral.counted(worth)
        held_equity -= coin.equity * value + counted
        held_maintenance -= coin.maintenance * value
    return Curve(
        tested=position,
        mark=market.marks[instrument.name].exact,
        positions=positions,
        held_equity=held_equity,
        held_maintenance=held_maintenance,
        coin=coin,
        collateral=collateral,
        value=None if moves else value,
        fees=totals.fees,
    )


def _coin_amounts(
    unit: MarginUnit,
    market: Market,
    instrument: Instrument,
    kept: Mapping[str, tuple[Fraction, Fraction]],
) -> _Coin:
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
    for name, (own, _) in kept.items():
        if name != instrument.name and market.instruments[name].settlement == asset:
            maintenance += own
    return _Coin(balance, equity, maintenance)


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

    def inside(self) -> Fraction:
        """Return a price just inside of the near end."""
        step = self.near * ROOT_PRECISION
        return self.near + step if self.far is None or self.far > self.near else self.near - step

    def end(self) -> Fraction:
        """Return a price just inside of the far end, or so far out that nothing lies beyond it."""
        if not self.far:
            return self.near * _FAR if self.far is None else self.near / _FAR
        step = self.far * ROOT_PRECISION
        return self.far - step if self.far > self.near else self.far + step

    def holds(self, price: Fraction) -> bool:
        """Return whether a price lies inside, ends excluded."""
        if self.far is None:
            return price > self.near
        return min(self.near, self.far) < price < max(self.near, self.far)


def nearest(curve: Curve, search: Search) -> Fraction | None:
    """Return the solution nearest to the present mark, the lower one of two."""
    mark = curve.mark
    points = sorted({*_breakpoints(curve), mark})
    below = [point for point in points if point <= mark][::-1]
    above = [point for point in points if point >= mark]
    down = [_Piece(*ends) for ends in zip(below, [*below[1:], ZERO], strict=True)]
    up = [_Piece(*ends) for ends in zip(above, [*above[1:], None], strict=True)]
    first = _first_straight if curve.is_straight(search) else _first_bent
    solutions = [
        price for pieces in (down, up) if (price := first(curve, pieces, search)) is not None
    ]
    return min(solutions, key=lambda price: (abs(price - mark), price)) if solutions else None


def _first_straight(curve: Curve, pieces: list[_Piece], search: Search) -> Fraction | None:
    """Return the first price, going outwards through the pieces, that the search looks for."""
    for piece in pieces:
        first, second = piece.inner_points()
        at_first = search.sign * curve.slack(first, search)
        at_second = search.sign * curve.slack(second, search)
        x_first, x_near = curve.variable(first), curve.variable(piece.near)
        slope = (at_second - at_first) / (curve.variable(second) - x_first)
        at_near = at_first + slope * (x_near - x_first)
        if at_near < 0 or (at_near == 0 and (at_first < 0 or not search.strict)):
            return piece.near
        if not search.strict and curve.slack(piece.near, search) == 0:
            return piece.near  # reached where a tier ends: beyond it the slack jumps away from 0
        if slope and at_near > 0:
            x_root = x_first - at_first / slope
            if x_root > 0 and piece.holds(root := curve.variable(x_root)):
                return root
    return None


def _first_bent(curve: Curve, pieces: list[_Piece], search: Search) -> Fraction | None:
    """Return the same for a slack that is concave in the variable, by false position."""

    def at(price: Fraction) -> Fraction:
        return search.sign * curve.slack(price, search)

    for piece in pieces:
        inside = piece.inside()
        if at(inside) < 0 or (not search.strict and at(piece.near) == 0):
            return piece.near
        end = piece.end()
        if at(end) >= 0:
            # Turned upside down it is convex, and may dip below 0 between its ends.
            end = end if search.sign > 0 else _lowest(at, inside, end)
            if at(end) >= 0:
                continue
        return _root(at, inside, end)
    return None


def _root(at: Callable[[Fraction], Fraction], near: Fraction, far: Fraction) -> Fraction:
    """Return the root between a point where `at` is not negative and one where it is.

    False position in the Illinois form: the value of an end that stays is halved.
    """
    at_near, at_far = at(near), at(far)
    stayed = 0
    while at_near and abs(far - near) > ROOT_PRECISION * near:
        if far > 2 * near or near > 2 * far:
            middle = _mean(near, far)
        else:
            middle = _rounded(near + (far - near) * at_near / (at_near - at_far))
            if middle in (near, far):
                middle = (near + far) / 2
        at_middle = at(middle)
        if at_middle >= 0:
            near, at_near = middle, at_middle
            at_far = at_far / 2 if stayed == 1 else at_far
            stayed = 1
        else:
            far, at_far = middle, at_middle
            at_near = at_near / 2 if stayed == -1 else at_near
            stayed = -1
    return near


def _lowest(at: Callable[[Fraction], Fraction], near: Fraction, far: Fraction) -> Fraction:
    """Return where a function with one dip is lowest between two points."""
    while abs(far - near) > _DIP_PRECISION * near:
        first, second = _rounded((2 * near + far) / 3), _rounded((near + 2 * far) / 3)
        if at(first) <= at(second):
            far = second
        else:
            near = first
        if at(first) < 0:
            return first
    return near


def _mean(one: Fraction, other: Fraction) -> Fraction:
    """Return a price between two that are far apart, about their geometric mean."""
    return Fraction(sqrt(float(one)) * sqrt(float(other)))


def _rounded(price: Fraction) -> Fraction:
    """Return a price with a short denominator: about 40 significant digits."""
    bits = price.numerator.bit_length() - price.denominator.bit_length()
    shift = max(0, 133 - bits)
    return Fraction(round(price * (1 << shift)), 1 << shift)


def _breakpoints(curve: Curve) -> set[Fraction]:
    """Return the tested prices at which a tier or a haircut changes."""
    points: set[Fraction] = set()
    for position in curve.positions:
        instrument = position.instrument
        if instrument.margins_at_entry:
            continue
        quantity = abs(position_quantity(position))
        for bound in instrument.model.breakpoints(None if instrument.inverse else quantity):
            if instrument.inverse:
                points.add(quantity / bound)
            else:
                points.add(bound / quantity)
    if curve.collateral is not None and curve.coin.balance > 0:
        points |= {value / curve.coin.balance for value in curve.collateral.breakpoints()}
    return points
