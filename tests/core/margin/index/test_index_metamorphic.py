"""What must stay the same when a whole exchange is turned round, scaled, split or shuffled.

Each relation holds in its domain alone, which the test says. Prices are multiples of 1/64 and
sizes are whole, so that nearly all arithmetic of both sides is exact and even a verdict on a
boundary is the same.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.core.margin.index.columns import (
    AMOUNT,
    COLLATERAL,
    POSITION,
    SIZE_LINEAR,
    SQUARE_ROOT,
    UNDECIDED,
    Capacity,
)
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms

INF = math.inf
MIDDLE = 100.0
TIERS = ((2_000.0, 0.0625, 0.0, 0.0625), (INF, 0.25, 375.0, 0.25))
FLAT = ((INF, 0.0625, 0.0, 0.0625),)
STEPS = 300
UNITS = 80
Path = list[dict[int, float]]  # one step: the new price of some marks
Changes = list[tuple[int, int, int]]  # step, unit, state


class Exchange(NamedTuple):
    """What an index is told: instruments (marks numbered from 0), units, and a path of prices."""

    instruments: list[InstrumentTerms]
    units: list[list[Item]]
    path: Path
    coin: float = 4.0


def changes_of(exchange: Exchange) -> Changes:
    """Return the changes of state, step by step; step -1 is the beginning.

    A verdict in the float band counts as a state of its own.
    """
    index = ThresholdIndex(1.25, Capacity(len(exchange.units)))
    coin = index.add_price(exchange.coin)
    index.add_collateral(coin, [(512.0 * exchange.coin, 0.75), (INF, 0.5)])
    marks = [index.add_price(MIDDLE) for _ in exchange.instruments]
    for terms in exchange.instruments:
        value = coin if terms.value else 0
        index.add_instrument(terms._replace(mark=marks[terms.mark], value=value))
    held = np.zeros(len(exchange.units), np.uint8)
    for unit, items in enumerate(exchange.units):
        index.set_unit(unit, items)
    found: Changes = []
    everyone = np.arange(len(exchange.units))
    for step in range(-1, len(exchange.path)):
        if step >= 0:
            prices = exchange.path[step]
            index.move([marks[number] for number in prices], list(prices.values()))
        states = index.states(everyone)
        changed = np.flatnonzero(states != held)
        found += [(step, int(unit), int(states[unit])) for unit in changed]
        held = states
    return found


def walk(draw: np.random.Generator, marks: int, *, width: float = 2.0) -> Path:
    """Return a path of single marks between 20 and 180, in steps of 1/64."""
    prices, path = [MIDDLE] * marks, []
    for _ in range(STEPS):
        number = int(draw.integers(marks))
        to = round((prices[number] + draw.normal(0, width)) * 64) / 64
        prices[number] = min(180.0, max(20.0, to))
        path.append({number: prices[number]})
    return path


def holdings(
    draw: np.random.Generator, instruments: int, entry: Callable[[], float]
) -> list[list[Item]]:
    """Return units with a balance and a whole position in some of the instruments."""
    units = []
    for _ in range(UNITS):
        items = [Item(AMOUNT, 0, float(draw.integers(50, 2_000)))]
        for number in range(instruments):
            size = float(draw.integers(-30, 31))
            if size and draw.random() < 0.7:
                items.append(Item(POSITION, number, size, entry()))
        units.append(items)
    return units


def any_price(draw: np.random.Generator) -> Callable[[], float]:
    """Return a source of entry prices around the mark."""
    return lambda: float(draw.integers(80 * 64, 120 * 64)) / 64


SEEDS = pytest.mark.parametrize("seed", range(5))


@SEEDS
def test_mirror(seed: int) -> None:
    """Domain: linear, margined at the entry price, opened at the mark about which is mirrored."""
    draw = np.random.default_rng(seed)
    instruments = [InstrumentTerms(n, tiers=TIERS, at_entry=True) for n in range(3)]
    units = holdings(draw, 3, lambda: MIDDLE)
    path = walk(draw, 3)
    mirrored = [
        [i._replace(quantity=-i.quantity) if i.kind == POSITION else i for i in items]
        for items in units
    ]
    turned = [{n: 2 * MIDDLE - price for n, price in step.items()} for step in path]
    found = changes_of(Exchange(instruments, units, path))
    assert found == changes_of(Exchange(instruments, mirrored, turned))
    assert len(found) > 50


def _scaled_terms(terms: InstrumentTerms, by: float) -> InstrumentTerms:
    """Return terms under which a position `by` times as large needs `by` times as much."""
    per_unit = terms.per_unit / (by if terms.model == SIZE_LINEAR else math.sqrt(by))
    tiers = tuple((bound * by, rate, cut * by, top) for bound, rate, cut, top in terms.tiers)
    return terms._replace(tiers=tiers, steps=tuple(s * by for s in terms.steps), per_unit=per_unit)


@SEEDS
@pytest.mark.parametrize("by", [4.0, 2.0**20, 1 / 16])
def test_scaling(seed: int, by: float) -> None:
    """Domain: all amounts, tier bounds, deductions and haircut tiers, by one factor.

    A rate per unit of size is divided by it, a factor of the root of a size by its root. The
    haircut's tiers are in the coin's value, which is what the coin is scaled by.
    """
    draw = np.random.default_rng(seed)
    instruments = [
        InstrumentTerms(0, tiers=TIERS, fee=2.0**-10),
        InstrumentTerms(1, model=SIZE_LINEAR, rate=0.03125, per_unit=2.0**-11),
        InstrumentTerms(2, model=SQUARE_ROOT, tiers=FLAT, per_unit=2.0**-7),
        InstrumentTerms(3, tiers=TIERS, closing_fee=2.0**-9, larger_leg=True),
    ]
    units = holdings(draw, 4, any_price(draw))
    for items in units[::2]:
        items.append(Item(COLLATERAL, 0, float(draw.integers(1, 300))))
    path = walk(draw, 4)
    # of a coin worth `by` times as much there are as many: its haircut tiers are scaled with it
    scaled = [
        [i if i.kind == COLLATERAL else i._replace(quantity=i.quantity * by) for i in items]
        for items in units
    ]
    terms = [_scaled_terms(own, by) for own in instruments]
    found = changes_of(Exchange(instruments, units, path))
    assert found == changes_of(Exchange(terms, scaled, path, coin=4.0 * by))
    assert len(found) > 50


@SEEDS
def test_splitting_a_position_into_two_instruments_of_one_price(seed: int) -> None:
    """Domain: flat rates: what two parts need is what the whole needs."""
    draw = np.random.default_rng(seed)
    whole = [InstrumentTerms(n, tiers=FLAT, fee=2.0**-9) for n in range(2)]
    parts = [terms for terms in whole for _ in range(2)]
    units = holdings(draw, 2, any_price(draw))
    split = []
    for items in units:
        own = [i for i in items if i.kind != POSITION]
        for item in items:
            if item.kind == POSITION:
                part = math.copysign(
                    float(draw.integers(0, int(abs(item.quantity)))), item.quantity
                )
                own.append(item._replace(ref=2 * item.ref, quantity=part))
                own.append(item._replace(ref=2 * item.ref + 1, quantity=item.quantity - part))
        split.append(own)
    path = walk(draw, 2)
    found = changes_of(Exchange(whole, units, path))
    assert found == changes_of(Exchange(parts, split, path))
    assert len(found) > 50


@SEEDS
def test_an_offsetting_pair_changes_nothing(seed: int) -> None:
    """Domain: a long and a short of one size and entry, in an instrument without requirement."""
    draw = np.random.default_rng(seed)
    instruments = [InstrumentTerms(0, tiers=TIERS), InstrumentTerms(1), InstrumentTerms(2)]
    units = holdings(draw, 1, any_price(draw))
    path = walk(draw, 3)
    paired = [
        [
            *items,
            Item(POSITION, 1, 7.0, 90.0),
            Item(POSITION, 2, -3.0, 110.0),
            Item(POSITION, 1, -7.0, 90.0),
            Item(POSITION, 2, 3.0, 110.0),
        ]
        for items in units
    ]
    found = changes_of(Exchange(instruments, units, path))
    assert found == changes_of(Exchange(instruments, paired, path))
    assert len(found) > 15


@SEEDS
def test_a_short_beside_a_larger_long_costs_no_margin_where_the_larger_leg_counts(
    seed: int,
) -> None:
    """Domain: larger leg, flat: a pair at the entry of both adds what the net alone does not.

    Long 2q and short q ask for what a long of 2q asks for, with the gain of a long of q.
    """
    draw = np.random.default_rng(seed)
    legs = [InstrumentTerms(0, tiers=FLAT, larger_leg=True)]
    double = ((INF, 0.125, 0.0, 0.125),)
    net = [InstrumentTerms(0, tiers=double)]
    units = holdings(draw, 1, lambda: MIDDLE)
    hedged = [
        [
            part
            for i in items
            for part in (
                [i]
                if i.kind != POSITION
                else [i._replace(quantity=-i.quantity), i._replace(quantity=2 * i.quantity)]
            )
        ]
        for items in units
    ]
    path = walk(draw, 1)
    found = changes_of(Exchange(net, units, path))
    assert found == changes_of(Exchange(legs, hedged, path))
    assert len(found) > 15


def _mixed(draw: np.random.Generator) -> Exchange:
    """Return an exchange with every kind of rule."""
    instruments = [
        InstrumentTerms(0, tiers=TIERS, steps=(2_000.0,), fee=0.001),
        InstrumentTerms(1, tiers=TIERS, larger_leg=True),
        InstrumentTerms(2, tiers=FLAT, closing_fee=0.01, after_fee=True),
        InstrumentTerms(3, tiers=FLAT, value=1),
        InstrumentTerms(4, tiers=FLAT, value=1, inverse=True),
    ]
    units = holdings(draw, 5, any_price(draw))
    for items in units[::2]:
        items.append(Item(COLLATERAL, 0, float(draw.integers(-100, 300))))
        items.append(Item(POSITION, 1, float(draw.integers(1, 20)), 95.0))
    return Exchange(instruments, units, walk(draw, 5))


@SEEDS
def test_permuting_accounts_permutes_the_changes(seed: int) -> None:
    """Domain: all rules."""
    draw = np.random.default_rng(seed)
    exchange = _mixed(draw)
    order = draw.permutation(UNITS).tolist()
    shuffled = exchange._replace(units=[exchange.units[unit] for unit in order])
    found = changes_of(exchange)
    renamed = sorted((step, order[unit], state) for step, unit, state in changes_of(shuffled))
    assert renamed == found
    assert len(found) > 50


@SEEDS
def test_one_batch_ends_where_single_ticks_to_the_same_prices_end(seed: int) -> None:
    """Domain: all rules, no unit in liquidation: states are a function of prices alone."""
    exchange = _mixed(np.random.default_rng(seed))
    batches = []
    for first in range(0, STEPS, 20):
        last: dict[int, float] = {}
        for step in exchange.path[first : first + 20]:
            last |= step
        batches.append(last)
    singly = _states_at_the_end(changes_of(exchange))
    assert (_states_at_the_end(changes_of(exchange._replace(path=batches))) == singly).all()
    assert (singly != 0).sum() > 10


def _states_at_the_end(changes: Changes) -> NDArray[np.int64]:
    states = np.zeros(UNITS, np.int64)
    for _, unit, state in changes:
        states[unit] = state
    return states


def test_verdicts_in_the_band_take_part() -> None:
    """A unit exactly on a boundary stands for what the relations above compare there."""
    items = [Item(AMOUNT, 0, 6.25 * 1.25), Item(POSITION, 0, 1.0, MIDDLE)]
    found = changes_of(Exchange([InstrumentTerms(0, tiers=FLAT)], [items], []))
    assert found == [(-1, 0, UNDECIDED)]


def test_outside_of_their_domains_the_relations_fail() -> None:
    """Mirrored at the mark's margin, scaled without its tiers, split across a tier: all differ."""
    draw = np.random.default_rng(0)
    path = walk(draw, 2)
    tiered = [InstrumentTerms(n, tiers=TIERS) for n in range(2)]
    units = holdings(draw, 2, lambda: MIDDLE)
    found = changes_of(Exchange(tiered, units, path))
    turned = [{n: 2 * MIDDLE - price for n, price in step.items()} for step in path]
    mirrored, scaled, split = (
        [[part for item in items for part in change(item)] for items in units]
        for change in (_opposite, _times_four, _halves)
    )
    assert found != changes_of(Exchange(tiered, mirrored, turned))
    assert found != changes_of(Exchange(tiered, scaled, path))
    assert found != changes_of(Exchange(tiered, split, path))


def _opposite(item: Item) -> list[Item]:
    return [item._replace(quantity=-item.quantity) if item.kind == POSITION else item]


def _times_four(item: Item) -> list[Item]:
    return [item._replace(quantity=4.0 * item.quantity)]


def _halves(item: Item) -> list[Item]:
    half = item._replace(quantity=item.quantity / 2)
    return [half, half]
