"""One price of several: equal to the twin, within the honest range, blind to order."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.oracle_settings import OracleFormulaSettings
from monitor.core.oracles.aggregation import (
    SourceQuote,
    combine,
    combined_interval,
    formula_for,
    mean,
    median,
    outlier_limit,
    weighted_median,
)
from tests.reference import naive_oracles

PRICES = st.fractions(min_value=Fraction(1, 1000), max_value=10**9, max_denominator=10**6)
WEIGHTS = st.integers(1, 5).map(Fraction)


@given(st.lists(PRICES, min_size=1, max_size=12))
def test_a_median_is_the_twins(prices: list[Fraction]) -> None:
    assert median(prices) == naive_oracles.median(prices)


@given(st.lists(st.tuples(PRICES, WEIGHTS), min_size=1, max_size=12))
def test_a_weighted_median_is_the_twins(pairs: list[tuple[Fraction, Fraction]]) -> None:
    assert weighted_median(pairs) == naive_oracles.weighted_median(pairs)


@given(st.lists(st.tuples(PRICES, WEIGHTS), min_size=1, max_size=8))
def test_a_weight_of_three_counts_like_three_sources(
    pairs: list[tuple[Fraction, Fraction]],
) -> None:
    repeated = [value for value, weight in pairs for _ in range(int(weight))]
    assert weighted_median(pairs) == median(repeated)


@given(st.lists(PRICES, min_size=3, max_size=9), st.data())
def test_a_minority_of_liars_cannot_leave_the_honest_range(
    honest: list[Fraction], data: st.DataObject
) -> None:
    lies = data.draw(st.lists(PRICES, max_size=len(honest) - 1))
    prices = data.draw(st.permutations([*honest, *lies]))
    assert min(honest) <= median(prices) <= max(honest)
    quotes = [SourceQuote(price) for price in prices]
    assert min(honest) <= combine("weighted_median", quotes) <= max(honest)


@given(st.lists(st.tuples(PRICES, PRICES, WEIGHTS), min_size=1, max_size=8), PRICES)
def test_prices_in_another_unit_give_the_same_price_in_that_unit(
    quotes: list[tuple[Fraction, Fraction, Fraction]], unit: Fraction
) -> None:
    own = [SourceQuote(*quote) for quote in quotes]
    other = [SourceQuote(price * unit, interval * unit, w) for price, interval, w in quotes]
    for method in ("median", "weighted_median", "mean", "first"):
        price = combine(method, own)
        assert combine(method, other) == price * unit
        assert combined_interval(price * unit, other) == combined_interval(price, own) * unit


def test_worked_numbers() -> None:
    assert median([Fraction(250), Fraction(100), Fraction(101)]) == 101
    assert median([Fraction(n) for n in (100, 101, 102, 250)]) == Fraction("101.5")
    pairs = [(Fraction(100), Fraction(1)), (Fraction(102), Fraction(1))]
    assert weighted_median([*pairs, (Fraction(110), Fraction(2))]) == 106
    assert mean([*pairs, (Fraction(110), Fraction(2))]) == Fraction("105.5")
    quotes = [SourceQuote(Fraction(price), Fraction(1)) for price in (100, 101, 250)]
    assert combined_interval(Fraction(101), quotes) == 2


@pytest.mark.parametrize(("multiple", "limit"), [(None, 5), (Fraction(3), 6), (Fraction(1), 5)])
def test_an_outlier_is_told_by_the_spread_but_never_nearer_than_the_floor(
    multiple: Fraction | None, limit: int
) -> None:
    prices = [Fraction(n) for n in (98, 100, 102)]
    assert outlier_limit(prices, Fraction("0.05"), multiple) == (Fraction(100), Fraction(limit))


def test_missing_sources_change_the_formula_by_its_rows() -> None:
    rows = (
        OracleFormulaSettings(sources_min=3, method="median"),
        OracleFormulaSettings(sources_min=2, method="mean", add_mean=True),
    )
    assert formula_for(5, rows, "first", 1) == rows[0]
    assert formula_for(2, rows, "first", 1) == rows[1]
    assert formula_for(1, rows, "first", 1) is None
    assert formula_for(2, rows, "first", 3) is None
    found = formula_for(1, (), "first", 1)
    assert found is not None
    assert found.method == "first"
    assert formula_for(0, (), "first", 1) is None
