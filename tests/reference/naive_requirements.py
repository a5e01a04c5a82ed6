"""What must be kept for a position: the five margin models, legs against each other, orders.

For a notional n and a size s in base units (of inverse instruments s = n), with the rates i, m
and the deductions di, dm of the tier that holds n (without tiers all 0):

====================  ==========================================  =========================
model                 initial                                     maintenance
====================  ==========================================  =========================
tiered                n i - di                                    n m - dm
size_linear           n (its initial rate + rate_per_unit s)      n (its maintenance rate + ...)
square_root           n i' - di                                   n m' - dm
skew_scaled           n (i + s / skew_scale x ratio) - di         maintenance_scalar x initial
open_interest_scaled  n i'' - di                                  n m - dm
====================  ==========================================  =========================

with x' = max(x, 4/5 x + factor sqrt(s)) and i'' = i on its way to 1 between two open interests;
never below 0. All in the currency of the notional. Closing fees are added in `naive_margin`.
"""

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

from monitor.core import events
from tests.reference.naive_equity import ZERO, notional
from tests.reference.naive_world import Position, World


@dataclass
class Rates:
    """What the tier of a notional says."""

    initial: Fraction = ZERO
    maintenance: Fraction = ZERO
    initial_deduction: Fraction = ZERO
    maintenance_deduction: Fraction = ZERO


def deductions(tiers: list[events.RiskTier]) -> list[Fraction]:
    """Return each tier's maintenance deduction: as given, else what makes it continuous."""
    if any(tier.maintenance_deduction is not None for tier in tiers):
        return [Fraction(tier.maintenance_deduction or "0") for tier in tiers]
    found = [ZERO] if tiers else []
    for before, tier in itertools.pairwise(tiers):
        step = Fraction(tier.maintenance_margin_rate) - Fraction(before.maintenance_margin_rate)
        found.append(found[-1] + Fraction(before.notional_max or "0") * step)
    return found


def all_rates(listed: events.InstrumentListed) -> list[Rates]:
    """Return what each tier says."""
    return [
        Rates(
            Fraction(tier.initial_margin_rate),
            Fraction(tier.maintenance_margin_rate),
            Fraction(tier.initial_deduction),
            deduction,
        )
        for tier, deduction in zip(listed.risk_tiers, deductions(listed.risk_tiers), strict=True)
    ]


def rates_at(listed: events.InstrumentListed, amount: Fraction) -> Rates:
    """Return what the tier of a notional says: bounds are inclusive, beyond the last the last."""
    if not listed.risk_tiers:
        return Rates()
    rates = all_rates(listed)
    for tier, found in zip(listed.risk_tiers, rates, strict=True):
        if tier.notional_max is None or amount <= Fraction(tier.notional_max):
            return found
    return rates[-1]


def base_size(listed: events.InstrumentListed, amount: Fraction, size: Fraction) -> Fraction:
    """Return a size in base units: contracts x contract_size, or what an inverse is worth."""
    return amount if listed.kind == "inverse" else abs(size) * Fraction(listed.contract_size)


def root(size: Fraction) -> Fraction:
    """Return the square root of a size, cut to 18 decimals."""
    return Fraction(math.isqrt(math.floor(size * 10**36)), 10**18)


def steepened(rate: Fraction, model: events.SquareRoot, size: Fraction) -> Fraction:
    """Return a rate that grows with the square root of the size."""
    return max(rate, rate * 4 / 5 + Fraction(model.factor) * root(size))


def skewed(rate: Fraction, model: events.SkewScaled, size: Fraction) -> Fraction:
    """Return a rate that grows with the share of the size in the skew scale."""
    return rate + size / Fraction(model.skew_scale) * Fraction(model.ratio)


def scaled(
    rate: Fraction, model: events.OpenInterestScaled, interest: Fraction | None
) -> Fraction | None:
    """Return a rate on its way to 1 between two open interests; None: no mark to value them."""
    lower, upper = Fraction(model.lower), Fraction(model.upper)
    if upper == 0:
        return rate
    if interest is None:
        return None
    way = max(ZERO, min(Fraction(1), (interest - lower) / (upper - lower)))
    return min(Fraction(1), rate + way * (1 - rate))


def initial(
    listed: events.InstrumentListed, amount: Fraction, size: Fraction, interest: Fraction | None
) -> Fraction | None:
    """Return the initial margin of a notional of so many contracts, in its currency.

    `interest`: the value of the instrument's open interest; None only where there is no mark.
    """
    found, units = rates_at(listed, amount), base_size(listed, amount, size)
    rate: Fraction | None = found.initial
    deduction = found.initial_deduction
    match listed.margin_model:
        case events.SizeLinear() as model:
            rate = Fraction(model.initial_margin_rate) + Fraction(model.rate_per_unit) * units
            deduction = ZERO
        case events.SquareRoot() as model:
            rate = steepened(found.initial, model, units)
        case events.SkewScaled() as model:
            rate = skewed(found.initial, model, units)
        case events.OpenInterestScaled() as model:
            rate = scaled(found.initial, model, interest)
    return None if rate is None else max(ZERO, amount * rate - deduction)


def maintenance(listed: events.InstrumentListed, amount: Fraction, size: Fraction) -> Fraction:
    """Return the maintenance margin of a notional of so many contracts, without a fee."""
    found, units = rates_at(listed, amount), base_size(listed, amount, size)
    match listed.margin_model:
        case events.SizeLinear() as model:
            rate = Fraction(model.maintenance_margin_rate) + Fraction(model.rate_per_unit) * units
            return amount * rate
        case events.SquareRoot() as model:
            rate = steepened(found.maintenance, model, units)
            return max(ZERO, amount * rate - found.maintenance_deduction)
        case events.SkewScaled() as model:
            whole = amount * skewed(found.initial, model, units) - found.initial_deduction
            return Fraction(model.maintenance_scalar) * max(ZERO, whole)
    return max(ZERO, amount * found.maintenance - found.maintenance_deduction)


def open_interest(world: World, instrument: str, mark: Fraction | None) -> Fraction | None:
    """Return the value of an instrument's larger side at a mark; None without one."""
    if mark is None:
        return None
    longs, shorts = ZERO, ZERO
    for account in world.accounts.values():
        for position in account.positions.values():
            if position.instrument == instrument:
                longs += max(ZERO, position.size)
                shorts += max(ZERO, -position.size)
    return notional(world.instruments[instrument], max(longs, shorts), mark)


def margin_notional(
    listed: events.InstrumentListed, position: Position, mark: Fraction
) -> Fraction:
    """Return the notional that margins a position: at the mark or, so listed, at its entry."""
    price = mark
    if listed.margin_price == "entry_price":
        assert position.entry_price is not None
        price = position.entry_price
    return notional(listed, position.size, price)


# --- the positions and orders of a unit in one instrument ----------------------------------------


def hedged(listed: events.InstrumentListed, longs: Fraction, shorts: Fraction) -> Fraction:
    """Return the requirement of two sides: both, or the larger one."""
    return max(longs, shorts) if listed.hedge_margin == "larger" else longs + shorts


def both_sides(
    listed: events.InstrumentListed, positions: list[Position], own: list[Fraction]
) -> Fraction:
    """Return the requirement of all positions in an instrument from that of each."""
    sides = [ZERO, ZERO]
    for position, amount in zip(positions, own, strict=True):
        sides[position.size < 0] += amount
    return hedged(listed, *sides)


@dataclass
class Book:
    """A unit's open positions in an instrument with what each is margined on, and its orders."""

    listed: events.InstrumentListed
    positions: list[Position]
    amounts: list[Fraction]
    orders: events.OrdersRecord | None
    interest: Fraction | None

    def initial(self, amount: Fraction, size: Fraction) -> Fraction | None:
        """Return the initial margin of a notional of so many contracts."""
        return initial(self.listed, amount, size, self.interest)


def instrument_initial(book: Book) -> Fraction | None:
    """Return the initial margin of positions and orders together, settlement currency.

    Orders make a net position as large as it becomes when one side of them is filled; where a leg
    is open, bids make the long leg larger and asks the short one.
    """
    own = [
        book.initial(amount, position.size)
        for position, amount in zip(book.positions, book.amounts, strict=True)
    ]
    if book.orders is not None:
        if all(position.leg == "net" for position in book.positions):
            return net_with_orders(book, book.orders)
        return legs_with_orders(book, book.orders, own)
    known = [amount for amount in own if amount is not None]
    if len(known) < len(own):
        return None
    return both_sides(book.listed, book.positions, known)


def net_with_orders(book: Book, orders: events.OrdersRecord) -> Fraction | None:
    """Return the initial margin of a net position (or none) after its worse side of orders."""
    amount, size = ZERO, ZERO
    if book.positions:
        size = book.positions[0].size
        amount = book.amounts[0] if size > 0 else -book.amounts[0]
    bought = book.initial(
        abs(amount + Fraction(orders.bids_value)), abs(size + Fraction(orders.bids_size))
    )
    sold = book.initial(
        abs(amount - Fraction(orders.asks_value)), abs(size - Fraction(orders.asks_size))
    )
    return None if bought is None or sold is None else max(bought, sold)


def legs_with_orders(
    book: Book, orders: events.OrdersRecord, own: list[Fraction | None]
) -> Fraction | None:
    """Return the initial margin of legs that orders make larger.

    A net position beside them stays on its own side as it is.
    """
    legs = {
        "long": (Fraction(orders.bids_value), Fraction(orders.bids_size)),
        "short": (Fraction(orders.asks_value), Fraction(orders.asks_size)),
    }
    sides = {"long": ZERO, "short": ZERO}
    for position, amount, alone in zip(book.positions, book.amounts, own, strict=True):
        if position.leg == "net":
            if alone is None:
                return None
            sides["long" if position.size > 0 else "short"] += alone
        else:
            value, size = legs[position.leg]
            legs[position.leg] = (value + amount, size + abs(position.size))
    for side, (value, size) in legs.items():
        joined = book.initial(value, size)
        if joined is None:
            return None
        sides[side] += joined
    return hedged(book.listed, sides["long"], sides["short"])


# --- where a requirement bends -------------------------------------------------------------------


def bends(listed: events.InstrumentListed, size: Fraction) -> list[Fraction]:
    """Return the notionals at which the maintenance margin of a size bends or jumps.

    The edges of tiers, where a deduction stops eating all of it, and where the square root takes
    over. Where the rate of an inverse instrument moves with its notional, only the first and last.
    """
    found = [Fraction(tier.notional_max) for tier in listed.risk_tiers if tier.notional_max]
    units = abs(size) * Fraction(listed.contract_size)
    inverse = listed.kind == "inverse"
    model = listed.margin_model
    for rates in all_rates(listed):
        rate, deduction = rates.maintenance, rates.maintenance_deduction
        if isinstance(model, events.SquareRoot):
            if inverse and Fraction(model.factor) > 0:
                found.append((rate / (5 * Fraction(model.factor))) ** 2)
            rate = rate if inverse else steepened(rate, model, units)
        elif isinstance(model, events.SkewScaled):
            rate, deduction = rates.initial, rates.initial_deduction
            rate = rate if inverse else skewed(rate, model, units)
        if rate > 0:
            found.append(deduction / rate)
    return [amount for amount in found if amount > 0]


def is_curved(listed: events.InstrumentListed) -> bool:
    """Return whether the requirement is more than A + B P or A + C / P between its bends."""
    by_size = (events.SizeLinear, events.SquareRoot, events.SkewScaled)
    moves = listed.margin_price == "mark_price"
    return moves and listed.kind == "inverse" and isinstance(listed.margin_model, by_size)
