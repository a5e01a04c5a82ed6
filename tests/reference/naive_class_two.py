"""Class 2 sums from their definitions: one unit after the other, in exact fractions.

A unit is a list of items; what an instrument asks for is in its terms. Slopes are differences of
equity - maintenance margin at two prices a hair apart, so no derivative is written down here.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from monitor.core.margin.index.index import Item
from monitor.core.margin.index.terms import InstrumentTerms

POSITION, AMOUNT, COLLATERAL = 0, 1, 2
TIERED, SIZE_LINEAR, SQUARE_ROOT, SKEW_SCALED = 0, 1, 2, 3
HAIR = Fraction(1, 10**12)
ZERO = Fraction(0)
Prices = list[Fraction | None]
SideKey = tuple[int, str]


class NaiveUnit(NamedTuple):
    """A margin unit: its number, the verdict on it, what it has."""

    number: int
    state: str
    items: list[Item]


class Venue(NamedTuple):
    """Instruments, collateral as (slot, [(width, share that counts)]), prices by slot."""

    instruments: Sequence[InstrumentTerms]
    collateral: Sequence[tuple[int, Sequence[tuple[float, float]]]]
    prices: Prices


@dataclass
class NaiveSums:
    """The sums, each in a dictionary; a side is (instrument, "long" or "short")."""

    units: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    equity: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    requirement: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    gains: dict[SideKey, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    losses: dict[SideKey, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    unpriced: set[SideKey] = field(default_factory=set)
    free_margin: dict[SideKey, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    holders: dict[SideKey, int] = field(default_factory=lambda: defaultdict(int))
    margin_ratios: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    distances: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    notionals: list[tuple[SideKey, str, float, Fraction]] = field(default_factory=list)
    worst: list[tuple[float, int]] = field(default_factory=list)


def square_root(value: Fraction) -> Fraction:
    """Return a root to 40 digits."""
    with localcontext() as context:
        context.prec = 40
        return Fraction((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


def charged(terms: InstrumentTerms, notional: Fraction, size: Fraction) -> Fraction:
    """Return the maintenance margin of a notional, without fee."""
    rate, deduction = ZERO, ZERO
    for bound, tier_rate, tier_deduction, _ in terms.tiers:
        rate, deduction = Fraction(tier_rate), Fraction(tier_deduction)
        if notional <= bound:
            break
    per_unit = Fraction(terms.per_unit)
    if terms.model == SIZE_LINEAR:
        return notional * (Fraction(terms.rate) + per_unit * size)
    if terms.model == SQUARE_ROOT:
        rate = max(rate, Fraction(0.8) * rate + per_unit * square_root(size))
    if terms.model == SKEW_SCALED:
        kept = notional * (rate + per_unit * size) - deduction
        return Fraction(terms.scalar) * max(ZERO, kept)
    return max(ZERO, notional * rate - deduction)


def credited(tiers: Sequence[tuple[float, float]], worth: Fraction) -> Fraction:
    """Return what collateral counts for; a debt in full."""
    if worth <= 0 or not tiers:
        return worth
    total = ZERO
    for width, share in tiers:
        part = worth if width == float("inf") else min(worth, Fraction(width))
        total += part * Fraction(share)
        worth -= part
    return total


class Outcome(NamedTuple):
    """A position at some prices, in its settlement currency."""

    notional: Fraction
    gain: Fraction
    kept: Fraction


def outcome(venue: Venue, item: Item, prices: Prices) -> Outcome | None:
    """Return a position's notional, gain and requirement; None without a mark."""
    terms = venue.instruments[item.ref]
    mark = prices[terms.mark]
    if mark is None:
        return None
    quantity, entry = Fraction(item.quantity), Fraction(item.entry)
    if terms.inverse:
        notional, gain, at_entry = (
            abs(quantity) / mark,
            quantity * (1 / entry - 1 / mark),
            abs(quantity) / entry,
        )
    else:
        notional, gain, at_entry = (
            abs(quantity) * mark,
            quantity * (mark - entry),
            abs(quantity) * entry,
        )
    margined = at_entry if terms.at_entry else notional
    size = margined if terms.inverse else abs(quantity)
    return Outcome(notional, gain, charged(terms, margined, size) + Fraction(terms.fee) * notional)


def totals(venue: Venue, unit: NaiveUnit, prices: Prices) -> tuple[Fraction, Fraction] | None:
    """Return (equity, maintenance margin) of a unit; None: a price is missing."""
    equity, kept = ZERO, ZERO
    for item in unit.items:
        if item.kind == POSITION:
            found, value = outcome(venue, item, prices), prices[venue.instruments[item.ref].value]
            if found is None or value is None:
                return None
            equity += found.gain * value
            kept += found.kept * value
            continue
        slot, tiers = (item.ref, ()) if item.kind == AMOUNT else venue.collateral[item.ref]
        price = prices[slot]
        if price is None:
            return None
        worth = Fraction(item.quantity) * price
        equity += credited(tiers, worth) if item.kind == COLLATERAL else worth
    return equity, kept


def distance(venue: Venue, unit: NaiveUnit) -> float:
    """Return the common adverse relative move that brings equity to maintenance, first order."""
    now = totals(venue, unit, venue.prices)
    assert now is not None
    against = ZERO
    for slot, price in enumerate(venue.prices):
        if slot == 0 or price is None:
            continue
        at = []
        for factor in (1 + HAIR, 1 - HAIR):
            moved = [*venue.prices[:slot], price * factor, *venue.prices[slot + 1 :]]
            there = totals(venue, unit, moved)
            assert there is not None
            at.append(there[0] - there[1])
        against += abs(at[0] - at[1]) / (2 * HAIR)
    return float((now[0] - now[1]) / against) if against else float("inf")


def sides(unit: NaiveUnit) -> Iterator[tuple[SideKey, Item]]:
    """Yield each position of a unit with its instrument and side."""
    for item in unit.items:
        if item.kind == POSITION:
            yield (item.ref, "long" if item.quantity > 0 else "short"), item


def add_unit(sums: NaiveSums, venue: Venue, unit: NaiveUnit) -> None:
    """Add one unit."""
    sums.units[unit.state] += 1
    held = list(sides(unit))
    found = totals(venue, unit, venue.prices)
    ratio = far = float("nan")
    if unit.state != "unknown":
        assert found is not None
        equity, kept = found
        sums.equity[unit.state] += equity
        sums.requirement[unit.state] += kept
        if held or unit.state == "bankrupt":
            cover = equity / kept if kept else float("inf") * (1 if equity > 0 else -1)
            sums.worst.append((float(cover), unit.number))
        ratio = float(kept / equity) if equity > 0 else float("inf")
        far = distance(venue, unit)
        for side in {side for side, _ in held}:
            sums.holders[side] += 1
            sums.free_margin[side] += max(ZERO, equity - kept)
    if held:
        sums.margin_ratios[unit.state].append(ratio)
        sums.distances[unit.state].append(far)
    for side, item in held:
        one = outcome(venue, item, venue.prices)
        if one is None:
            sums.unpriced.add(side)
            continue
        sums.gains[side] += max(ZERO, one.gain)
        sums.losses[side] += max(ZERO, -one.gain)
        sums.notionals.append((side, unit.state, far, one.notional))


def class_two(venue: Venue, units: Sequence[NaiveUnit]) -> NaiveSums:
    """Return all sums over units."""
    sums = NaiveSums()
    for unit in units:
        add_unit(sums, venue, unit)
    sums.worst.sort()
    return sums
