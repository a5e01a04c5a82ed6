"""The demo's order book: eaten by orders, refilled by time."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.replay.demo.depth import LEVELS, Depth


@given(sizes=st.lists(st.integers(1, 5_000), max_size=8))
def test_a_book_gives_no_more_than_it_has_and_never_better_prices(sizes: list[int]) -> None:
    depth = Depth(side_contracts=8_000)
    there = sum(depth.levels("bids"))
    filled, worst = 0, 0.0
    for size in sizes:
        fills = depth.take("bids", size)
        filled += sum(fill.size for fill in fills)
        assert [fill.offset for fill in fills] == sorted(fill.offset for fill in fills)
        worst = max([worst, *[fill.offset for fill in fills]])
    assert filled == min(there, sum(sizes))
    assert worst <= 0.0004 * 1.28 ** (LEVELS - 1) * (1 + 1e-12)  # rounding


def test_selling_pushes_the_mark_down_and_time_brings_it_back() -> None:
    depth = Depth(side_contracts=8_000)
    depth.take("bids", 4_000)
    pushed = depth.premium
    assert pushed < 0
    depth.pass_time(3.0, liquidity=1.0)
    assert depth.premium == pushed / 2


def test_an_eaten_book_refills_and_a_thin_one_holds_less() -> None:
    depth = Depth(side_contracts=8_000)
    full = sum(depth.levels("asks"))
    depth.take("asks", 8_000)
    empty = sum(depth.levels("asks"))
    depth.pass_time(8.0, liquidity=1.0)
    refilled = sum(depth.levels("asks"))
    depth.pass_time(60.0, liquidity=0.1)
    assert empty < full / 100
    assert full / 2 < refilled < full
    assert sum(depth.levels("asks")) < full / 8


def test_an_order_with_a_limit_leaves_the_levels_beyond_it() -> None:
    depth = Depth(side_contracts=8_000)
    before = depth.levels("bids")
    fills = depth.take("bids", 8_000, offset_max=0.001)
    assert 0 < sum(fill.size for fill in fills) < sum(before)
    assert max(fill.offset for fill in fills) <= 0.001
    assert depth.levels("bids")[-1] == before[-1]
    assert depth.take("bids", 10, offset_max=-0.1) == []
