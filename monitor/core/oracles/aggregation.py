"""One price of several: medians, outliers, the interval around it. Pure functions, exact.

Every quote is (price, one-sided confidence interval, weight) as rationals, price > 0. With fewer
liars than half the weight, a median lies within the range of the honest ones.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from monitor.core.oracle_settings import Method, OracleFormulaSettings

TWO = Fraction(2)


class SourceQuote(NamedTuple):
    """What one source says an index is worth."""

    price: Fraction
    interval: Fraction = Fraction(0)
    weight: Fraction = Fraction(1)


def median(values: Sequence[Fraction]) -> Fraction:
    """Return the middle value; of an even number, the mean of the middle two.

    100, 101, 250 give 101; 100, 101, 102, 250 give 101.5.
    """
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / TWO


def weighted_median(values: Sequence[tuple[Fraction, Fraction]]) -> Fraction:
    """Return the value of (value, weight) pairs with half the weight on either side.

    Where exactly half lies up to a value, the mean of it and the next: 100 and 102 of weight 1,
    110 of weight 2 give 106. Equal weights give the median.
    """
    ordered = sorted(values)
    half = sum((weight for _, weight in ordered), Fraction(0)) / TWO
    below = Fraction(0)
    for place, (value, weight) in enumerate(ordered):
        below += weight
        if below == half:
            return (value + ordered[place + 1][0]) / TWO
        if below > half:
            return value
    raise AssertionError("expected at least one value")


def mean(values: Sequence[tuple[Fraction, Fraction]]) -> Fraction:
    """Return the mean of (value, weight) pairs."""
    weights = sum((weight for _, weight in values), Fraction(0))
    return sum((value * weight for value, weight in values), Fraction(0)) / weights


def combine(method: Method, quotes: Sequence[SourceQuote]) -> Fraction:
    """Return one price of at least one quote; `first` takes the first in the order given."""
    if method == "first":
        return quotes[0].price
    if method == "median":
        return median([quote.price for quote in quotes])
    pairs = [(quote.price, quote.weight) for quote in quotes]
    return weighted_median(pairs) if method == "weighted_median" else mean(pairs)


def combined_interval(price: Fraction, quotes: Sequence[SourceQuote]) -> Fraction:
    """Return the interval of a combined price: the weighted median of distance + own interval.

    So sources of half the weight say that the truth may be so far from it, and a minority cannot
    make it wide or narrow. 100 +- 1, 101 +- 1, 250 +- 1 around 101 give 2.
    """
    return weighted_median(
        [(abs(quote.price - price) + quote.interval, quote.weight) for quote in quotes]
    )


def outlier_limit(
    prices: Sequence[Fraction], floor: Fraction, multiple: Fraction | None
) -> tuple[Fraction, Fraction]:
    """Return (median, distance to it beyond which a price is an outlier).

    The distance is floor x median, or with a multiple that many median distances if this is more:
    sources that disagree quietly are left alone, and in a quiet market so are small differences.
    """
    center = median(prices)
    limit = floor * center
    if multiple is not None:
        limit = max(limit, multiple * median([abs(price - center) for price in prices]))
    return center, limit


def formula_for(
    count: int, rows: Sequence[OracleFormulaSettings], method: Method, quorum: int
) -> OracleFormulaSettings | None:
    """Return how a price is made of so many fit sources, None if they are too few.

    Without rows one method holds from the quorum on; with rows the quorum holds too.
    """
    if count < max(1, quorum):
        return None
    if not rows:
        return OracleFormulaSettings(sources_min=1, method=method)
    return next((row for row in rows if count >= row.sources_min), None)
