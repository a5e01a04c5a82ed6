"""The closes of one round of a cascade, compiled: `cascade.py` runs the rounds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.analysis.liquidity import Liquidity, mean_factor, price_factor
from monitor.analysis.positions import Counts, Floats, Part, Terms
from monitor.analysis.reach import ROUNDING, Reach
from monitor.core.margin.index.class_two import UNITS_AHEAD
from monitor.core.margin.index.columns import Columns
from monitor.core.margin.index.compile import apart, compiled, prefetch
from monitor.core.margin.index.verdict import MISSING, measure

CLOSED, BANKRUPT = 0, 1


class Since(NamedTuple):
    """How far marks have moved since each version: the one that moved most, and any other.

    `version`: of these marks, -1: weights do not hold at them.
    """

    own_fall: Floats
    own_rise: Floats
    fall: Floats
    rise: Floats
    version: int


class Run(NamedTuple):
    """What changes while a cascade runs. By instrument, but `closed` and `equity`: by unit."""

    closed: NDArray[np.bool_]
    equity: Floats
    sold: Floats  # net quantity, > 0 sold
    mark: Floats
    executed: Floats  # price of this round's closes
    losses: Floats
    counts: Counts  # closed, bankrupt
    hits: Counts  # units that are closed, in order


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
    known: tuple[Terms, Reach, Since],
    holding: tuple[Counts, Floats, tuple[int, int, int]],
    run: Run,
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
    known: tuple[Terms, Reach, Since],
    asked: tuple[Counts, int, bool],
    run: Run,
) -> float:
    """Close who is liquidatable among so many units asked for; return their notional.

    `asked`: units, how many of them, and whether they may hold the instrument that has moved most.
    """
    terms, reach, since = known
    order, count, may_hold = asked
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
        fall, rise = since.fall[version], since.rise[version]
        if may_hold:
            fall, rise = max(fall, since.own_fall[version]), max(rise, since.own_rise[version])
        lost = falling * fall + rising * rise
        if not reach.slack[own] > lost + ROUNDING * (lost + falling + rising):
            worth += close_if_due(c, part, terms, (reach, since.version, own), run)
    return worth


@apart
def close_if_due(
    c: Columns, part: Part, terms: Terms, asked: tuple[Reach, int, int], run: Run
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
def sell_unit(c: Columns, part: Part, terms: Terms, begin: int, run: Run) -> float:
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
def set_prices(books: Liquidity, start: Floats, before: Floats, run: Run) -> None:
    """Set the price at which this round was closed, and the marks after it."""
    for instrument in range(len(start)):
        sold = run.sold[instrument]
        mean = mean_factor(books, instrument, before[instrument], sold)
        run.executed[instrument] = start[instrument] * mean
        run.mark[instrument] = start[instrument] * price_factor(books, instrument, sold)


@compiled
def settle_units(c: Columns, part: Part, terms: Terms, span: tuple[int, int], run: Run) -> None:
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
