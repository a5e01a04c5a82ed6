"""What the next funding payments do to the accounts of a book image. docs/model/funding.md.

payment = quantity x mark x rate (quantity / mark for inverse contracts) x value of the settlement
currency: > 0 is paid, < 0 received. A unit is pushed under by a payment if it is at most margin
called now and equity - payment <= maintenance margin.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.analysis.positions import Book, Counts, Floats, Listing, Part, Terms, parts_of
from monitor.core.margin.index.class_two import UNITS_AHEAD
from monitor.core.margin.index.columns import MARGIN_CALL, Columns
from monitor.core.margin.index.compile import apart, compiled, prefetch
from monitor.core.margin.index.verdict import CLEAR, measure

ACCOUNTS_TOLD = 20
UNSURE_UNITS, JOINT_UNITS = 0, 1
JOINT_PAYMENT, JOINT_NOTIONAL = 0, 1


class Rates(NamedTuple):
    """By instrument: the predicted rate of the next payment (not a number: none), and when."""

    rate: Floats
    next_ns: Counts

    @property
    def soonest_ns(self) -> int | None:
        """Return when the next payment is, None without a rate."""
        known = self.next_ns[~np.isnan(self.rate)]
        return int(known.min()) if len(known) else None


class Paying(NamedTuple):
    """By instrument: the rate (not a number: none), and whether it pays at the soonest moment."""

    rate: Floats
    is_soon: NDArray[np.bool_]


class Effects(NamedTuple):
    """What the payments do: by side (2 x instrument long, + 1 short), in all, and by unit.

    `paid`: what a side's positions pay, net of what they receive; `free`: free margin of the units
    on a side; `pushed` units and `notional` of their positions by instrument, its payment alone.
    `counts` and `sums`: of all payments at the soonest moment. `owed`, `slack`: by unit, what it
    owes then and its equity - maintenance margin; `slack` is not a number where nothing is known.
    """

    paid: Floats
    free: Floats
    pushed: Counts
    notional: Floats
    counts: Counts
    sums: Floats
    owed: Floats
    slack: Floats


class FundingFindings(NamedTuple):
    """The effects of one image, of the units those hit hardest alone."""

    rates: Rates
    effects: Effects  # `owed` and `slack` of the units of `hardest`
    hardest: Counts


def funding_findings(
    books: Sequence[Book], listings: Sequence[Listing], terms: Terms, rates: Rates
) -> FundingFindings:
    """Return what the next payments would do, and to whom most."""
    effects = funding_effects(books, listings, terms, rates)
    hardest = hardest_hit(effects)
    told = effects._replace(owed=effects.owed[hardest], slack=effects.slack[hardest])
    return FundingFindings(rates, told, hardest)


def funding_effects(
    books: Sequence[Book], listings: Sequence[Listing], terms: Terms, rates: Rates
) -> Effects:
    """Return what the next payments would do to the units of all shards."""
    sides, units = 2 * len(listings), sum(len(book.columns.begins) for book in books)
    effects = Effects(
        paid=np.zeros(sides),
        free=np.zeros(sides),
        pushed=np.zeros(len(listings), np.int64),
        notional=np.zeros(len(listings)),
        counts=np.zeros(2, np.int64),
        sums=np.zeros(2),
        owed=np.zeros(units),
        slack=np.full(units, np.nan),
    )
    soonest_ns = rates.soonest_ns
    if soonest_ns is not None:
        paying = Paying(rates.rate, (rates.next_ns == soonest_ns) & ~np.isnan(rates.rate))
        for book, part in zip(books, parts_of(books, listings), strict=True):
            add_effects(book.columns, part, terms, paying, effects)
    return effects


@compiled
def add_effects(c: Columns, part: Part, terms: Terms, paying: Paying, effects: Effects) -> None:
    """Add what the payments do to the units of one shard."""
    for unit in range(len(c.begins)):
        ahead = c.begins[min(unit + UNITS_AHEAD, len(c.begins) - 1)]
        if ahead >= 0:
            prefetch(c.rows, ahead)
            prefetch(c.rows, ahead + 2)
        begin = int(c.begins[unit])
        if begin < 0 or part.skipped[unit] or c.heads[begin]["count"] == c.heads[begin]["assets"]:
            continue
        measured = measure(c, begin)
        if measured[4] != CLEAR:
            effects.counts[UNSURE_UNITS] += 1
            continue
        slack, is_safe = measured[0] - measured[1], c.heads[begin]["state"] <= MARGIN_CALL
        owed, exposed = add_unit(
            c, (part, terms, paying), begin, slack if is_safe else 0.0, effects
        )
        effects.owed[part.offset + unit] = owed
        effects.slack[part.offset + unit] = slack
        effects.sums[JOINT_PAYMENT] += max(0.0, owed)
        if is_safe and owed > 0.0 and slack - owed <= 0.0:
            effects.counts[JOINT_UNITS] += 1
            effects.sums[JOINT_NOTIONAL] += exposed


@apart
def add_unit(
    c: Columns, known: tuple[Part, Terms, Paying], begin: int, slack: float, effects: Effects
) -> tuple[float, float]:
    """Add what each payment alone does to a unit; return (owed soonest, notional of all).

    The positions of a unit in one instrument stand together: two legs pay as one. `slack` is 0 of
    a unit that is pushed under already.
    """
    part, terms, paying = known
    head = c.heads[begin]
    number, end = begin + 1 + head["assets"], begin + 1 + head["count"]
    owed, exposed = 0.0, 0.0
    while number < end:
        first, ref = number, c.rows[number]["ref"]
        while number < end and c.rows[number]["ref"] == ref:
            number += 1
        instrument = part.instruments[ref]
        if instrument < 0:
            continue
        net, worth = worth_of(c, terms, instrument, (first, number))
        payment = net * paying.rate[instrument]
        exposed += worth
        if math.isnan(payment):
            continue
        if paying.is_soon[instrument]:
            owed += payment
        if payment > 0.0 and 0.0 < slack <= payment:
            effects.pushed[instrument] += 1
            effects.notional[instrument] += worth
        side = 2 * instrument + (0 if net >= 0.0 else 1)
        effects.paid[side] += payment
        effects.free[side] += max(0.0, slack)
    return owed, exposed


@apart
def worth_of(
    c: Columns, terms: Terms, instrument: int, span: tuple[int, int]
) -> tuple[float, float]:
    """Return (net value, notional) of a unit's positions in one instrument."""
    net, worth = 0.0, 0.0
    for number in range(span[0], span[1]):
        mark, quantity = terms.mark[instrument], c.rows[number]["quantity"]
        value = quantity / mark if terms.inverse[instrument] else quantity * mark
        net += value * terms.value[instrument]
        worth += abs(value) * terms.value[instrument]
    return net, worth


def hardest_hit(effects: Effects, count: int = ACCOUNTS_TOLD) -> Counts:
    """Return the units that owe the largest share of their free margin, the largest first.

    Those with nothing free stand first, by what they owe; ties by number.
    """
    units = np.flatnonzero((effects.owed > 0.0) & ~np.isnan(effects.slack))
    owed, slack = effects.owed[units], effects.slack[units]
    with np.errstate(divide="ignore"):
        share = np.where(slack > 0.0, owed / np.maximum(slack, 0.0), np.inf)
    order = np.lexsort((units, -owed, -share))[:count]
    found: Counts = units[order]
    return found
