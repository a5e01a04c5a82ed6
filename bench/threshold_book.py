"""The generated book of the threshold benchmark: accounts, positions, prices and streams."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index.columns import (
    AMOUNT,
    COLLATERAL,
    ITEM,
    POSITION,
    Capacity,
    Memory,
    Records,
)
from monitor.core.margin.index.index import ThresholdIndex
from monitor.core.margin.index.ladder import Ladder
from monitor.core.margin.index.terms import InstrumentTerms

INSTRUMENTS = 400
CALL_FACTOR = 1.25
MAINTENANCE_RATE = 0.005
FLAT = ((float("inf"), MAINTENANCE_RATE, 0.0, MAINTENANCE_RATE),)
TIERS = (
    (10_000.0, 0.005, 0.0, 0.005),
    (100_000.0, 0.01, 50.0, 0.01),
    (float("inf"), 0.025, 1_550.0, 0.025),
)
FEE = 0.0005
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


class Book(NamedTuple):
    """A book in plain columns, and the index that holds it."""

    thresholds: ThresholdIndex
    items: Records  # all units' items, those of a unit together
    starts: Whole  # first item of each unit, and the end
    popularity: Floats
    marks: NDArray[np.int32]  # slot of each instrument's mark
    units: NDArray[np.int32]  # of each position
    instruments: NDArray[np.int32]
    quantities: Floats
    constants: Floats  # of each unit: balance - sum of quantity x entry (linear book)


class Stream(NamedTuple):
    """Single moves: instrument, slot and new price of each."""

    name: str
    instruments: Whole
    slots: NDArray[np.int32]
    prices: Floats


def make_book(accounts: int, *, full: bool, memory: Memory | None = None) -> Book:
    """Return a book; `full`: inverse instruments, tiers, fees, haircuts and isolated units."""
    draw = np.random.default_rng(7)
    popularity = 1.0 / np.arange(1, INSTRUMENTS + 1)
    popularity /= popularity.sum()
    units = np.repeat(np.arange(accounts), 1 + draw.poisson(2, accounts))
    instruments = draw.choice(INSTRUMENTS, len(units), p=popularity)
    pairs = np.unique(units * INSTRUMENTS + instruments)
    units, instruments = pairs // INSTRUMENTS, pairs % INSTRUMENTS
    if full:  # 10 % of units are isolated positions
        isolated = draw.random(len(units)) < 0.1 * accounts / len(units)
        units[isolated] = accounts + np.arange(isolated.sum())
        order = np.argsort(units, kind="stable")
        units, instruments = units[order], instruments[order]
        _, units = np.unique(units, return_inverse=True)
    notionals = draw.lognormal(6, 1.5, len(units))
    leverage = np.clip(draw.lognormal(2.0, 0.7, len(units)), 1.2, 60)
    if full:  # a venue lets nobody open within twice the requirement
        tier = np.searchsorted([bound for bound, *_ in TIERS], notionals)
        leverage = np.minimum(leverage, 0.5 / np.array([rate for _, rate, *_ in TIERS])[tier])
    prices = draw.lognormal(3, 2, INSTRUMENTS)
    index = ThresholdIndex(CALL_FACTOR, capacity_for(len(np.unique(units))), memory)
    marks, inverse, coins = list_instruments(index, prices, full=full)
    coin_prices = index.columns.slots["price"][coins[np.arange(INSTRUMENTS) % 2]]
    sides = draw.choice([-1.0, 1.0], len(units))
    worth = np.where(inverse, coin_prices / prices, prices)  # of one unit of quantity
    quantities = sides * notionals / worth[instruments]
    entries = prices[instruments]
    balances = np.bincount(units, notionals / leverage)
    count = len(balances)
    second = draw.random(count) < (0.2 if full else 0.0)
    blocks = [
        _items(np.arange(count), 0, np.where(second, 0.6, 1.0) * balances, AMOUNT),
        _items(units, instruments, quantities, POSITION, entries),
    ]
    if full:
        own = np.flatnonzero(second)
        kind = draw.integers(0, len(coins), len(own))
        worth = 0.4 * balances[own] / index.columns.slots["price"][coins[kind]]
        blocks.append(_items(own, kind, worth, COLLATERAL))
    items = np.concatenate(blocks)
    items = items[np.argsort(items["unit"], kind="stable")]
    starts = np.asarray(np.searchsorted(items["unit"], np.arange(count + 1)), np.int64)
    constants = np.asarray(balances - np.bincount(units, quantities * entries), np.float64)
    whole = units.astype(np.int32), instruments.astype(np.int32)
    return Book(index, items, starts, popularity, marks, *whole, quantities, constants)


def capacity_for(units: int) -> Capacity:
    """Return what is reserved for a number of units."""
    return Capacity(units, 12 * units + 1_000, 1_024, 512, max(1 << 15, units // 2))


def list_instruments(
    index: ThresholdIndex | Ladder, prices: Floats, *, full: bool
) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.int32]]:
    """List coins and instruments at these marks; return marks, which are inverse, and coins."""
    coins = np.array([index.add_price(price) for price in (60_000.0, 3_000.0)], np.int32)
    if full:
        for coin in coins:
            index.add_collateral(int(coin), [(float("inf"), 0.9)])
    inverse = np.zeros(INSTRUMENTS, bool)
    inverse[3::20] = full
    marks = np.array([index.add_price(price) for price in prices], np.int32)
    for number in range(INSTRUMENTS):
        terms = InstrumentTerms(mark=int(marks[number]), tiers=TIERS if full else FLAT)
        if full:
            terms = terms._replace(fee=FEE)
        if inverse[number]:  # quantity in quote units, settled in a coin
            terms = terms._replace(inverse=True, value=int(coins[number % 2]), tiers=FLAT)
        index.add_instrument(terms)
    return marks, inverse, coins


def _items(
    units: Whole, refs: Whole | int, quantities: Floats, kind: int, entries: Floats | float = 0.0
) -> Records:
    """Return items as the index takes them."""
    items = np.zeros(len(units), ITEM)
    items["unit"], items["ref"], items["kind"] = units, refs, kind
    items["quantity"], items["entry"] = quantities, entries
    return items


def make_stream(
    book: Book, name: str, moves: int, shape: tuple[float, float], prices: Floats
) -> Stream:
    """Return a stream of single moves, (drift, volatility) each, from prices that it changes."""
    draw = np.random.default_rng([77, moves, len(name)])
    instruments = draw.choice(INSTRUMENTS, moves, p=book.popularity)
    steps = np.exp(draw.normal(shape[0], shape[1], moves))
    reached = np.empty(moves)
    for number in range(INSTRUMENTS):
        own = instruments == number
        reached[own] = prices[number] * np.cumprod(steps[own])
        if own.any():
            prices[number] = reached[own][-1]
    return Stream(name, instruments, book.marks[instruments], reached)
