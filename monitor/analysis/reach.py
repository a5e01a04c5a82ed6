"""How far marks may move before a unit can be liquidatable: whom a cascade has to look at.

equity - maintenance margin (slack) of a unit is lost at most at the rate of its weights: what its
positions lose, and must keep more, per relative move of their marks against them. So a unit need
not be measured while slack > weights x moves. docs/model/cascade.md.

A move is a change of mark / (mark of the image); for inverse contracts of 2 - (mark of the image) /
mark, in which what a position is worth is linear too.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.analysis.positions import Book, Counts, Floats, Part, Positions, Terms
from monitor.core.margin.index.class_two import UNITS_AHEAD
from monitor.core.margin.index.columns import Columns, Records
from monitor.core.margin.index.compile import apart, compiled, prefetch
from monitor.core.margin.index.requirement import steepest_rate
from monitor.core.margin.index.verdict import CLEAR, MISSING, measure, position_measure

# Weights hold while no notional is more than this many times that of the image.
STRETCH = 2.0
ROUNDING = 1e-9  # how much further, relative, a bound is drawn


class Reach(NamedTuple):
    """What is known of the units of one shard, by unit.

    `slack`: equity - maintenance margin when it was last measured, and `version` of the marks then
    (0: those of the image, whose slack is `first`); `falling`, `rising`: weight of a fall, of a
    rise of all marks (infinite: not bounded). `by_fall`, `by_rise`: units by how large a fall or
    a rise uses up the image's slack, and `falls`, `rises`: that move.
    """

    slack: Floats
    first: Floats
    version: NDArray[np.int32]
    falling: Floats
    rising: Floats
    by_fall: Counts
    falls: Floats
    by_rise: Counts
    rises: Floats

    def forget(self) -> None:
        """Know no more than what the image says."""
        self.slack[:] = self.first
        self.version[:] = 0


def reaches_of(
    books: Sequence[Book], parts: Sequence[Part], terms: Terms, positions: Positions
) -> tuple[list[Reach], Floats]:
    """Return the reach of every shard's units, and the weight of every position on its side."""
    weights = np.zeros(len(positions.unit))
    filled = positions.begins.copy()
    found = []
    for book, part in zip(books, parts, strict=True):
        slack, falling, rising = (np.zeros(len(book.columns.begins)) for _ in range(3))
        weigh_units(book.columns, part, (terms.value, weights, filled), (slack, falling, rising))
        orders = (*_ordered(slack, falling), *_ordered(slack, rising))
        version = np.zeros(len(slack), np.int32)
        found.append(Reach(slack.copy(), slack, version, falling, rising, *orders))
    return found, weights


def _ordered(slack: Floats, weight: Floats) -> tuple[Counts, Floats]:
    """Return the units that a move can reach, by how large it must be, and that."""
    units = np.flatnonzero((weight > 0.0) & np.isfinite(slack))
    with np.errstate(invalid="ignore"):
        moves = np.where(np.isinf(weight[units]), -np.inf, slack[units] / weight[units])
    order = np.argsort(moves, kind="stable")
    return units[order], moves[order]


def adverse_moves(terms: Terms, marks: Floats) -> Floats:
    """Return by side of instrument how far its mark has moved against it since the image.

    Infinite for both sides of a notional that has grown beyond `STRETCH`: weights do not hold.
    """
    with np.errstate(invalid="ignore"):
        ratio = np.where(terms.inverse == 1, terms.mark / marks, marks / terms.mark)
        move = np.where(terms.inverse == 1, 1.0 - ratio, ratio - 1.0)
    adverse = np.maximum(0.0, np.nan_to_num(np.stack([-move, move], axis=1), nan=0.0))
    adverse[ratio > STRETCH] = np.inf
    moves: Floats = adverse.reshape(-1)
    return moves


@compiled
def add_losses(adverse: Floats, holding: tuple[Counts, Counts, Floats], lost: Floats) -> None:
    """Add to each unit the most that its positions may have lost of its slack.

    `holding`: where each side's positions begin, their units and weights.
    """
    begins, units, weights = holding
    for side in range(len(adverse)):
        move = adverse[side]
        if move > 0.0:
            for place in range(begins[side], begins[side + 1]):
                lost[units[place]] += weights[place] * move


@compiled
def reachable(
    reach: Reach, offset: int, lost: Floats, closed: NDArray[np.bool_], found: Counts
) -> int:
    """Write the units of a shard whose slack may be used up; return how many."""
    count = 0
    for own in range(len(reach.first)):
        loss = lost[offset + own]
        weight = reach.falling[own] + reach.rising[own]
        # written so that what is not a number is found
        if not closed[offset + own] and not (reach.first[own] > loss + ROUNDING * (loss + weight)):
            found[count] = own
            count += 1
    return count


@compiled
def weigh_units(
    c: Columns,
    part: Part,
    places: tuple[Floats, Floats, Counts],
    found: tuple[Floats, Floats, Floats],
) -> None:
    """Write slack and weights of a shard's units, and the weights of their positions.

    Units that are nobody's, or whose state is not known, have an infinite slack and no weight.
    """
    value, weights, filled = places
    slack, falling, rising = found
    for unit in range(len(c.begins)):
        ahead = c.begins[min(unit + UNITS_AHEAD, len(c.begins) - 1)]
        if ahead >= 0:
            prefetch(c.rows, ahead)
            prefetch(c.rows, ahead + 2)
        slack[unit] = math.inf
        begin = int(c.begins[unit])
        if begin < 0:
            continue
        head = c.heads[begin]
        measured = measure(c, begin)
        is_bounded = measured[4] == CLEAR and not head["always_exact"] and not head["rare"]
        for number in range(begin + 1 + head["assets"], begin + 1 + head["count"]):
            row = c.rows[number]
            instrument = part.instruments[row["ref"]]
            if instrument < 0 or row["quantity"] == 0.0:
                continue
            side = 0 if row["quantity"] > 0.0 else 1
            weight = weight_of(c, row, value[instrument]) if is_bounded else math.inf
            weights[filled[2 * instrument + side]] = weight
            filled[2 * instrument + side] += 1
            if side == 0 or math.isinf(weight):
                falling[unit] += weight
            if side == 1 or math.isinf(weight):
                rising[unit] += weight
        if part.skipped[unit] or measured[4] == MISSING:
            falling[unit], rising[unit] = 0.0, 0.0
        elif measured[3]:
            slack[unit] = measured[0] - measured[1]


@apart
def weight_of(c: Columns, row: Records, value: float) -> float:
    """Return what a position loses of its unit's slack per move against it; infinite: no bound."""
    terms = c.instruments[row["ref"]]
    notional = position_measure(c, row)[3]
    size = notional if terms["inverse"] else abs(row["quantity"])
    rate = terms["fee"] + steepest_rate(c, terms, notional, size, STRETCH)
    if terms["step_count"] or not rate <= 1.0:
        return math.inf
    # What must be kept grows on a rise, but that of an inverse contract on a fall.
    is_growing = (row["quantity"] < 0.0) != (terms["inverse"] != 0)
    return float(notional * value * (1.0 + rate if is_growing else 1.0))
