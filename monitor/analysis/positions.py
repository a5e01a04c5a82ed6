"""The positions of a book image, sorted by side of instrument: what shadow deleveraging works on.

`gather` walks every unit of every shard's image once and writes its positions side by side, those
of one side of one instrument together: side 2 x number is long, 2 x number + 1 short. Sizes are in
lots, amounts in the valuation currency. Start at `shadow.py`.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index.class_two import UNITS_AHEAD
from monitor.core.margin.index.columns import MARGIN_CALL, UNKNOWN, Columns
from monitor.core.margin.index.compile import apart, compiled, prefetch
from monitor.core.margin.index.verdict import measure

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
# What a position is to a shadow round: it counts for nothing (no price, a vault), it may become
# bankrupt but is no candidate (a liquidation is near), or both.
NOTHING, LOSER, CANDIDATE = 0, 1, 2


class Listing(NamedTuple):
    """What the image does not say of an instrument: its lot, as a quantity, and its factor.

    Instruments of one factor (index) hedge each other.
    """

    name: str
    lot: float
    factor: int


class Book(NamedTuple):
    """One shard's image, the name behind each instrument's number, and the units of no trader."""

    columns: Columns
    instruments: Sequence[str]
    no_traders: Counts


class Terms(NamedTuple):
    """The instruments, by number: present mark, value of the settlement currency, lot."""

    mark: Floats
    value: Floats
    lot: Floats
    inverse: NDArray[np.uint8]
    factor: Counts


class Positions(NamedTuple):
    """All positions, sorted by side; within a side by unit.

    `net`: what the unit holds in the instrument, both legs, > 0 in the direction of the side;
    `other`: the notional (> 0 long) of its other positions of the same factor; equity and
    maintenance margin are the unit's, `wallet` its equity without unrealized pnl.
    """

    begins: Counts  # by side, and the end
    unit: Counts  # number over all shards
    role: NDArray[np.uint8]
    size: Floats
    entry: Floats
    net: Floats
    other: Floats
    equity: Floats
    maintenance: Floats
    wallet: Floats


class Part(NamedTuple):
    """How the numbers of one shard are those of the whole."""

    instruments: Counts  # shard's number -> number, -1: not listed any more
    skipped: NDArray[np.uint8]  # by unit
    offset: int  # of unit numbers


def gather(books: Sequence[Book], listings: Sequence[Listing]) -> tuple[Terms, Positions]:
    """Return the instruments and all positions of a book that lies in shards."""
    terms, parts = _terms(books, listings), parts_of(books, listings)
    begins = np.zeros(2 * len(listings) + 1, np.int64)
    for book, part in zip(books, parts, strict=True):
        count_positions(book.columns, part.instruments, begins)
    begins = np.cumsum(begins)
    found = _empty(begins)
    filled = begins.copy()
    for book, part in zip(books, parts, strict=True):
        write_positions(book.columns, part, terms, found, filled)
    return terms, found


def parts_of(books: Sequence[Book], listings: Sequence[Listing]) -> list[Part]:
    """Return how the numbers of each shard are those of the whole."""
    numbers = {listing.name: number for number, listing in enumerate(listings)}
    parts, offset = [], 0
    for book in books:
        skipped = np.zeros(len(book.columns.begins), np.uint8)
        skipped[book.no_traders] = 1
        known = [numbers.get(name, -1) for name in book.instruments]
        own = np.full(len(book.columns.instruments), -1, np.int64)
        own[: len(known)] = known
        parts.append(Part(own, skipped, offset))
        offset += len(book.columns.begins)
    return parts


def _terms(books: Sequence[Book], listings: Sequence[Listing]) -> Terms:
    numbers = {listing.name: number for number, listing in enumerate(listings)}
    count = len(listings)
    terms = Terms(
        mark=np.full(count, np.nan),
        value=np.full(count, np.nan),
        lot=np.array([listing.lot for listing in listings], np.float64),
        inverse=np.zeros(count, np.uint8),
        factor=np.array([listing.factor for listing in listings], np.int64),
    )
    for book in books:
        columns = book.columns
        prices = columns.slots["price"]
        for own, name in enumerate(book.instruments):
            number = numbers.get(name)
            if number is not None:
                record = columns.instruments[own]
                terms.mark[number] = prices[record["mark"]]
                terms.value[number] = prices[record["value"]]
                terms.inverse[number] = record["inverse"]
    return terms


def _empty(begins: Counts) -> Positions:
    count = int(begins[-1])
    floats = [np.zeros(count) for _ in range(7)]
    return Positions(begins, np.zeros(count, np.int64), np.zeros(count, np.uint8), *floats)


@compiled
def count_positions(c: Columns, instruments: Counts, counts: Counts) -> None:
    """Add how many positions each side has, one place further on."""
    for unit in range(len(c.begins)):
        ahead = c.begins[min(unit + UNITS_AHEAD, len(c.begins) - 1)]
        if ahead >= 0:
            prefetch(c.rows, ahead)
        begin = int(c.begins[unit])
        if begin < 0:
            continue
        head = c.heads[begin]
        for number in range(begin + 1 + head["assets"], begin + 1 + head["count"]):
            row = c.rows[number]
            instrument = instruments[row["ref"]]
            if instrument >= 0 and row["quantity"] != 0.0:
                counts[2 * instrument + (0 if row["quantity"] > 0.0 else 1) + 1] += 1


@compiled
def write_positions(c: Columns, part: Part, terms: Terms, found: Positions, filled: Counts) -> None:
    """Write the positions of all units at the places that `filled` says, which move on."""
    for unit in range(len(c.begins)):
        ahead = c.begins[min(unit + UNITS_AHEAD, len(c.begins) - 1)]
        if ahead >= 0:
            prefetch(c.rows, ahead)
            prefetch(c.rows, ahead + 2)
        begin = int(c.begins[unit])
        if begin < 0:
            continue
        head = c.heads[begin]
        first, end = begin + 1 + head["assets"], begin + 1 + head["count"]
        if first == end:
            continue
        measured, gains = measure(c, begin), gains_of(c, part, terms, (first, end))
        role = NOTHING
        if head["state"] < UNKNOWN and not part.skipped[unit] and not math.isnan(gains):
            role = CANDIDATE if head["state"] <= MARGIN_CALL else LOSER
        for number in range(first, end):
            instrument = part.instruments[c.rows[number]["ref"]]
            quantity = c.rows[number]["quantity"]
            if instrument < 0 or quantity == 0.0:
                continue
            side = 2 * instrument + (0 if quantity > 0.0 else 1)
            place = filled[side]
            filled[side] = place + 1
            net, other = beside(c, part, terms, (first, end), number)
            found.unit[place] = part.offset + unit
            found.role[place] = role
            found.size[place] = abs(quantity) / terms.lot[instrument]
            found.entry[place] = c.rows[number]["entry"]
            found.net[place] = math.copysign(1.0, quantity) * net / terms.lot[instrument]
            found.other[place] = other
            found.equity[place] = measured[0]
            found.maintenance[place] = measured[1]
            found.wallet[place] = measured[0] - gains


@apart
def gains_of(c: Columns, part: Part, terms: Terms, span: tuple[int, int]) -> float:
    """Return the unrealized pnl of a unit's positions, not a number if one is not listed."""
    gains = 0.0
    for number in range(span[0], span[1]):
        row = c.rows[number]
        instrument = part.instruments[row["ref"]]
        if instrument < 0:
            return math.nan
        mark, quantity = terms.mark[instrument], row["quantity"]
        if terms.inverse[instrument]:
            gain = quantity / row["entry"] - quantity / mark
        else:
            gain = quantity * (mark - row["entry"])
        gains += gain * terms.value[instrument]
    return gains


@apart
def beside(
    c: Columns, part: Part, terms: Terms, span: tuple[int, int], own: int
) -> tuple[float, float]:
    """Return (what the unit holds in a position's instrument, the rest of its factor, valued)."""
    net, other = 0.0, 0.0
    instrument = part.instruments[c.rows[own]["ref"]]
    for number in range(span[0], span[1]):
        row = c.rows[number]
        second = part.instruments[row["ref"]]
        if second < 0:
            continue
        if second == instrument:
            net += row["quantity"]
        if number != own and terms.factor[second] == terms.factor[instrument]:
            worth, mark = row["quantity"] * terms.value[second], terms.mark[second]
            other += worth / mark if terms.inverse[second] else worth * mark
    return net, other
