"""Input at the edge of what the index takes: each has a rule (docs/model/thresholds.md)."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from bench.brute_force import Watched
from monitor.core.margin.index.columns import (
    AMOUNT,
    BANKRUPT,
    HEALTHY,
    ITEM,
    ITEMS_MAX,
    LIQUIDATABLE,
    POSITION,
    UNDECIDED,
    Capacity,
)
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms

FLAT = ((float("inf"), 0.0625, 0.0, 0.0625),)


def one_future(**terms: Any) -> tuple[ThresholdIndex, int]:
    """Return an index with one instrument at a mark of 100."""
    index = ThresholdIndex(1.25)
    mark = index.add_price(100.0)
    index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT)._replace(**terms))
    return index, mark


@pytest.mark.parametrize("to", [1e-12, 1e12, 101.0], ids=["1e-12", "1e12", "a jump of 10,000 %"])
@pytest.mark.parametrize("by_rescan", [False, True], ids=["by guards", "by rescan"])
def test_an_extreme_price_is_taken_as_it_is(to: float, by_rescan: bool) -> None:
    watched = Watched(2_000, full=True)
    slots = watched.book.marks[:15].tolist()
    for slot in (*slots, *slots[::-1]):
        before = float(watched.index.columns.slots["price"][slot])
        reached = before * to if to == 101.0 else to
        for price in (reached, before):
            watched.take(watched.index.move([slot], [price], by_rescan=by_rescan))
        watched.check()
        watched.take(watched.index.move([slot], [reached], by_rescan=by_rescan))
        watched.check()
        watched.take(watched.index.move([slot], [before], by_rescan=by_rescan))
    assert watched.changes > 500


def test_an_account_may_have_ten_thousand_positions_with_two_legs_each() -> None:
    index = ThresholdIndex(1.25)
    draw = np.random.default_rng(2)
    marks = [index.add_price(100.0) for _ in range(10)]
    for number in range(5_000):
        terms = InstrumentTerms(mark=marks[number % 10], tiers=FLAT, larger_leg=True)
        index.add_instrument(terms)
    refs = draw.permutation(np.repeat(np.arange(5_000), 2))
    sizes = draw.integers(1, 50, 10_000).astype(float)
    _, first = np.unique(refs, return_index=True)
    sizes[np.setdiff1d(np.arange(10_000), first)] *= -1.0  # the second of each is a short
    long = np.bincount(refs, np.maximum(sizes, 0.0))
    short = np.bincount(refs, np.maximum(-sizes, 0.0))
    balance = 100.0 * 0.0625 * float(np.maximum(long, short).sum()) + 1_000.0
    positions = [
        Item(POSITION, int(ref), float(size), 100.0) for ref, size in zip(refs, sizes, strict=True)
    ]
    index.set_unit(0, [Item(AMOUNT, 0, balance), *positions])
    index.set_unit(1, [Item(AMOUNT, 0, balance - 2_000.0), *positions])
    assert index.states([0, 1]).tolist() == [1, LIQUIDATABLE]
    drawn = draw.permutation(10)
    for step in drawn.tolist():
        index.move([marks[step]], [100.0 + draw.normal(0, 5)])
        assert index.states([0, 1]).tolist() == index.verdicts([0, 1]).tolist()
    with pytest.raises(ValueError, match="at most"):
        index.set_unit(2, [Item(AMOUNT, 0, 1.0)] * (ITEMS_MAX // 2 + 1))
    assert index.sums().counts.sum() == 2


def test_two_million_units_where_one_million_were_reserved() -> None:
    index = ThresholdIndex(1.25, Capacity(units=1_000_000, rows=1 << 21))
    mark = index.add_price(100.0)
    index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT))
    units = 2_000_000
    items = np.zeros(2 * units, ITEM)
    items["unit"] = np.repeat(np.arange(units), 2)
    items["kind"] = np.tile([AMOUNT, POSITION], units)
    items["quantity"] = 1.0
    balances = np.linspace(10.0, 110.0, units)
    items["quantity"][::2] = balances
    items["entry"][1::2] = 100.0
    assert len(index.columns.begins) == 1_000_000
    for part in np.array_split(np.arange(units), 5):
        index.set_units(items[2 * part[0] : 2 * part[-1] + 2])
    assert len(index.columns.begins) >= units
    assert index.sums().counts.sum() == units
    changes = index.move([mark], [80.0])
    equity = balances - 20.0
    wanted = np.where(equity < 0, BANKRUPT, np.where(equity < 5.0, LIQUIDATABLE, HEALTHY))
    wanted[(wanted == HEALTHY) & (equity < 6.25)] = 1
    held = index.states(np.arange(units))
    assert (held == wanted).all()
    assert len(changes) == (wanted != HEALTHY).sum()


def test_a_size_beyond_what_a_float_can_count_is_decided_by_the_caller_where_it_matters() -> None:
    lots = 2**53 + 1  # no float: the nearest is 2**53
    exact = Fraction(lots) * Fraction(1, 16) * 100
    for balance, state in ((exact * 2, HEALTHY), (exact, UNDECIDED), (exact / 2, LIQUIDATABLE)):
        index, _ = one_future()
        index.set_unit(0, [Item(AMOUNT, 0, float(balance)), Item(POSITION, 0, float(lots), 100.0)])
        assert index.states([0]).tolist() == [state]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (Item(AMOUNT, 0, 1e101), "finite quantities"),
        (Item(POSITION, 0, -1e101, 100.0), "finite quantities"),
        (Item(POSITION, 0, 1.0, 1e-41), "entry prices"),
        (Item(POSITION, 0, 1.0, 1e41), "entry prices"),
        (Item(POSITION, 0, 1.0, float("nan")), "entry prices"),
    ],
)
def test_what_could_leave_the_range_of_floats_is_refused(item: Item, problem: str) -> None:
    index, _ = one_future()
    with pytest.raises(ValueError, match=problem):
        index.set_unit(0, [item])


@pytest.mark.parametrize("price", [1.1e-20, 9e29], ids=["the lowest", "the highest"])
@pytest.mark.parametrize("inverse", [False, True], ids=["linear", "inverse"])
def test_the_largest_amounts_stay_in_the_range_of_floats(price: float, inverse: bool) -> None:
    index, mark = one_future(inverse=inverse, fee=0.001)
    for unit, side in enumerate((1e100, -1e100)):
        items = [Item(AMOUNT, 0, 1e100), Item(POSITION, 0, side, 1e-40 if inverse else 1e40)]
        index.set_unit(unit, items)
    index.move([mark], [price])
    assert index.states([0, 1]).tolist() == index.verdicts([0, 1]).tolist()
    held = index.sums()
    assert np.isnan(held.equity[held.counts > 0]).all(), "expected no sum where one has no place"
    index.remove_units([0, 1])
    index.set_unit(2, [Item(AMOUNT, 0, 10.0)])
    assert index.sums().equity[:4].tolist() == [10.0, 0.0, 0.0, 0.0]


def test_a_position_that_flips_through_zero_is_guarded_on_its_new_side() -> None:
    index, mark = one_future()
    index.set_unit(0, [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, 1.0, 100.0)])
    index.set_unit(0, [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, 0.0, 100.0)])
    assert len(index.move([mark], [50.0])) == 0
    index.set_unit(0, [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, -1.0, 50.0)])
    assert len(index.move([mark], [40.0])) == 0
    assert index.move([mark], [58.0]).tolist() == [(0, 0, HEALTHY, LIQUIDATABLE)]


def test_an_instrument_without_tiers_asks_for_nothing() -> None:
    index, mark = one_future(tiers=())
    index.set_unit(0, [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, 1.0, 100.0)])
    assert len(index.move([mark], [90.5])) == 0
    assert index.move([mark], [89.5]).tolist() == [(0, 0, HEALTHY, BANKRUPT)]
