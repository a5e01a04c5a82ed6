"""The ladder against exact rationals, against one built anew, and at the corners of its guards."""

import math

import numpy as np
import pytest

from monitor.core.margin.index.columns import AMOUNT, ITEM, POSITION, Capacity
from monitor.core.margin.index.index import Item
from monitor.core.margin.index.ladder import Ladder
from monitor.core.margin.index.ladder_columns import (
    DISTANCE_SHARE,
    EDGES,
    LOWER,
    UPPER,
    cell_of,
    price_of,
)
from monitor.core.margin.index.rungs import Rungs, merged, picture
from monitor.core.margin.index.terms import InstrumentTerms
from tests.core.margin.index.ladder_crowds import LadderCrowd
from tests.core.margin.index.ladder_worlds import LadderWorld, cells_before_a_jump
from tests.core.margin.index.test_compile import run

FLAT = ((math.inf, 0.05, 0.0, 0.05),)
pytestmark = pytest.mark.timeout(900)  # the first test waits for the compiler
ROOM = Capacity(64, 512, 8, 8, 9_000)


@pytest.mark.parametrize("seed", range(24))
def test_after_a_refresh_every_entry_is_where_exact_rationals_say(seed: int) -> None:
    world = LadderWorld(seed, accounts=8, instruments=3, jumping=seed % 2 == 1)
    assert world.wrong() == []
    for _ in range(10):
        world.step()
    world.index.ladder.refresh()
    assert world.wrong() == []


@pytest.mark.parametrize("seed", range(40))
def test_between_refreshes_no_entry_is_more_than_a_bucket_off(seed: int) -> None:
    world = LadderWorld(seed, accounts=10, instruments=4, jumping=seed % 3 == 1)
    for number in range(60):
        if number % 2:
            world.creep()
        else:
            world.step()
        assert world.drifted() == []


def test_a_calm_market_places_few_units_anew() -> None:
    world = LadderWorld(2, accounts=40)
    before = world.index.ladder.replaced
    for _ in range(50):
        world.creep(width=0.0002)
    assert world.drifted() == []
    assert world.index.ladder.replaced - before < 50 * len(world.units) / 4


def test_no_entry_is_more_than_a_bucket_off_at_the_corners_of_the_guards() -> None:
    far = near = seen = 0
    for seed in range(10):
        found = LadderCrowd(400, seed).off(12)
        far, near, seen = far + found[0], near + found[1], seen + found[2]
    assert far == 0
    assert seen > 50_000
    assert near > seen / 50  # the guards let entries go as far as they may


def test_twice_the_room_is_too_much() -> None:
    far, _, _ = LadderCrowd(400, 3, share=2.0).off(12)
    assert far > 0


@pytest.mark.parametrize("seed", range(6))
def test_cells_are_the_sums_of_the_entries_and_empty_ones_exactly_zero(seed: int) -> None:
    world = LadderWorld(seed, accounts=12)
    for _ in range(40):
        world.step()
    ladder = world.index.ladder
    kept, anew = ladder._ladder, world.index.anew()._ladder
    assert not world.miscounted()
    assert (kept.sizes[kept.counts == 0] == 0.0).all()
    assert kept.totals.tolist() == anew.totals.tolist()
    ladder.remove_units(list(world.index.items))
    assert not ladder._ladder.sizes.any()
    assert not ladder._ladder.counts.any()
    assert ladder.left_out() == (0, 0, 0, 0)


def _two_accounts() -> tuple[Ladder, list[int], list[int]]:
    """Return a long of 1 with 10 of margin, a short of 2 with 40 and another coin; marks of 100."""
    ladder = Ladder(ROOM)
    marks = [ladder.add_price(100.0) for _ in range(2)]
    futures = [ladder.add_instrument(InstrumentTerms(mark=m, tiers=FLAT)) for m in marks]
    ladder.set_unit(0, [Item(AMOUNT, 0, 10.0), Item(POSITION, futures[0], 1.0, 100.0)])
    short = Item(POSITION, futures[0], -2.0, 100.0)
    other = Item(POSITION, futures[1], 0.5, 100.0)
    ladder.set_unit(1, [Item(AMOUNT, 0, 40.0), short, other])
    return ladder, marks, futures


def _shown(ladder: Ladder, instrument: int, side: int) -> list[tuple[float, float, float]]:
    rungs = ladder.rungs(instrument, side)
    assert rungs is not None
    return [
        (float(rungs.prices[k]), float(rungs.prices[k + 1]), float(rungs.sizes[k]))
        for k in np.flatnonzero(rungs.units)
    ]


def test_a_long_counts_where_it_is_liquidated_by_a_fall_and_a_short_by_a_rise() -> None:
    ladder, _, futures = _two_accounts()
    ((near, far, size),) = _shown(ladder, futures[0], LOWER)
    assert far <= 90 / 0.95 <= near
    assert size == 1.0
    ((near, far, size),) = _shown(ladder, futures[0], UPPER)
    assert near <= 237.5 / 2.1 <= far  # 40 - 2 (p - 100) - 2.5 = 0.05 x 2 p
    assert size == 2.0
    rungs = ladder.rungs(futures[0], UPPER)
    assert rungs is not None
    assert rungs.cumulative[-1] == pytest.approx(2.0 * near)
    assert far - near <= max(0.0005 * near, DISTANCE_SHARE * (far - 100.0))


def test_another_coin_moves_the_entry_and_removing_the_unit_takes_it_off() -> None:
    ladder, marks, futures = _two_accounts()
    ladder.move([marks[1]], [80.0])
    ((near, far, _),) = _shown(ladder, futures[0], UPPER)
    assert near <= 228.0 / 2.1 <= far  # 10 less, and 0.5 less is required
    ladder.remove_units([1])
    assert _shown(ladder, futures[0], UPPER) == []
    assert ladder.left_out().placed == 1


def test_a_liquidatable_unit_is_off_the_ladder_and_comes_back() -> None:
    ladder, marks, futures = _two_accounts()
    ladder.set_unit(0, [Item(AMOUNT, 0, 4.0), Item(POSITION, futures[0], 1.0, 100.0)])
    assert _shown(ladder, futures[0], LOWER) == []
    assert ladder.left_out() == (1, 1, 0, 0)
    ladder.move([marks[0]], [103.0])
    assert [size for _, _, size in _shown(ladder, futures[0], LOWER)] == [1.0]


def test_units_with_a_missing_price_or_rules_beyond_floats_are_left_out_and_counted() -> None:
    ladder, marks, futures = _two_accounts()
    ladder.move([marks[1]], [math.nan])
    assert ladder.left_out() == (1, 0, 1, 0)
    assert _shown(ladder, futures[0], UPPER) == []
    assert ladder.rungs(futures[1], UPPER) is None
    ladder.move([marks[1]], [100.0])
    assert ladder.left_out() == (2, 0, 0, 0)
    exact = InstrumentTerms(mark=marks[1], tiers=FLAT, always_exact=True)
    ladder.relist_instrument(futures[1], exact)
    assert ladder.left_out() == (1, 0, 0, 1)


def test_a_relisted_instrument_is_placed_by_its_new_terms() -> None:
    ladder, marks, futures = _two_accounts()
    steep = ((math.inf, 0.08, 0.0, 0.08),)
    ladder.relist_instrument(futures[0], InstrumentTerms(mark=marks[0], tiers=steep))
    ((near, far, _),) = _shown(ladder, futures[0], LOWER)
    assert far <= 90 / 0.92 <= near


def test_single_ticks_and_one_batch_show_the_same() -> None:
    draw = np.random.default_rng(5)
    one, marks, futures = _two_accounts()
    other, _, _ = _two_accounts()
    slots = draw.choice(marks, 300).astype(np.int32)
    prices = 100.0 * np.exp(draw.normal(0, 0.01, 300))
    one.move_each(slots, prices)
    last = [prices[np.flatnonzero(slots == mark)[-1]] for mark in marks]
    other.move(marks, last)
    for ladder in (one, other):
        ladder.refresh()
    for side in (LOWER, UPPER):
        for future in futures:
            assert _shown(one, future, side) == _shown(other, future, side)


def test_windows_are_laid_anew_when_a_mark_has_doubled() -> None:
    ladder, marks, futures = _two_accounts()
    ladder.set_unit(2, [Item(AMOUNT, 0, 900.0), Item(POSITION, futures[0], 1.0, 1_000.0)])
    for mark, is_laid in ((110.0, False), (130.0, False), (400.0, True)):
        before = ladder.replaced
        ladder.move([marks[0]], [mark])
        assert (ladder.replaced - before >= 3) == is_laid
    new, old = _shown(ladder, futures[0], LOWER)
    assert new[1] <= 100 / 0.95 <= new[0]
    assert old[1] <= 90 / 0.95 <= old[0]
    ladder.move([marks[0]], [5_000.0])  # more than four octaves off: not shown
    assert _shown(ladder, futures[0], LOWER) == []


def test_entries_that_the_mark_has_passed_are_told_apart() -> None:
    ladder, marks, futures = _two_accounts()
    ladder.move([marks[0]], [94.0])
    rungs = ladder.rungs(futures[0], LOWER)
    assert rungs is not None
    assert rungs.passed == 1.0
    assert rungs.sizes.sum() == 0.0


def test_shards_add_up() -> None:
    whole, _, futures = _two_accounts()
    parts = []
    for unit in range(2):
        part, _, _ = _two_accounts()
        part.remove_units([1 - unit])
        parts.append(part)
    for side in (LOWER, UPPER):
        rungs = [_known(part, futures[0], side) for part in parts]
        for one, other in zip(merged(rungs), _known(whole, futures[0], side), strict=True):
            np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="at one mark"):
        merged([_known(whole, futures[0], LOWER), _known(whole, futures[0], UPPER)])


def _known(ladder: Ladder, instrument: int, side: int) -> Rungs:
    rungs = ladder.rungs(instrument, side)
    assert rungs is not None
    return rungs


def test_the_picture_lists_buckets_away_from_the_mark() -> None:
    ladder, _, futures = _two_accounts()
    ladder.set_unit(2, [Item(AMOUNT, 0, 30.0), Item(POSITION, futures[0], 1.0, 100.0)])
    bars = picture(_known(ladder, futures[0], LOWER), _known(ladder, futures[0], UPPER))
    assert [round(bar["notional"]) for bar in bars["lower"]] == [95, 74]
    assert [round(bar["cumulative"]) for bar in bars["lower"]] == [95, 169]
    assert [round(bar["notional"]) for bar in bars["upper"]] == [226]
    assert all(bar["price_from"] < bar["price_to"] for side in bars.values() for bar in side)


@pytest.mark.parametrize("side", [LOWER, UPPER])
def test_buckets_grow_outwards_and_are_no_wider_than_promised(side: int) -> None:
    edges = EDGES[side]
    widths = np.diff(edges)
    assert (np.diff(widths) >= 0).all()
    for near, far in zip(edges[1:-1].tolist(), edges[2:].tolist(), strict=True):
        sign = -1 if side == LOWER else 1
        mark = 1.0  # at worst the mark lies at the near end of its cell
        begin, end = price_of(sign * (near - 1)), price_of(sign * (far - 1))
        if far - near == 1:
            assert abs(end / begin - 1) < 0.000501
        elif abs(begin - mark) < 0.9 * begin * 10:
            assert abs(end - begin) <= DISTANCE_SHARE * abs(begin - mark) * (1 + 1e-9)


def test_a_mark_that_values_something_else_is_refused() -> None:
    ladder = Ladder(ROOM)
    mark, coin = ladder.add_price(100.0), ladder.add_price(10.0)
    terms = InstrumentTerms(mark=mark, value=coin, tiers=FLAT)
    with pytest.raises(ValueError, match="values nothing else"):
        ladder.add_instrument(terms._replace(value=mark))
    ladder.add_instrument(terms)
    for other in (terms, terms._replace(mark=coin)):
        with pytest.raises(ValueError, match="values nothing else"):
            ladder.add_instrument(other)
    with pytest.raises(ValueError, match="no instrument's mark"):
        ladder.add_collateral(mark, [])


def test_a_unit_may_have_ten_thousand_positions() -> None:
    ladder = Ladder(ROOM)
    mark = ladder.add_price(100.0)
    future = ladder.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT))
    items = [Item(AMOUNT, 0, 100_000.0)]
    items += [Item(POSITION, future, 1.0, 100.0) for _ in range(10_000)]
    ladder.set_unit(3, items)
    ((near, far, size),) = _shown(ladder, future, LOWER)
    assert far <= 90 / 0.95 <= near
    assert size == 10_000.0


def test_a_ladder_grows_with_its_book() -> None:
    ladder = Ladder(Capacity(1, 16, 2, 1, 64))
    marks = [ladder.add_price(100.0) for _ in range(9)]
    futures = [ladder.add_instrument(InstrumentTerms(mark=m, tiers=FLAT)) for m in marks]
    for unit in range(200):
        items = [Item(AMOUNT, 0, 20.0), Item(POSITION, futures[unit % 9], 1.0, 100.0)]
        ladder.set_unit(unit, items)
    assert sum(_known(ladder, future, LOWER).units.sum() for future in futures) == 200
    assert ladder.left_out() == (200, 0, 0, 0)
    ladder.sort_out()
    ladder.set_units(np.zeros(0, ITEM))
    assert ladder.left_out() == (200, 0, 0, 0)
    assert ladder.cells_bytes >= 9 * 2 * 12 * 4 * 1_387


def test_windows_are_laid_anew_amid_single_ticks() -> None:
    ladder, marks, futures = _two_accounts()
    prices = np.array([130.0, 160.0, 100.0, 99.0])
    ladder.move_each(np.full(4, marks[0], np.int32), prices)
    ((near, far, size),) = _shown(ladder, futures[0], LOWER)
    assert far <= 90 / 0.95 <= near
    assert size == 1.0


def test_a_unit_that_a_jump_would_heal_counts_where_it_is_first_liquidatable() -> None:
    cell, root = cells_before_a_jump()
    assert cell == cell_of(root)


def test_seeded_bugs_are_seen_and_the_uncompiled_ladder_is_right() -> None:
    assert run("-m", "tests.core.margin.index.ladder_seeded", NUMBA_DISABLE_JIT="1") == ""


def test_missing_prices_cannot_be_moved_tick_by_tick() -> None:
    ladder = Ladder(ROOM)
    missing = ladder.add_price()
    with pytest.raises(ValueError, match="known prices"):
        ladder.move_each(np.array([missing]), np.array([1.0]))
