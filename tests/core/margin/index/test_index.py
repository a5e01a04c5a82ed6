"""The index against exact rationals and against brute force, on random worlds."""

import numpy as np
import pytest

from monitor.core.margin.index.columns import (
    AMOUNT,
    BANKRUPT,
    POSITION,
    UNDECIDED,
    UNKNOWN,
    Capacity,
)
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms
from tests.core.margin.index.worlds import World

FLAT = ((float("inf"), 0.05, 0.0, 0.05),)


@pytest.mark.parametrize("seed", range(60))
def test_every_state_equals_the_exact_one_after_every_step(seed: int) -> None:
    world = World(seed)
    assert world.differences() == []
    for _ in range(60):
        world.step()
        assert world.differences() == []


def test_verdicts_are_seldom_left_to_the_caller() -> None:
    world = World(3, accounts=40)
    for _ in range(40):
        world.step()
    assert world.decided < 200


def test_a_long_is_liquidated_by_a_fall_and_a_short_by_a_rise() -> None:
    index = ThresholdIndex(1.25)
    mark = index.add_price(100.0)
    future = index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT))
    for unit, quantity in enumerate((1.0, -1.0)):
        items = [Item(1, 0, 10.0), Item(POSITION, future, quantity, 100.0)]
        assert len(index.set_unit(unit, items)) == 0
    assert index.move([mark], [94.0]).tolist() == [(0, 0, 0, 2)]
    assert index.move([mark], [106.0]).tolist() == [(0, 0, 2, 0), (0, 1, 0, 2)]
    assert index.move([mark], [111.0]).tolist() == [(0, 1, 2, BANKRUPT)]


def test_a_missing_price_makes_its_holders_unknown_until_it_is_there() -> None:
    index = ThresholdIndex(1.25)
    mark = index.add_price()
    future = index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT))
    index.set_unit(7, [Item(1, 0, 10.0), Item(POSITION, future, 1.0, 100.0)])
    assert index.states([7])[0] == UNKNOWN
    assert index.move([mark], [100.0]).tolist() == [(0, 7, UNKNOWN, 0)]
    assert index.move([mark], [np.nan]).tolist() == [(0, 7, 0, UNKNOWN)]


@pytest.mark.parametrize("price", [0.0, -1.0, 1e40, float("inf")])
def test_a_price_that_no_key_can_hold_is_refused(price: float) -> None:
    index = ThresholdIndex(1.25)
    mark = index.add_price(1.0)
    with pytest.raises(ValueError, match="expected prices"):
        index.move([mark], [price])


def _crowd_on_shared_prices(units: int) -> tuple[ThresholdIndex, list[int]]:
    """Return an index of long and short units on three marks of 100."""
    draw = np.random.default_rng(3)
    index = ThresholdIndex(1.25, Capacity(units, 8 * units))
    marks = [index.add_price(100.0) for _ in range(3)]
    futures = [index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT)) for mark in marks]
    for unit in range(units):
        items = [Item(AMOUNT, 0, float(draw.uniform(8, 60)))]
        items += [
            Item(POSITION, future, float(draw.choice([-1.0, 0.5, 1.0])), 100.0)
            for future in futures[: draw.integers(1, 4)]
        ]
        index.set_unit(unit, items)
    return index, marks


def test_single_moves_change_what_a_rescan_after_each_would_change() -> None:
    index, marks = _crowd_on_shared_prices(400)
    units = np.arange(400)
    draw = np.random.default_rng(4)
    slots = draw.choice(marks, 1_500).astype(np.int32)
    steps = np.exp(draw.normal(0, 0.004, 1_500))
    prices = np.empty(1_500)
    wanted: list[tuple[int, int, int]] = []
    twin, _ = _crowd_on_shared_prices(400)
    now = dict.fromkeys(marks, 100.0)
    before = twin.verdicts(units)
    for number, slot in enumerate(slots.tolist()):
        now[slot] = prices[number] = now[slot] * steps[number]
        twin.columns.slots["price"][slot] = prices[number]  # no guard is asked
        after = twin.verdicts(units)
        changed = np.flatnonzero(after != before)
        wanted += [(number, int(unit), int(after[unit])) for unit in changed]
        before = after
    found: list[tuple[int, int, int]] = []
    done = 0
    while done < len(slots):
        done, changes = index.move_each(slots, prices, done)
        found += [(int(c["step"]), int(c["unit"]), int(c["after"])) for c in changes]
    assert sorted(found) == wanted
    assert len(wanted) > 300


def test_a_unit_may_have_ten_thousand_positions() -> None:
    index = ThresholdIndex(1.25)
    marks = [index.add_price(100.0) for _ in range(10)]
    futures = [index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT)) for mark in marks]
    items = [Item(AMOUNT, 0, 70_000.0)]
    items += [Item(POSITION, futures[number % 10], 1.0, 100.0) for number in range(10_000)]
    index.set_unit(3, items)
    assert index.states([3])[0] == 0
    changes = [index.move([mark], [99.0 if mark % 2 else 98.0]) for mark in marks]
    assert [change.tolist() for change in changes if len(change)] == [[(0, 3, 0, 1)]]
    assert index.states([3])[0] == index.verdicts([3])[0]
    index.remove_units([3])
    assert index.sums().counts.sum() == 0


def test_extreme_prices_keep_the_book_right() -> None:
    index, marks = _crowd_on_shared_prices(50)
    units = np.arange(50)
    for price in (1e-12, 1e12, 100.0, 1e4, 1e-12, 1e-3, 100.0):
        index.move([marks[0]], [price])
        held, fresh = index.states(units), index.verdicts(units)
        assert ((held == fresh) | (fresh == UNDECIDED)).all()


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (Item(POSITION, 0, 1.0, 0.0), "positive entry"),
        (Item(POSITION, 0, float("inf"), 1.0), "finite"),
        (Item(AMOUNT, 0, float("nan")), "finite"),
        (Item(POSITION, 3, 1.0, 1.0), "known kinds"),
        (Item(AMOUNT, 4, 1.0), "known kinds"),
        (Item(9, 0, 1.0), "known kinds"),
    ],
)
def test_items_that_no_arithmetic_could_mend_are_refused(item: Item, problem: str) -> None:
    index, _ = _crowd_on_shared_prices(3)
    with pytest.raises(ValueError, match=problem):
        index.set_unit(0, [item])
    assert index.sums().counts.sum() == 3


def test_a_relisted_instrument_margins_anew_after_a_rescan() -> None:
    index, marks = _crowd_on_shared_prices(100)
    steep = ((float("inf"), 0.3, 0.0, 0.3),)
    index.relist_instrument(0, InstrumentTerms(mark=marks[0], tiers=steep))
    assert len(index.rescan()) > 0
    units = np.arange(100)
    assert (index.states(units) == index.verdicts(units)).all()
    with pytest.raises(ValueError, match="mark, value and kind"):
        index.relist_instrument(0, InstrumentTerms(mark=marks[1], tiers=steep))


def test_sorting_out_keeps_every_live_guard() -> None:
    index, marks = _crowd_on_shared_prices(300)
    draw = np.random.default_rng(8)
    units = np.arange(300)
    for number in range(300):
        index.move([marks[number % 3]], [100.0 * float(np.exp(draw.normal(0, 0.05)))])
        if number % 10 == 0:
            index.sort_out()
        assert (index.states(units) == index.verdicts(units)).all()


def test_a_slot_or_a_unit_that_is_not_there_is_refused() -> None:
    index, _ = _crowd_on_shared_prices(3)
    for slot in (0, 4, -1):
        with pytest.raises(ValueError, match="price slots"):
            index.move([slot], [1.0])
    for unit in (3, -1, 100_000_000):
        with pytest.raises(ValueError, match="units that were set"):
            index.states([unit])
    missing = index.add_price()
    with pytest.raises(ValueError, match="known prices"):
        index.move_each(np.array([missing]), np.array([1.0]))
