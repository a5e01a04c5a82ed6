"""A liquidation cascade on a book image, to its fixed point. docs/model/cascade.md.

Marks jump; who is liquidatable is closed at once and whole; what that sells moves the marks
further, and who is liquidatable then is closed in the next round, until nobody is. Who may be is
measured at the marks of the round, by the function that gives verdicts. Equity that is left below 0
after the close is a shortfall, of the fund of the unit's largest position.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.analysis.funds import Funds
from monitor.analysis.liquidity import Liquidity, mean_factor, price_factor
from monitor.analysis.positions import Book, Counts, Floats, Part, Positions, Terms
from monitor.analysis.reach import STRETCH, Reach, reaches_of
from monitor.core.margin.index.class_two import UNITS_AHEAD
from monitor.core.margin.index.columns import Columns
from monitor.core.margin.index.compile import apart, compiled, prefetch
from monitor.core.margin.index.verdict import MISSING, measure

ROUNDS_MAX = 200
CLOSED, BANKRUPT = 0, 1
VERSIONS_MAX = 256  # of marks at which units were measured
ROUNDING = 1e-9  # how much further, relative, a bound is drawn
MOVED_MIN = 1e-9  # of a mark: less does not reach anybody


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

    `shortfall`: by fund, the last of no fund; `losses`: the same by instrument, that of the unit's
    largest position, the last of none; `closed`: units; `marks`: where they end.
    """

    rounds: tuple[float, ...]
    shortfall: Floats
    losses: Floats
    closed: int
    bankrupt: int
    marks: Floats

    @property
    def reproduction(self) -> float:
        """Return what the first round triggered, per unit of notional; 0 if it closed nothing."""
        if len(self.rounds) < 2 or not self.rounds[0]:
            return 0.0
        return self.rounds[1] / self.rounds[0]


class _Since(NamedTuple):
    """How far marks have moved since each version: the one that moved most, and any other.

    `version`: of these marks, -1: weights do not hold at them.
    """

    own_fall: Floats
    own_rise: Floats
    fall: Floats
    rise: Floats
    version: int


class _Run(NamedTuple):
    """What changes while a cascade runs. By instrument, but `closed` and `equity`: by unit."""

    closed: NDArray[np.bool_]
    equity: Floats
    sold: Floats  # net quantity, > 0 sold
    mark: Floats
    executed: Floats  # price of this round's closes
    losses: Floats
    counts: Counts  # closed, bankrupt
    hits: Counts  # units that are closed, in order


class Cascades:
    """Runs cascades on one image.

    A unit is measured only when marks have moved so far, since it was last, that its slack may be
    used up: `reach.py`. What one cascade has measured serves the next.
    """

    def __init__(self, image: Image) -> None:
        """Take an image; its columns are not written to."""
        self.image = image
        self._columns = [_shockable(book.columns) for book in image.books]
        self._reaches, self._weights = reaches_of(
            image.books, image.parts, image.terms, image.positions
        )
        # The marks at which units were measured, by version, as moves: reach.py.
        self._moves = np.ones((VERSIONS_MAX, len(image.terms.mark)))
        self._versions = 1
        self.units_looked_at = 0  # in all cascades so far: what they have cost

    def run(
        self,
        shock: Floats,
        books: Liquidity,
        *,
        has_feedback: bool = True,
        ends: Callable[[Floats, int], bool] | None = None,
    ) -> Cascade:
        """Return what relative moves of the marks (by instrument, 0: none) do, to the fixed point.

        Without feedback only the first round, closed at the shocked marks themselves. `ends` is
        asked after each round, of the shortfall by fund and how many are bankrupt, which only
        grow: whether that is enough to know.
        """
        image = self.image
        run = _begin(image, shock)
        start, rounds = run.mark.copy(), list[float]()
        for _ in range(ROUNDS_MAX if has_feedback else 1):
            sold, before = run.sold.copy(), run.mark.copy()
            worth, spans = self._close(run)
            if not worth:
                break
            rounds.append(worth)
            if has_feedback:
                set_prices(books, start, sold, run)
            for own, part, span in zip(self._columns, image.parts, spans, strict=True):
                settle_units(own, part, image.terms, span, run)
            if ends is not None:
                shortfall = image.funds.by_fund(run.losses)
                if ends(shortfall, int(run.counts[BANKRUPT])):
                    break
            if not np.any(np.abs(run.mark - before) > MOVED_MIN * before):
                break
        return Cascade(
            rounds=tuple(rounds),
            shortfall=image.funds.by_fund(run.losses),
            losses=run.losses,
            closed=int(run.counts[CLOSED]),
            bankrupt=int(run.counts[BANKRUPT]),
            marks=run.mark,
        )

    def _close(self, run: _Run) -> tuple[float, list[tuple[int, int]]]:
        """Close all who are liquidatable at the marks; return their notional, and who by shard."""
        terms, positions = self.image.terms, self.image.positions
        since, instrument = self._since(run.mark)
        worth, spans = 0.0, []
        of_instrument = tuple(positions.begins[2 * instrument : 2 * instrument + 3].tolist())
        shards = zip(self._columns, self.image.parts, self._reaches, strict=True)
        for own, part, reach in shards:
            set_marks(own, part, run.mark)
            first = int(run.counts[CLOSED])
            self.units_looked_at += of_instrument[2] - of_instrument[0]
            known = (terms, reach, since)
            worth += close_holders(
                own, part, known, (positions.unit, self._weights, of_instrument), run
            )
            fall, rise = float(since.fall[0]), float(since.rise[0])
            # of two moves, one has used up half of the slack; not a number: all are looked at
            far = 2.0 if fall > 0.0 and rise > 0.0 else 1.0
            for order, moves, move in (
                (reach.by_fall, reach.falls, fall),
                (reach.by_rise, reach.rises, rise),
            ):
                count = int(np.searchsorted(moves, far * move * (1.0 + ROUNDING), side="right"))
                self.units_looked_at += count
                worth += close_units(own, part, known, (order, count), run)
            spans.append((first, int(run.counts[CLOSED])))
        return worth, spans

    def _since(self, marks: Floats) -> tuple["_Since", int]:
        """Return how marks have moved since each version, and which instrument's moved most."""
        terms = self.image.terms
        with np.errstate(invalid="ignore"):
            ratio = marks / terms.mark
            moves = np.where(terms.inverse == 1, 2.0 - 1.0 / ratio, ratio)
            growth = np.nanmax(np.where(terms.inverse == 1, 1.0 / ratio, ratio), initial=1.0)
        moves = np.nan_to_num(moves, nan=1.0)
        if self._versions == VERSIONS_MAX:
            self._versions = 1
            for reach in self._reaches:
                reach.forget()
        is_bounded = growth <= STRETCH
        if is_bounded:
            self._moves[self._versions] = moves
            self._versions += 1
        further = self._moves[: self._versions] - moves  # > 0: fallen since
        largest = int(np.argmax(np.abs(further[0]))) if len(moves) else 0
        own = further[:, largest].copy() if len(moves) else np.zeros(1)
        if len(moves):
            further[:, largest] = 0.0
        if not is_bounded:
            own, further = np.full(len(own), np.nan), np.full_like(further, np.nan)
        return (
            _Since(
                own_fall=np.maximum(0.0, own),
                own_rise=np.maximum(0.0, -own),
                fall=np.maximum(0.0, further.max(axis=1, initial=0.0)),
                rise=np.maximum(0.0, -further.min(axis=1, initial=0.0)),
                version=self._versions - 1 if is_bounded else -1,
            ),
            largest,
        )


def _shockable(columns: Columns) -> Columns:
    """Return columns whose prices may be changed."""
    return columns._replace(slots=columns.slots.copy())


def _begin(image: Image, shock: Floats) -> _Run:
    """Return a cascade that has not begun, its marks shocked."""
    units = sum(len(book.columns.begins) for book in image.books)
    start = image.terms.mark * (1.0 + shock)
    return _Run(
        closed=np.zeros(units, np.bool_),
        equity=np.zeros(units),
        sold=np.zeros(len(shock)),
        mark=start,
        executed=start.copy(),
        losses=np.zeros(len(shock) + 1),
        counts=np.zeros(2, np.int64),
        hits=np.zeros(units, np.int64),
    )


@compiled
def set_marks(c: Columns, part: Part, marks: Floats) -> None:
    """Put marks into the columns of a shard."""
    for own in range(len(part.instruments)):
        number = part.instruments[own]
        if number >= 0:
            c.slots[c.instruments[own]["mark"]]["price"] = marks[number]


@compiled
def close_holders(
    c: Columns,
    part: Part,
    known: tuple[Terms, Reach, _Since],
    holding: tuple[Counts, Floats, tuple[int, int, int]],
    run: _Run,
) -> float:
    """Close the liquidatable holders of the instrument that has moved most; return their notional.

    `holding`: units and weights of all positions, and where the longs of the instrument begin, its
    shorts, and where these end.
    """
    terms, reach, since = known
    units, weights, (first, second, end) = holding
    worth = 0.0
    for place in range(first, end):
        own = units[place] - part.offset
        if own < 0 or own >= len(c.begins) or run.closed[units[place]]:
            continue
        version, weight = reach.version[own], weights[place]
        falling, rising = reach.falling[own], reach.rising[own]
        if place < second:
            lost = weight * since.own_fall[version] + (falling - weight) * since.fall[version]
            lost += rising * since.rise[version]
        else:
            lost = weight * since.own_rise[version] + (rising - weight) * since.rise[version]
            lost += falling * since.fall[version]
        # written so that what is not a number is measured
        if not reach.slack[own] > lost + ROUNDING * (lost + falling + rising):
            worth += close_if_due(c, part, terms, (reach, since.version, own), run)
    return worth


@compiled
def close_units(
    c: Columns,
    part: Part,
    known: tuple[Terms, Reach, _Since],
    asked: tuple[Counts, int],
    run: _Run,
) -> float:
    """Close who is liquidatable among the first so many units asked for; return their notional."""
    terms, reach, since = known
    order, count = asked
    worth = 0.0
    for number in range(count):
        own = order[number]
        ahead = c.begins[order[min(number + UNITS_AHEAD, count - 1)]]
        if ahead >= 0:
            prefetch(c.rows, ahead)
            prefetch(c.rows, ahead + 2)
        if run.closed[part.offset + own]:
            continue
        version, falling, rising = reach.version[own], reach.falling[own], reach.rising[own]
        lost = falling * since.fall[version] + rising * since.rise[version]
        if not reach.slack[own] > lost + ROUNDING * (lost + falling + rising):
            worth += close_if_due(c, part, terms, (reach, since.version, own), run)
    return worth


@apart
def close_if_due(
    c: Columns, part: Part, terms: Terms, asked: tuple[Reach, int, int], run: _Run
) -> float:
    """Measure a unit, remember its slack, and close it if it is liquidatable.

    Its positions are added to what is sold, and it to the hits; returns their notional.
    """
    reach, version, own = asked
    begin = int(c.begins[own])
    if begin < 0 or part.skipped[own]:
        return 0.0
    measured = measure(c, begin)
    if measured[4] == MISSING or not measured[3]:
        return 0.0
    if version >= 0:
        reach.slack[own], reach.version[own] = measured[0] - measured[1], version
    if measured[0] > measured[1]:
        return 0.0
    unit = part.offset + own
    run.closed[unit] = True
    run.equity[unit] = measured[0]
    run.hits[run.counts[CLOSED]] = unit
    run.counts[CLOSED] += 1
    return sell_unit(c, part, terms, begin, run)


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
def settle_units(c: Columns, part: Part, terms: Terms, span: tuple[int, int], run: _Run) -> None:
    """Add what the closes of a round have left below 0 to the losses of an instrument.

    The prices in the columns are still those at which the round's units were measured.
    """
    for number in range(span[0], span[1]):
        unit = run.hits[number]
        ahead = c.begins[run.hits[min(number + UNITS_AHEAD, span[1] - 1)] - part.offset]
        prefetch(c.rows, ahead)
        prefetch(c.rows, ahead + 2)
        begin = int(c.begins[unit - part.offset])
        head, lost, largest, owner = c.heads[begin], 0.0, -1.0, -1
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
                largest, owner = worth * terms.value[instrument], instrument
        left = run.equity[unit] - lost
        if left < 0.0:
            run.losses[owner] -= left  # -1 is the last: of no instrument
            run.counts[BANKRUPT] += 1
