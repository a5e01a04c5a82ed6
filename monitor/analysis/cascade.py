"""A liquidation cascade on a book image, to its fixed point. docs/model/cascade.md.

Marks jump; who is liquidatable is closed at once and whole; what that sells moves the marks
further, and who is liquidatable then is closed in the next round, until nobody is. Every unit is
measured anew at the marks of its round, by the function that gives verdicts. Equity that is left
below 0 after the close is a shortfall, of the fund of the unit's largest position.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.analysis.liquidity import Liquidity, mean_factor, price_factor
from monitor.analysis.positions import Book, Counts, Floats, Part, Positions, Terms
from monitor.core.margin.index.columns import Columns
from monitor.core.margin.index.compile import apart, compiled
from monitor.core.margin.index.verdict import MISSING, measure

ROUNDS_MAX = 200
CLOSED, BANKRUPT = 0, 1
MOVED_MIN = 1e-9  # of a mark: less does not reach anybody


class Funds(NamedTuple):
    """The insurance funds: by instrument the number of its own (-1: none), and what each has."""

    of: Counts
    balance: Floats  # in the valuation currency


class Image(NamedTuple):
    """A book image as cascades need it. `books` and `parts` are by shard."""

    books: Sequence[Book]
    parts: Sequence[Part]
    terms: Terms
    positions: Positions
    funds: Funds


@dataclass(frozen=True)
class Cascade:
    """What a shock did. By round: notional closed, at the marks of the round.

    `shortfall`: by fund, the last of no fund; `closed`: units; `marks`: where they end.
    """

    rounds: tuple[float, ...]
    shortfall: Floats
    closed: int
    bankrupt: int
    marks: Floats

    @property
    def reproduction(self) -> float:
        """Return what the first round triggered, per unit of notional; 0 if it closed nothing."""
        if len(self.rounds) < 2 or not self.rounds[0]:
            return 0.0
        return self.rounds[1] / self.rounds[0]

    def uncovered(self, funds: Funds) -> Floats:
        """Return what each fund cannot pay; the last: losses of no fund."""
        balance = np.append(funds.balance, 0.0)
        short: Floats = np.maximum(0.0, self.shortfall - np.maximum(0.0, balance))
        return short


class _Run(NamedTuple):
    """What changes while a cascade runs. By instrument, but `closed` and `equity`: by unit."""

    closed: NDArray[np.bool_]
    equity: Floats
    sold: Floats  # net quantity, > 0 sold
    mark: Floats
    executed: Floats  # price of this round's closes
    shortfall: Floats
    counts: Counts  # closed, bankrupt
    hits: Counts  # units that are closed, in order


def run_cascade(
    image: Image, shock: Floats, books: Liquidity, *, has_feedback: bool = True
) -> Cascade:
    """Return what relative moves of the marks (by instrument, 0: none) do, to the fixed point.

    Without feedback only the first round, closed at the shocked marks themselves.
    """
    instruments = len(shock)
    units = sum(len(book.columns.begins) for book in image.books)
    start = image.terms.mark * (1.0 + shock)
    run = _Run(
        closed=np.zeros(units, np.bool_),
        equity=np.zeros(units),
        sold=np.zeros(instruments),
        mark=start.copy(),
        executed=start.copy(),
        shortfall=np.zeros(len(image.funds.balance) + 1),
        counts=np.zeros(2, np.int64),
        hits=np.zeros(units, np.int64),
    )
    columns = [_shockable(book.columns) for book in image.books]
    moved, rounds = np.flatnonzero(shock), list[float]()
    while len(moved) and len(rounds) < ROUNDS_MAX:
        for own, part in zip(columns, image.parts, strict=True):
            set_marks(own, part, run.mark)
        asked = holders(image.positions, moved)
        sold, worth, spans = run.sold.copy(), 0.0, []
        for own, part in zip(columns, image.parts, strict=True):
            first = int(run.counts[CLOSED])
            worth += close_units(own, part, image.terms, asked, run)
            spans.append((first, int(run.counts[CLOSED])))
        if not worth:
            break
        rounds.append(worth)
        before = run.mark.copy()
        if has_feedback:
            set_prices(books, start, sold, run)
        for own, part, span in zip(columns, image.parts, spans, strict=True):
            settle_units(own, part, (image.terms, image.funds.of), span, run)
        moved = np.flatnonzero(np.abs(run.mark - before) > MOVED_MIN * before)
    return Cascade(
        rounds=tuple(rounds),
        shortfall=run.shortfall,
        closed=int(run.counts[CLOSED]),
        bankrupt=int(run.counts[BANKRUPT]),
        marks=run.mark,
    )


def holders(positions: Positions, instruments: Counts) -> Counts:
    """Return the units with a position in one of some instruments, each once."""
    begins = positions.begins
    found = [positions.unit[begins[2 * one] : begins[2 * one + 2]] for one in instruments.tolist()]
    units: Counts = np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
    return units


def _shockable(columns: Columns) -> Columns:
    """Return columns whose prices may be changed."""
    return columns._replace(slots=columns.slots.copy())


@compiled
def set_marks(c: Columns, part: Part, marks: Floats) -> None:
    """Put marks into the columns of a shard."""
    for own in range(len(part.instruments)):
        number = part.instruments[own]
        if number >= 0:
            c.slots[c.instruments[own]["mark"]]["price"] = marks[number]


@compiled
def close_units(c: Columns, part: Part, terms: Terms, asked: Counts, run: _Run) -> float:
    """Close the units asked for that are liquidatable at the marks; return their notional.

    Their positions are added to what is sold, and they to the hits.
    """
    worth = 0.0
    for unit in asked:
        own = unit - part.offset
        if own < 0 or own >= len(c.begins) or run.closed[unit] or part.skipped[own]:
            continue
        begin = int(c.begins[own])
        if begin < 0:
            continue
        measured = measure(c, begin)
        if measured[4] == MISSING or not measured[3] or measured[0] > measured[1]:
            continue
        run.closed[unit] = True
        run.equity[unit] = measured[0]
        worth += sell_unit(c, part, terms, begin, run)
        run.hits[run.counts[CLOSED]] = unit
        run.counts[CLOSED] += 1
    return worth


@apart
def sell_unit(c: Columns, part: Part, terms: Terms, begin: int, run: _Run) -> float:
    """Add a unit's positions to what is sold; return their notional."""
    worth, head = 0.0, c.heads[begin]
    for number in range(begin + 1 + head["assets"], begin + 1 + head["count"]):
        row = c.rows[number]
        instrument = part.instruments[row["ref"]]
        if instrument < 0:
            continue
        run.sold[instrument] += row["quantity"]
        mark = run.mark[instrument]
        size = abs(row["quantity"])
        value = size / mark if terms.inverse[instrument] else size * mark
        worth += value * terms.value[instrument]
    return worth


@compiled
def set_prices(books: Liquidity, start: Floats, before: Floats, run: _Run) -> None:
    """Set the price at which this round was closed, and the marks after it."""
    for instrument in range(len(start)):
        sold = run.sold[instrument]
        mean = mean_factor(books, instrument, before[instrument], sold)
        run.executed[instrument] = start[instrument] * mean
        run.mark[instrument] = start[instrument] * price_factor(books, instrument, sold)


@compiled
def settle_units(
    c: Columns, part: Part, known: tuple[Terms, Counts], span: tuple[int, int], run: _Run
) -> None:
    """Add what the closes of a round have left below 0 to the shortfall of a fund.

    The prices in the columns are still those at which the round's units were measured.
    """
    terms, fund_of = known
    for number in range(span[0], span[1]):
        unit = run.hits[number]
        begin = int(c.begins[unit - part.offset])
        head, lost, largest, fund = c.heads[begin], 0.0, -1.0, -1
        for place in range(begin + 1 + head["assets"], begin + 1 + head["count"]):
            row = c.rows[place]
            instrument = part.instruments[row["ref"]]
            if instrument < 0:
                continue
            mark = c.slots[c.instruments[row["ref"]]["mark"]]["price"]
            price, quantity = run.executed[instrument], row["quantity"]
            if terms.inverse[instrument]:
                loss, worth = quantity / price - quantity / mark, abs(quantity) / mark
            else:
                loss, worth = quantity * (mark - price), abs(quantity) * mark
            lost += loss * terms.value[instrument]
            if worth * terms.value[instrument] > largest:
                largest, fund = worth * terms.value[instrument], fund_of[instrument]
        left = run.equity[unit] - lost
        if left < 0.0:
            run.shortfall[fund] -= left  # -1 is the last: of no fund
            run.counts[BANKRUPT] += 1
