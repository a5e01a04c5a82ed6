"""A ladder that follows images equals one that is built from the newest, whatever happened."""

import math
from typing import Any

import numpy as np
import pytest

from monitor.core.margin.index.columns import AMOUNT, COLLATERAL, POSITION, Capacity, Columns
from monitor.core.margin.index.image import BookImages, ImageReader
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.ladder import Ladder
from monitor.core.margin.index.ladder_columns import LOWER, UPPER
from monitor.core.margin.index.terms import InstrumentTerms
from tests.core.margin.index.followed_worlds import FollowedWorld

FLAT = ((math.inf, 0.05, 0.0, 0.05),)
STEEP = ((math.inf, 0.07, 0.0, 0.07),)
pytestmark = pytest.mark.timeout(900)  # the first test waits for the compiler


@pytest.mark.parametrize("seed", range(24))
def test_after_a_refresh_it_is_the_ladder_of_the_newest_image(seed: int) -> None:
    world = FollowedWorld(seed, accounts=8, instruments=3, jumping=seed % 3 == 1)
    for _ in range(8):
        for _ in range(world.chance.randint(0, 6)):
            world.happen()
        world.index.look()
        world.index.ladder.refresh()
        assert world.different() == []
        assert world.wrong() == []  # exact rationals


@pytest.mark.parametrize("seed", range(24))
def test_between_refreshes_no_entry_is_more_than_a_bucket_off(seed: int) -> None:
    world = FollowedWorld(seed, accounts=10, instruments=4, jumping=seed % 3 == 1)
    for _ in range(30):
        for _ in range(world.chance.randint(0, 3)):
            world.happen()
        world.index.look()
        assert world.drifted() == []
        assert not world.miscounted()


class Followed:
    """An index with marks of 100, and a ladder that sees images of it."""

    def __init__(self, capacity: Capacity, instruments: int = 2) -> None:
        self.index, self.ladder = ThresholdIndex(1.25, capacity), Ladder(capacity)
        self.marks = [self.index.add_price(100.0) for _ in range(instruments)]
        self.futures = [
            self.index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT)) for mark in self.marks
        ]

    def image(self) -> Columns:
        image = BookImages(self.index).take()
        columns = ImageReader().columns(image.source)
        image.release()
        return columns

    def look(self) -> int:
        return self.ladder.follow(self.image())

    def shown(self, instrument: int, side: int) -> list[float]:
        rungs = self.ladder.rungs(instrument, side)
        assert rungs is not None
        return [float(size) for size in rungs.sizes[rungs.units > 0]]


def _long(future: int, size: float = 1.0) -> list[Item]:
    return [Item(AMOUNT, 0, 10.0 * size), Item(POSITION, future, size, 100.0)]


SMALL = Capacity(64, 512, 8, 8, 9_000)


def test_only_units_that_changed_are_taken_and_only_those_that_prices_reach_placed() -> None:
    book = Followed(SMALL)
    for unit in range(10):
        book.index.set_unit(unit, _long(book.futures[0]))
    assert book.look() == 10
    placed = book.ladder.replaced
    assert book.look() == 0
    book.index.set_unit(3, _long(book.futures[0], 2.0))
    book.index.set_unit(4, _long(book.futures[0]))  # what it was
    book.index.remove_units([5])
    book.index.move([book.marks[1]], [90.0])
    assert book.look() == 2
    assert book.ladder.replaced == placed + 1
    assert book.shown(book.futures[0], LOWER) == [10.0]
    assert book.ladder.left_out().placed == 9


@pytest.mark.parametrize(
    "items",
    [
        [Item(AMOUNT, 0, 11.0), Item(POSITION, 0, 1.0, 100.0)],
        [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, 1.5, 100.0)],
        [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, 1.0, 101.0)],
        [Item(AMOUNT, 0, 10.0), Item(POSITION, 1, 1.0, 100.0)],
        [Item(AMOUNT, 3, 10.0), Item(POSITION, 0, 1.0, 100.0)],
        [Item(COLLATERAL, 0, 10.0), Item(POSITION, 0, 1.0, 100.0)],
        [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, 1.0, 100.0), Item(POSITION, 1, -0.5, 100.0)],
        [Item(AMOUNT, 0, 10.0)],
    ],
)
def test_whatever_changes_of_a_unit_is_noticed(items: list[Item]) -> None:
    book = Followed(SMALL)
    coin = book.index.add_price(1.0)
    assert coin == 3
    book.index.add_collateral(coin, [(math.inf, 0.9)])
    book.index.set_unit(0, _long(book.futures[0]))
    assert book.look() == 1
    book.index.set_unit(0, items)
    assert book.look() == 1
    anew = Ladder(SMALL)
    anew.follow(book.image())
    for future in book.futures:
        for side in (LOWER, UPPER):
            ours, theirs = book.ladder.rungs(future, side), anew.rungs(future, side)
            for one, other in zip(ours, theirs, strict=True):  # type: ignore[arg-type]
                np.testing.assert_array_equal(one, other)


def test_a_number_that_another_account_has_now_is_that_account() -> None:
    book = Followed(SMALL)
    book.index.set_unit(0, _long(book.futures[0]))
    book.look()
    book.index.remove_units([0])
    book.index.set_unit(0, _long(book.futures[1], 3.0))
    assert book.look() == 1
    assert (book.shown(0, LOWER), book.shown(1, LOWER)) == ([], [3.0])


def test_an_instrument_listed_anew_has_another_number_and_the_same_mark() -> None:
    book = Followed(SMALL)
    book.index.set_unit(0, _long(book.futures[0]))
    book.look()
    again = book.index.add_instrument(InstrumentTerms(mark=book.marks[0], tiers=STEEP))
    book.index.set_unit(0, _long(again))
    book.index.set_unit(1, _long(again))
    book.look()
    assert (book.shown(book.futures[0], LOWER), book.shown(again, LOWER)) == ([], [2.0])
    rungs = book.ladder.rungs(again, LOWER)
    assert rungs is not None
    (bucket,) = np.flatnonzero(rungs.units)
    assert rungs.prices[bucket + 1] <= 90 / 0.93 <= rungs.prices[bucket]


def test_terms_that_change_under_their_number_place_every_unit_anew() -> None:
    book = Followed(SMALL)
    book.index.set_unit(0, _long(book.futures[0]))
    book.look()
    book.index.relist_instrument(book.futures[0], InstrumentTerms(mark=book.marks[0], tiers=STEEP))
    book.index.rescan()
    assert book.look() == 0
    rungs = book.ladder.rungs(book.futures[0], LOWER)
    assert rungs is not None
    (bucket,) = np.flatnonzero(rungs.units)
    assert rungs.prices[bucket + 1] <= 90 / 0.93 <= rungs.prices[bucket]


def test_it_grows_with_the_index() -> None:
    book = Followed(Capacity(1, 16, 2, 1, 64), instruments=9)
    book.look()
    for unit in range(300):
        book.index.set_unit(unit, _long(book.futures[unit % 9]))
    more = [book.index.add_price(50.0) for _ in range(9)]
    late = book.index.add_instrument(InstrumentTerms(mark=more[-1], tiers=FLAT))
    book.index.set_unit(7_000, [Item(AMOUNT, 0, 5.0), Item(POSITION, late, 1.0, 50.0)])
    many = [Item(POSITION, number, 1.0, 100.0) for number in book.futures for _ in range(1_500)]
    book.index.set_unit(301, [Item(AMOUNT, 0, 200_000.0), *many])
    assert book.look() == 302
    assert book.ladder.left_out() == (302, 0, 0, 0)
    assert book.shown(late, LOWER) == [1.0]


def test_units_left_out_are_counted_by_instrument() -> None:
    book = Followed(SMALL)
    one, other = book.futures
    exact = book.index.add_instrument(
        InstrumentTerms(mark=book.index.add_price(100.0), tiers=FLAT, always_exact=True)
    )
    larger = InstrumentTerms(mark=book.index.add_price(100.0), tiers=FLAT, larger_leg=True)
    legs = book.index.add_instrument(larger)
    book.index.set_unit(0, [Item(AMOUNT, 0, 4.0), Item(POSITION, one, 1.0, 100.0)])
    both = [Item(POSITION, one, 2.0, 100.0), Item(POSITION, other, -3.0, 100.0)]
    book.index.set_unit(1, [Item(AMOUNT, 0, 400.0), *both])
    book.index.set_unit(2, [Item(AMOUNT, 0, 400.0), Item(POSITION, exact, 4.0, 100.0), *both])
    hedged = [Item(POSITION, legs, 5.0, 100.0), Item(POSITION, legs, -6.0, 100.0)]
    book.index.set_unit(3, [Item(AMOUNT, 0, 400.0), *hedged])
    book.index.move([book.marks[1]], [math.nan])
    for unit in np.flatnonzero(book.index.states(range(4)) == 5):
        book.index.decide(int(unit), 0)
    book.look()
    assert book.ladder.left_out() == (0, 1, 2, 1)
    sums = book.ladder.sums()
    assert sums.off_units[:, 2:].tolist()[:4] == [[1, 2, 0], [0, 2, 0], [0, 1, 0], [0, 0, 1]]
    assert sums.off_sizes[one, 2:].tolist() == [1.0, 4.0, 0.0]
    assert sums.off_sizes[legs, 4] == 11.0


def test_marks_that_value_something_are_refused() -> None:
    book = Followed(SMALL)
    book.index.add_instrument(InstrumentTerms(mark=book.marks[0], value=book.marks[1], tiers=FLAT))
    with pytest.raises(ValueError, match="value nothing else"):
        book.look()


def test_sums_of_all_instruments_are_their_rungs() -> None:
    world = FollowedWorld(5, accounts=14)
    for _ in range(30):
        world.happen()
    world.index.look()
    ladder: Ladder = world.index.ladder
    sums, seen = ladder.sums(), 0
    for number in world.instruments.values():
        for side in (LOWER, UPPER):
            one: Any = sums.rungs(number, side)
            other: Any = ladder.rungs(number, side)
            assert (one is None) == (other is None)
            if one is not None:
                seen += int(one.units.sum())
                for mine, wanted in zip(one, other, strict=True):
                    np.testing.assert_array_equal(mine, wanted)
    assert seen > 0
