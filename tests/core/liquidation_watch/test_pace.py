"""Liquidation flow beside depth and volume, and the sums over a window that it rests on."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.liquidation_watch.pace import BUCKETS, RingSum
from tests.core.liquidation_watch.watching import depth, engine_with, findings, long_of, trade


def test_the_pace_is_that_of_the_document() -> None:
    engine, journal = engine_with(), long_of(10, "60")
    journal.wait(1).mark("X", "96")
    depth(journal, [("96", 5), ("95", 10), ("80", 100)], [("97", 9)])
    journal.liquidation("started", "ann", "X", -10)
    journal.liquidation("filled", "ann", "X", -10, "94")
    trade(journal, 10, "sell")
    trade(journal, 25, "buy")
    trade(journal, 5, "auction")
    findings(engine, journal)
    (pace,) = engine.view().liquidations.paces
    assert (pace.instrument, pace.direction, pace.window_s) == ("X", "sell", "60")
    assert (pace.liquidated_contracts, pace.traded_contracts) == ("10", "40")
    assert pace.traded_same_direction_contracts == "10"
    assert (pace.depth_contracts, pace.safe_contracts) == ("15", "4.5")
    assert (pace.of_volume_ratio, pace.of_depth_ratio) == ("0.25", "0.666666666667")
    assert pace.of_safe_ratio == "2.22222222222"
    journal.wait(6).tick()  # the book is too old by now
    findings(engine, journal)
    (later,) = engine.view().liquidations.paces
    assert (later.depth_contracts, later.of_safe_ratio) == (None, None)
    journal.wait(60).tick()
    findings(engine, journal)
    assert engine.view().liquidations.paces == ()


def test_a_delisted_instrument_has_no_pace() -> None:
    engine, journal = engine_with(), long_of(10, "60")
    trade(journal, 10, "sell")
    findings(engine, journal)
    assert engine.watch.export_state()["pace"][1]
    engine.watch.pace.forget("X")
    assert not engine.watch.export_state()["pace"][1]


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(-5, 5)), max_size=60))
def test_a_ring_is_what_adding_all_buckets_of_the_window_gives(
    steps: list[tuple[int, int]],
) -> None:
    ring, added, now_ns = RingSum(BUCKETS * 10), [], 5
    for wait_ns, amount in steps:
        now_ns += wait_ns
        ring.add(now_ns, amount)
        added.append((now_ns, amount))
        for asked_ns in (now_ns, now_ns + 200, now_ns + 700):
            first = asked_ns // 10 - BUCKETS + 1
            assert ring.sum(asked_ns) == sum(each for when, each in added if when // 10 >= first)
    again = RingSum(BUCKETS * 10)
    again.restore(ring.export_state())
    assert again.sum(now_ns) == ring.sum(now_ns)
    assert again.export_state() == ring.export_state()
