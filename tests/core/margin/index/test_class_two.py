"""Class 2 sums against their definitions; the sums of parts merge to the sums of the whole."""

import functools
import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.margin.index.class_two import (
    DISTANCE_EDGES,
    DISTANCE_NONE,
    DISTANCE_UNKNOWN,
    MARGIN_RATIO_EDGES,
    RATIO_BANKRUPT,
    RATIO_ONE,
    RATIO_UNKNOWN,
    ClassTwo,
    class_two,
    empty_sums,
    merge,
    rounding,
    valued,
)
from monitor.core.margin.index.columns import (
    AMOUNT,
    BANKRUPT,
    COLLATERAL,
    LIQUIDATABLE,
    POSITION,
    UNDECIDED,
    Columns,
)
from monitor.core.margin.index.image import BookImages, ImageReader
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms, terms_of
from monitor.core.margin.totals import unit_totals
from tests.core.margin.index.crowds import Crowd
from tests.core.margin.index.test_compile import run
from tests.core.margin.index.worlds import STATE_NAMES, World
from tests.reference.naive_class_two import NaiveSums, NaiveUnit, Venue
from tests.reference.naive_class_two import class_two as naive_class_two

INF = math.inf


# --- against the definitions ---------------------------------------------------------------------


def items_of(columns: Columns, begin: int) -> list[Item]:
    """Return the items of the unit whose head is at `begin`."""
    head = columns.heads[begin]
    rows = columns.rows[begin + 1 : begin + 1 + head["count"]]
    return [Item(AMOUNT, 0, float(head["constant"]))] + [
        Item(int(row["kind"]), int(row["ref"]), float(row["quantity"]), float(row["entry"]))
        for row in rows
    ]


def units_of(columns: Columns) -> list[NaiveUnit]:
    """Return all units for the twin."""
    return [
        NaiveUnit(unit, STATE_NAMES[columns.heads[begin]["state"]], items_of(columns, int(begin)))
        for unit, begin in enumerate(columns.begins)
        if begin >= 0
    ]


def prices_of(columns: Columns, count: int) -> list[Fraction | None]:
    """Return the prices, None where one is missing."""
    prices = columns.slots["price"][:count].tolist()
    return [None if math.isnan(price) else Fraction(price) for price in prices]


def venue_of(world: World) -> Venue:
    """Return the instruments, collateral and prices of a world."""
    market, index = world.engine.market, world.index
    instruments = [
        terms_of(
            market.instruments[name],
            world.slots[name],
            int(index.columns.instruments[number]["value"]),
        )
        for name, number in world.instruments.items()
    ]
    columns = index.columns
    collateral = [
        (int(haircut["slot"]), [tuple(columns.tiers[n].item()[:2]) for n in _tiers(haircut)])
        for haircut in columns.haircuts
    ]
    return Venue(instruments, collateral, prices_of(columns, 1 + len(world.slots)))


def _tiers(haircut: Any) -> range:
    return range(haircut["tiers"], haircut["tiers"] + haircut["tier_count"])


def same(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(float(found), float(wanted), rtol=1e-10, atol=1e-9)


def assert_equal(found: ClassTwo, wanted: NaiveSums, instruments: int) -> None:
    """Compare sums with those of the twin."""
    for state, name in enumerate(STATE_NAMES):
        assert found.units[state] == wanted.units[name]
        same(found.equity[state], wanted.equity[name])
        same(found.requirement[state], wanted.requirement[name])
    for instrument in range(instruments):
        for side, name in enumerate(("long", "short")):
            key = (instrument, name)
            if key in wanted.unpriced:
                assert math.isnan(found.gains[instrument, side])
                assert math.isnan(found.losses[instrument, side])
                continue
            same(found.gains[instrument, side], wanted.gains[key])
            same(found.losses[instrument, side], wanted.losses[key])
            same(found.free_margin[instrument, side], wanted.free_margin[key])
            assert found.holders[instrument, side] == wanted.holders[key]
    assert found.margin_ratios.tolist() == wanted_ratios(wanted)
    assert found.distances.tolist() == wanted_distances(wanted)
    notionals = np.zeros_like(found.notionals)
    for (instrument, where), verdict, far, notional in wanted.notionals:
        notionals[instrument, int(where == "short"), place(verdict, far)] += float(notional)
    known = ~np.isnan(found.notionals)
    np.testing.assert_allclose(found.notionals[known], notionals[known], rtol=1e-10, atol=1e-9)
    assert np.argwhere(~known)[:, 2].tolist() == [DISTANCE_UNKNOWN] * int((~known).sum())
    assert found.worst_units.tolist() == [number for _, number in wanted.worst[:1_000]]


def place(state: str, far: float) -> int:
    """Return the bucket of a distance."""
    if state in ("liquidatable", "bankrupt"):
        return DISTANCE_NONE
    if state == "unknown":
        return DISTANCE_UNKNOWN
    return int(np.searchsorted(DISTANCE_EDGES[:-1], far, "right")) - 1


def wanted_distances(wanted: NaiveSums) -> list[int]:
    counts = [0] * (DISTANCE_UNKNOWN + 1)
    for state, found in wanted.distances.items():
        for far in found:
            counts[place(state, far)] += 1
    return counts


def wanted_ratios(wanted: NaiveSums) -> list[int]:
    counts = [0] * (RATIO_UNKNOWN + 1)
    for state, found in wanted.margin_ratios.items():
        for ratio in found:
            if state in ("bankrupt", "unknown"):
                counts[RATIO_BANKRUPT if state == "bankrupt" else RATIO_UNKNOWN] += 1
            else:
                counts[int(np.searchsorted(MARGIN_RATIO_EDGES[:-1], ratio, "right")) - 1] += 1
    return counts


@pytest.mark.parametrize("seed", range(40))
def test_sums_of_a_random_world_equal_the_definitions(seed: int) -> None:
    world = World(seed, accounts=25, instruments=5, rare=0.0)  # the twin knows no rarer rules
    for _ in range(3):
        for _ in range(8):
            world.step()
        columns = world.index.columns
        wanted = naive_class_two(venue_of(world), units_of(columns))
        assert_equal(class_two(columns), wanted, len(world.instruments))


@pytest.mark.parametrize("seed", range(12))
def test_equity_and_requirement_are_those_of_the_engine(seed: int) -> None:
    """Units with rules that the index leaves to the exact verdict are counted, and left out."""
    world = World(seed, accounts=25)
    columns, left = world.index.columns, 0
    equity, requirement = np.zeros(5), np.zeros(5)
    for name, unit in world.units.items():
        number = world.numbers[name]
        head = columns.heads[columns.begins[number]]
        if head["always_exact"]:
            left += 1
            continue
        found = unit_totals(unit, world.engine.market, world.engine.rules)
        if found is not None:
            equity[head["state"]] += float(found.equity)
            requirement[head["state"]] += float(found.maintenance_margin)
    assert class_two(columns).left_to_exact[0] == left
    exact = [u for u in world.numbers.values() if _is_left(columns, u)]
    world.index.remove_units(exact)
    sums = class_two(columns)
    np.testing.assert_allclose(sums.equity[:5], equity, rtol=1e-10, atol=1e-8)
    np.testing.assert_allclose(sums.requirement[:5], requirement, rtol=1e-10, atol=1e-8)


def _is_left(columns: Columns, unit: int) -> bool:
    begin = columns.begins[unit]
    return bool(begin >= 0 and columns.heads[begin]["always_exact"])


def test_seeded_bugs_are_seen() -> None:
    assert run("-m", "tests.core.margin.index.class_two_bugs", NUMBA_DISABLE_JIT="1") == ""


# --- what merges ---------------------------------------------------------------------------------


@functools.cache
def crowd() -> Crowd:
    """Return the crowd that is cut into parts."""
    return Crowd(1_500, 5)


@given(
    cuts=st.lists(st.integers(0, 1_500), max_size=6),
    order=st.randoms(use_true_random=False),
    worst_max=st.sampled_from([0, 1, 7, 1_000]),
)
@settings(max_examples=40)
def test_parts_merge_to_the_whole(cuts: list[int], order: Any, worst_max: int) -> None:
    columns = crowd().index.columns
    bounds = [0, *sorted(cuts), 1_500]
    spans = itertools.pairwise(bounds)
    parts = [class_two(columns, span=span, worst_max=worst_max) for span in spans]
    order.shuffle(parts)
    merged = empty_sums(len(columns.instruments))
    for part in parts:
        merged = merge(merged, part, worst_max=worst_max)
    whole = class_two(columns, span=(0, 1_500), worst_max=worst_max)
    for name, found, wanted in zip(ClassTwo._fields, merged, whole, strict=True):
        if found.dtype == np.float64 and name != "worst_covers":
            np.testing.assert_allclose(found, wanted, rtol=rounding(1_500 * 5), atol=0)
        else:
            assert found.tolist() == wanted.tolist(), name
    assert whole.units.sum() == 1_500


def test_every_kind_of_unit_is_in_the_crowd_that_is_merged() -> None:
    sums = class_two(crowd().index.columns)
    assert (sums.units[:4] > 10).all()
    assert (sums.distances[1:-1] > 0).all()


# --- examples ------------------------------------------------------------------------------------


def one(quantity: float, balance: float, price: float = 100.0, **more: Any) -> ThresholdIndex:
    """Return an index with one unit: entered at 100, 5 % maintenance."""
    index = ThresholdIndex(1.25)
    mark = index.add_price(price)
    flat = ((INF, 0.05, 0.0, 0.05),)
    index.add_instrument(InstrumentTerms(mark=mark, tiers=flat, **more))
    items = [Item(AMOUNT, 0, balance), Item(POSITION, 0, quantity, 100.0)]
    index.set_unit(0, items)
    return index


def bucket(edges: Any, value: float) -> int:
    return int(np.searchsorted(edges, value, "right")) - 1


@pytest.mark.parametrize(("quantity", "distance"), [(1.0, 5 / 95), (-1.0, 5 / 105)])
def test_the_distance_of_a_single_linear_position_is_exact(
    quantity: float, distance: float
) -> None:
    index = one(quantity, 10.0)
    assert class_two(index.columns).distances[bucket(DISTANCE_EDGES, distance)] == 1
    way = -1.0 if quantity > 0 else 1.0
    assert len(index.move([1], [100.0 * (1 + way * distance * 0.999)])) <= 1
    assert index.states([0])[0] < LIQUIDATABLE
    index.move([1], [100.0 * (1 + way * distance * 1.001)])
    assert index.states([0])[0] == LIQUIDATABLE


def test_two_legs_on_one_price_are_set_off_in_the_distance() -> None:
    index = one(1.0, 20.0)
    index.set_unit(0, [Item(AMOUNT, 0, 20.0), Item(POSITION, 0, 1.0, 100.0),
                       Item(POSITION, 0, -1.0, 100.0)])  # fmt: skip
    sums = class_two(index.columns)  # slack 10; a rise costs 0.1 a percent, all of it requirement
    assert sums.distances[bucket(DISTANCE_EDGES, 10 / 10)] == 1
    assert sums.holders[0].tolist() == [1, 1]
    assert sums.free_margin[0].tolist() == [10.0, 10.0]


def test_a_unit_with_two_rows_on_one_side_has_its_margin_counted_once() -> None:
    index = one(1.0, 20.0)
    index.set_unit(0, [Item(AMOUNT, 0, 20.0), *[Item(POSITION, 0, 1.0, 100.0)] * 2])
    sums = class_two(index.columns)
    assert sums.holders[0].tolist() == [1, 0]
    assert sums.free_margin[0].tolist() == [10.0, 0.0]


def test_a_bankrupt_unit_is_short_of_what_it_lost_and_ranks_first() -> None:
    index = one(1.0, 10.0, 85.0)
    index.set_unit(1, [Item(AMOUNT, 0, 20.0), Item(POSITION, 0, 1.0, 100.0)])
    index.set_unit(2, [Item(AMOUNT, 0, -1.0)])
    index.set_unit(3, [Item(AMOUNT, 0, 5.0)])
    sums = class_two(index.columns)
    assert sums.shortfall == 6.0
    assert sums.equity[BANKRUPT] == -6.0
    assert sums.worst_units.tolist() == [2, 0, 1]
    assert sums.worst_covers.tolist() == [-INF, -5.0 / 4.25, 5.0 / 4.25]
    assert sums.losses[0].tolist() == [30.0, 0.0]
    assert sums.margin_ratios[RATIO_BANKRUPT] == 1
    assert class_two(index.columns, worst_max=2).worst_units.tolist() == [2, 0]
    assert class_two(index.columns, worst_max=0).worst_units.tolist() == []


def test_equal_covers_rank_by_number() -> None:
    index = one(1.0, 10.0)
    for unit in (9, 4, 7, 2):
        index.set_unit(unit, [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, 1.0, 100.0)])
    assert class_two(index.columns, worst_max=3).worst_units.tolist() == [0, 2, 4]


def test_the_verdict_decides_at_a_ratio_of_one() -> None:
    """Equity is the requirement exactly: the caller says what that means."""
    for state, wanted in ((LIQUIDATABLE, RATIO_ONE), (1, RATIO_ONE - 1)):
        index = one(1.0, 5.0)
        with pytest.raises(ValueError, match="every verdict decided, 1 are not"):
            class_two(index.columns)
        index.decide(0, state)
        assert class_two(index.columns).margin_ratios[wanted] == 1


def test_a_unit_with_a_missing_price_is_unknown_in_every_sum() -> None:
    index = one(1.0, 10.0)
    other = index.add_price()
    number = index.add_instrument(InstrumentTerms(mark=other))
    index.set_unit(0, [Item(POSITION, 0, 2.0, 90.0), Item(POSITION, number, 1.0, 1.0)])
    sums = class_two(index.columns)
    assert sums.units.tolist() == [0, 0, 0, 0, 1, 0]
    assert sums.equity.tolist() == [0.0] * 6
    assert sums.gains[0].tolist() == [20.0, 0.0]  # this position's mark is known
    assert np.isnan(sums.gains[number, 0])
    assert sums.margin_ratios[RATIO_UNKNOWN] == sums.distances[DISTANCE_UNKNOWN] == 1
    assert sums.notionals[0, 0, DISTANCE_UNKNOWN] == 200.0
    assert sums.holders.sum() == 0


def test_amounts_are_valued_by_the_value_of_their_currency() -> None:
    index = one(1.0, 10.0, 110.0)
    coin, missing = index.add_price(3.0), index.add_price()
    for value in (coin, missing):
        index.add_instrument(InstrumentTerms(mark=1, value=value))
    index.set_unit(1, [Item(POSITION, 1, 2.0, 100.0), Item(AMOUNT, 0, 100.0)])
    gains = class_two(index.columns).gains
    assert gains[:2, 0].tolist() == [10.0, 20.0]
    assert valued(index.columns, gains)[:2, 0].tolist() == [10.0, 60.0]
    assert np.isnan(valued(index.columns, gains)[2]).all()


def test_the_sums_of_an_image_are_those_of_its_moment() -> None:
    moved = Crowd(300, 8)
    image = BookImages(moved.index).take()
    wanted = class_two(moved.index.columns)
    moved.index.columns.slots["price"][1:200] *= 0.9
    moved.index.rescan()
    found = class_two(ImageReader().columns(image.source))
    for one_found, one_wanted in zip(found, wanted, strict=True):
        assert one_found.tolist() == one_wanted.tolist()
    assert class_two(moved.index.columns).equity.tolist() != wanted.equity.tolist()


def test_collateral_beyond_its_last_tier_counts_no_more() -> None:
    index = one(1.0, 10.0)
    coin = index.add_price(10.0)
    number = index.add_collateral(coin, [(50.0, 0.9), (30.0, 0.5)])
    index.set_unit(0, [Item(COLLATERAL, number, 10.0), Item(POSITION, 0, 1.0, 100.0)])
    sums = class_two(index.columns)
    assert sums.equity[0] == 60.0
    assert sums.distances[bucket(DISTANCE_EDGES, 55 / 95)] == 1
    assert UNDECIDED not in index.states([0])
