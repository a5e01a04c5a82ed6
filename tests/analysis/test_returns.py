"""Returns on grids of event time: rings equal the batch and the slow twin, and stay bounded."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.returns import (
    DAY_NS,
    GRIDS,
    Grid,
    ReturnBook,
    ReturnRing,
    gaps,
    grid_returns,
)
from tests.reference.naive_tails import returns_of

GRID = Grid(name="test", step_ns=10, length_max=8, gap_cells_max=2)
OBSERVED = st.lists(
    st.tuples(st.integers(0, 400), st.floats(0.5, 2.0, allow_nan=False)), max_size=60
)


@given(OBSERVED)
def test_a_ring_equals_the_slow_twin(observed: list[tuple[int, float]]) -> None:
    ring = ReturnRing(GRID)
    for event_ns, price in observed:
        ring.observe(event_ns, price)
    ring.observe(max((time for time, _ in observed), default=0) + 10, 1.0)  # closes the last cell
    expected = returns_of(observed, 10, 2)
    assert ring.returns().tolist() == expected[-8:]
    assert ring.counts.kept == len(expected)


@given(OBSERVED)
def test_a_whole_history_equals_the_slow_twin(observed: list[tuple[int, float]]) -> None:
    ordered = sorted(observed, key=lambda item: item[0])
    times = np.array([time for time, _ in ordered], np.int64)
    prices = np.array([price for _, price in ordered])
    ends, values = grid_returns(times, prices, GRID)
    assert values.tolist() == returns_of(ordered, 10, 2)
    assert np.all(ends % 10 == 0)


def test_the_price_of_a_cell_is_its_last_one_and_the_open_cell_says_nothing_yet() -> None:
    ring = ReturnRing(GRID)
    for event_ns, price in ((0, 100.0), (9, 110.0), (10, 99.0), (19, 121.0)):
        ring.observe(event_ns, price)
    assert ring.returns().tolist() == []
    ring.observe(20, 1.0)
    assert ring.returns() == pytest.approx([0.1])


def test_a_short_gap_is_one_return_and_a_long_one_none_and_both_are_counted() -> None:
    ring = ReturnRing(GRID)
    for event_ns, price in ((0, 100.0), (30, 80.0), (80, 40.0), (90, 40.0), (100, 40.0)):
        ring.observe(event_ns, price)
    assert ring.returns() == pytest.approx([-0.2, 0.0])
    assert (ring.counts.kept, ring.counts.spanning, ring.counts.dropped) == (2, 1, 1)


def test_a_price_from_the_past_is_counted_and_changes_nothing() -> None:
    ring = ReturnRing(GRID)
    for event_ns, price in ((15, 100.0), (14, 1.0), (25, 110.0), (35, 1.0)):
        ring.observe(event_ns, price)
    assert ring.returns() == pytest.approx([0.1])
    assert ring.counts.late == 1


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    with pytest.raises(ValueError, match="expected a positive, finite price, received"):
        ReturnRing(GRID).observe(0, price)


def test_a_book_keeps_every_grid_and_counts_instruments_beyond_its_maximum() -> None:
    book = ReturnBook(instruments_max=1)
    for day in range(4):
        book.observe("BTC-PERP", day * DAY_NS, 100.0 * 1.1**day)
        book.observe("ETH-PERP", day * DAY_NS, 100.0)
    assert book.returns("BTC-PERP", "1d") == pytest.approx([0.1, 0.1])
    assert len(book.returns("BTC-PERP", "1m")) == 0  # a day is far too long a gap of minutes
    assert len(book.returns("ETH-PERP", "1d")) == 0
    assert book.refused == 4
    book.forget("BTC-PERP")
    assert len(book.returns("BTC-PERP", "1d")) == 0


def test_horizons_are_a_minute_an_hour_and_a_day() -> None:
    assert [grid.horizon_s for grid in GRIDS] == [60.0, 3600.0, 86400.0]


def test_gaps_of_a_history_are_told_by_what_becomes_of_them() -> None:
    times = np.array([0, 5, 10, 30, 80, 90])  # cells 0, 1, 3, 8, 9: one missing, then four
    assert gaps(times, GRID) == (1, 1)
    assert len(grid_returns(times, np.ones(6), GRID)[1]) == 3
