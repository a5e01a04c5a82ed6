"""The newest visible book, and what a sweep of it takes."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core import events
from monitor.core.liquidation_watch.visible_book import Levels, VisibleBooks, sweep

LEVELS = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9)), max_size=8)


def book(event_ns: int, bids: list[tuple[str, str]]) -> events.DepthChanged:
    return events.DepthChanged(event_ns=event_ns, instrument="X", bids=bids, asks=[])


def bids(books: VisibleBooks, now_ns: int) -> Levels | None:
    return books.side("X", sells=True, now_ns=now_ns, age_max_ns=10)


def test_the_newest_book_counts_while_it_is_young_enough() -> None:
    books = VisibleBooks()
    assert bids(books, 0) is None
    books.take(book(20, [("8", "0"), ("9", "3"), ("10", "1")]))
    books.take(book(19, [("7", "1")]))
    assert bids(books, 30) == ((Fraction(10), Fraction(1)), (Fraction(9), Fraction(3)))
    assert bids(books, 31) is None
    again = VisibleBooks()
    again.restore(books.export_state())
    assert bids(again, 30) == bids(books, 30)
    books.forget("X")
    assert bids(books, 30) is None


@given(LEVELS, st.integers(1, 40))
def test_a_sweep_takes_the_best_contracts_one_by_one(
    drawn: list[tuple[int, int]], contracts: int
) -> None:
    levels = tuple((Fraction(price), Fraction(size)) for price, size in sorted(drawn))
    single = [price for price, size in levels for _ in range(int(size))]
    taken = sweep(levels, Fraction(contracts))
    if len(single) < contracts:
        assert taken is None
    else:
        assert taken is not None
        assert sum(price * size for price, size in taken) == sum(single[:contracts])
        assert sum(size for _, size in taken) == contracts
