"""Whose turn it is, and what is kept of older images."""

import numpy as np
import pytest

from monitor.analysis.cascade import Cascades
from monitor.analysis.distance import distance_of
from monitor.analysis.funds import Funds
from monitor.analysis.liquidity import without_books
from monitor.analysis.tour import Tour
from monitor.core.distance_view import ALL_INSTRUMENTS, Distances
from tests.analysis.cascade_books import (
    NAMES,
    engine_of,
    image_of,
    markets_with,
    random_accounts,
)

PRICES = [100.0, 20.0, 3.0]
FUNDS = Funds(np.array([0, 0, 0], np.int64), np.array([50.0]), ("main",))
BOOKS = without_books(np.array([500.0] * 3), np.array([0.05] * 3), 0.5)
IMAGE = image_of(engine_of(random_accounts(3, 30, PRICES), PRICES), FUNDS)


def look(tour: Tour, moment_ns: int, sides_per_image: int) -> Distances:
    """Return what a tour knows after one more image of the same book."""
    markets = markets_with(BOOKS, FUNDS, sides_per_image=sides_per_image)
    return tour.look(moment_ns, NAMES, Cascades(IMAGE), markets)


def test_all_sides_are_told_nearest_first_as_they_are_looked_for_alone() -> None:
    told = look(Tour(), 7, 100)
    assert told.as_of_ns == told.oldest_ns == 7
    names = {(one.instrument, one.side) for one in told.sides}
    assert names == {
        (name, side) for name in (*NAMES, ALL_INSTRUMENTS) for side in ("long", "short")
    }
    nearest = [one.cascade_ratio for one in told.sides if one.cascade_ratio is not None]
    assert nearest == sorted(nearest)
    assert nearest
    for one in told.sides:
        if one.instrument == ALL_INSTRUMENTS:
            continue
        alone = distance_of(
            Cascades(IMAGE), BOOKS, NAMES.index(one.instrument), int(one.side == "short")
        )
        assert (one.first_round_ratio, one.cascade_ratio) == (alone.first_round, alone.cascade)
        assert (one.reproduction_ratio, one.loss_usd) == (alone.reproduction, alone.loss_usd)


def test_everybody_has_a_turn_and_what_was_found_stays() -> None:
    tour = Tour()
    counts = [len(look(tour, moment, 1).sides) for moment in range(1, 8)]
    assert counts == [3, 4, 5, 6, 7, 8, 8]
    told = look(tour, 9, 1)
    assert all(one.as_of_ns == 9 for one in told.sides)  # the nearest ten are looked at again


def test_what_costs_too_much_waits_for_the_next_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.analysis.tour.UNITS_MAX", 0)
    tour = Tour()
    assert [one.instrument for one in look(tour, 1, 100).sides] == [ALL_INSTRUMENTS]
    monkeypatch.undo()
    assert len(look(tour, 2, 100).sides) == 2 * len(NAMES) + 2


def test_sides_that_nobody_holds_are_forgotten() -> None:
    tour = Tour()
    look(tour, 1, 100)
    empty = image_of(engine_of([], PRICES), FUNDS)
    markets = markets_with(BOOKS, FUNDS, sides_per_image=5)
    assert tour.look(2, [], Cascades(empty), markets).sides == ()
