"""What an order moves a price by: the visible book walked exactly, a power law beyond it.

docs/model/cascade.md. A ratio is how far the price has moved from the mark, > 0 against who trades;
quantities are in the base currency (in the quote currency for inverse contracts).
"""

from typing import NamedTuple

import numpy as np

from monitor.analysis.positions import Counts, Floats
from monitor.core.margin.index.compile import apart

# A price cannot be sold below this share of the mark.
PRICE_MIN_RATIO = 0.01


class Liquidity(NamedTuple):
    """The books by side: 2 x instrument: bids, which who sells meets; + 1: asks.

    `begins`: of a side's levels, and the end; `quantity`: of a level and those before it; `ratio`:
    how far a level is from the mark, ascending. Beyond them the ratio rises by
    `coefficient` x (quantity / volume) ^ `exponent` from where the last level stands. `volume` and
    `coefficient` are by instrument.
    """

    begins: Counts
    quantity: Floats
    ratio: Floats
    volume: Floats
    coefficient: Floats
    exponent: float


class ImpactLaw(NamedTuple):
    """The law beyond the visible book, the same for all instruments.

    `daily_volatility`: the coefficient; `volume_ratio`: a day's volume / open interest.
    """

    daily_volatility: float
    volume_ratio: float
    exponent: float


def without_books(volume: Floats, coefficient: Floats, exponent: float) -> Liquidity:
    """Return the liquidity of instruments of which no book is seen."""
    nothing = np.zeros(0)
    begins = np.zeros(2 * len(volume) + 1, np.int64)
    return Liquidity(begins, nothing, nothing, volume, coefficient, exponent)


@apart
def impact(books: Liquidity, side: int, quantity: float) -> float:
    """Return how far the price has moved when so much has been traded against a side."""
    first, end = books.begins[side], books.begins[side + 1]
    for place in range(first, end):
        if quantity <= books.quantity[place]:
            return float(books.ratio[place])
    last, seen = 0.0, 0.0
    if end > first:
        last, seen = float(books.ratio[end - 1]), float(books.quantity[end - 1])
    return last + law(books, side, quantity) - law(books, side, seen)


@apart
def law(books: Liquidity, side: int, quantity: float) -> float:
    """Return the ratio of the law for a quantity."""
    share = quantity / books.volume[side // 2]
    return float(books.coefficient[side // 2]) * float(share**books.exponent)


@apart
def law_cost(books: Liquidity, side: int, quantity: float) -> float:
    """Return the integral of the law up to a quantity."""
    return law(books, side, quantity) * quantity / (books.exponent + 1.0)


@apart
def concession(books: Liquidity, side: int, quantity: float) -> float:
    """Return the integral of `impact` up to a quantity: what is lost against the mark / mark."""
    first, end = books.begins[side], books.begins[side + 1]
    lost, seen, last = 0.0, 0.0, 0.0
    for place in range(first, end):
        last = float(books.ratio[place])
        until = min(quantity, books.quantity[place])
        lost += (until - seen) * last
        seen = until
        if until >= quantity:
            return float(lost)
    base = last - law(books, side, seen)
    rest = base * (quantity - seen) - law_cost(books, side, seen)
    return float(lost + rest + law_cost(books, side, quantity))


@apart
def price_factor(books: Liquidity, instrument: int, sold: float) -> float:
    """Return price / mark when so much more has been sold (> 0) or bought (< 0) than the other."""
    if sold >= 0.0:
        return max(PRICE_MIN_RATIO, 1.0 - impact(books, 2 * instrument, sold))
    return 1.0 + impact(books, 2 * instrument + 1, -sold)


@apart
def mean_factor(books: Liquidity, instrument: int, before: float, after: float) -> float:
    """Return the mean of `price_factor` on the way from one quantity sold to another."""
    if before == after:
        return price_factor(books, instrument, after)
    way = value_sold(books, instrument, after) - value_sold(books, instrument, before)
    return float(max(PRICE_MIN_RATIO, way / (after - before)))


@apart
def value_sold(books: Liquidity, instrument: int, sold: float) -> float:
    """Return what a net quantity sold brings / mark; < 0: what a quantity bought costs."""
    if sold >= 0.0:
        return sold - concession(books, 2 * instrument, sold)
    return sold - concession(books, 2 * instrument + 1, -sold)
