"""What an order moves a price by, against the levels walked one by one and the integral."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.liquidity import (
    Liquidity,
    concession,
    impact,
    mean_factor,
    price_factor,
    without_books,
)
from tests.analysis.cascade_books import random_books


@given(st.integers(0, 10_000), st.sampled_from([0.5, 1.0]), st.floats(0.01, 500))
def test_the_impact_is_that_of_the_levels_and_of_the_law(
    seed: int, exponent: float, quantity: float
) -> None:
    naive, books = random_books(seed, 1, exponent)
    for side in range(2):
        assert impact(books, side, quantity) == pytest.approx(naive.ratio(0, side, quantity))
        mean = naive.mean_ratio(0, side, quantity, steps=4_000)
        assert concession(books, side, quantity) / quantity == pytest.approx(mean, rel=0.02)


def worked_example() -> Liquidity:
    """Return bids of 10 at 1 % and 20 at 2 % under the mark; the law gives 5 % for 400."""
    return Liquidity(
        np.array([0, 2, 2], np.int64),
        np.array([10.0, 30.0]),
        np.array([0.01, 0.02]),
        np.array([400.0]),
        np.array([0.05]),
        0.5,
    )


def test_the_worked_example_of_the_documentation() -> None:
    """docs/model/cascade.md."""
    books = worked_example()
    assert impact(books, 0, 15.0) == 0.02
    assert concession(books, 0, 15.0) == pytest.approx(10 * 0.01 + 5 * 0.02)
    assert impact(books, 0, 100.0) == pytest.approx(0.02 + 0.025 - 0.05 * (30 / 400) ** 0.5)
    assert mean_factor(books, 0, 0.0, 15.0) == pytest.approx(1 - 0.2 / 15)
    assert price_factor(books, 0, -4.0) == pytest.approx(1 + 0.05 * (4 / 400) ** 0.5)


def test_a_price_stays_above_nothing() -> None:
    books = without_books(np.array([1.0]), np.array([1.0]), 1.0)
    assert price_factor(books, 0, 50.0) == 0.01
    assert mean_factor(books, 0, 0.0, 50.0) == 0.01
