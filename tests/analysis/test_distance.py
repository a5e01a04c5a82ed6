"""Distances, against a look at every move."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.cascade import Cascades
from monitor.analysis.distance import ALL, GRID, HALVINGS, distance_of, shock_of, smallest_move
from monitor.analysis.funds import Funds
from monitor.analysis.liquidity import without_books
from tests.analysis.cascade_books import engine_of, image_of, random_accounts
from tests.reference.naive_cascade import NaiveAccount

LIQUID = without_books(np.array([500.0] * 3), np.array([0.05] * 3), 0.5)


@given(st.floats(0.0001, 0.95))
def test_the_smallest_move_is_found(threshold: float) -> None:
    found = smallest_move(lambda move: move >= threshold)
    if threshold > GRID[-1]:
        assert found is None
    else:
        assert found is not None
        width = max(high - low for low, high in zip((0.0, *GRID), GRID, strict=False))
        assert threshold <= found <= threshold + width / 2**HALVINGS
        assert smallest_move(lambda move: move >= threshold, move_max=found) == pytest.approx(
            found, abs=width / 2**HALVINGS
        )


def test_the_worked_example_of_the_documentation() -> None:
    """docs/model/cascade.md: a long 10 at 100 with 60, and a fund of 40: 10 % below the mark."""
    image = image_of(
        engine_of([NaiveAccount(60.0, {0: (10.0, 100.0)})], [100.0]),
        Funds(np.array([0], np.int64), np.array([40.0]), ("main",)),
    )
    deep = without_books(np.array([1e12]), np.array([0.05]), 0.5)
    found = distance_of(Cascades(image), deep, 0, 0)
    assert found.first_round == pytest.approx(0.1, abs=0.001)
    assert found.cascade == pytest.approx(0.1, abs=0.001)
    assert found.bankruptcy == pytest.approx(0.06, abs=0.001)
    assert distance_of(Cascades(image), deep, 0, 1).cascade is None


@given(st.integers(0, 1_000), st.sampled_from([0, 1, 2, ALL]), st.integers(0, 1))
def test_what_is_found_exhausts_the_fund_and_a_little_less_does_not(
    seed: int, instrument: int, side: int
) -> None:
    image = image_of(
        engine_of(random_accounts(seed, 20, [100.0, 20.0, 3.0]), [100.0, 20.0, 3.0]),
        Funds(np.array([0, 0, 0], np.int64), np.array([50.0]), ("main",)),
    )
    found = distance_of(Cascades(image), LIQUID, instrument, side)
    for distance, has_feedback in ((found.first_round, False), (found.cascade, True)):
        if distance is None:
            continue
        shock = shock_of(image, instrument, side, distance)
        cascade = Cascades(image).run(shock, LIQUID, has_feedback=has_feedback)
        assert image.funds.uncovered(cascade.shortfall).sum() > 0
    if found.cascade is not None:
        assert found.bankruptcy is not None
        assert found.bankruptcy <= found.cascade
