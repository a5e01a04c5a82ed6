"""A book kept from differences equals one that is sorted from scratch."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.feeds.book import LEVELS_MAX, Book, Side

LEVELS = st.lists(
    st.tuples(
        st.integers(1, 60).map(lambda n: f"{n / 2:.2f}"), st.sampled_from(["0.000", "1", "2.50"])
    ),
    max_size=80,
)


@given(LEVELS, st.sampled_from([1, -1]))
def test_a_side_is_what_the_last_size_at_each_price_says(
    levels: list[tuple[str, str]], sign: int
) -> None:
    side = Side(sign)
    side.apply(levels)
    last = {Decimal(price): Decimal(size) for price, size in levels}
    expected = sorted(
        ((price, size) for price, size in last.items() if size), key=lambda level: sign * level[0]
    )
    best = [(Decimal(price), Decimal(size)) for price, size in side.best()]
    assert best == expected[:50]
    assert side.best_price() == (expected[0][0] if expected else None)


def test_equal_prices_in_another_form_are_one_level() -> None:
    side = Side(1)
    side.apply([("10.50", "1"), ("10.5", "2"), ("010.500", "3.0")])
    assert side.best() == [("10.5", "3")]


def test_beyond_the_bound_the_worst_levels_are_forgotten() -> None:
    side = Side(-1)
    side.apply([(str(price), "1") for price in range(1, LEVELS_MAX + 101)])
    everything = side.best(2 * LEVELS_MAX)
    assert len(everything) == LEVELS_MAX
    assert (everything[0][0], everything[-1][0]) == (str(LEVELS_MAX + 100), "101")


def test_a_book_whose_best_prices_meet_is_crossed() -> None:
    book = Book()
    book.apply([("10", "1")], [("11", "1")])
    assert not book.is_crossed()
    book.apply([("11", "1")], [])
    assert book.is_crossed()


def test_a_level_without_a_price_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Book().apply([("0", "1")], [])
