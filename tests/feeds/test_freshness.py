"""Silence is noticed by channel, and a clock that stands still is silence."""

from monitor.feeds.freshness import Freshness
from monitor.runtime.clock import ManualClock


def test_each_required_channel_must_move_on() -> None:
    clock = ManualClock()
    freshness = Freshness(("quotes", "depth"), stale_after_s=10, now_s=clock.monotonic_s())
    for event_ns in range(9):
        clock.advance(1)
        freshness.moved("quotes", event_ns, clock.monotonic_s())
    assert freshness.remaining_s(clock.monotonic_s()) == 1
    assert freshness.stalest() == "depth"
    assert not freshness.is_complete()
    freshness.moved("depth", 0, clock.monotonic_s())
    assert freshness.remaining_s(clock.monotonic_s()) == 10
    assert freshness.is_complete()


def test_frames_that_repeat_one_instant_are_silence() -> None:
    clock = ManualClock()
    freshness = Freshness(("quotes",), stale_after_s=3, now_s=clock.monotonic_s())
    for _ in range(4):
        freshness.moved("quotes", 7, clock.monotonic_s())
        clock.advance(1)
    assert freshness.remaining_s(clock.monotonic_s()) < 0


def test_a_frame_from_before_the_last_one_proves_nothing() -> None:
    freshness = Freshness(("quotes",), stale_after_s=3, now_s=0)
    freshness.moved("quotes", 7, 1)
    freshness.moved("quotes", 6, 2)
    assert freshness.remaining_s(2) == 2


def test_channels_that_may_be_silent_prove_nothing() -> None:
    freshness = Freshness(("quotes",), stale_after_s=3, now_s=0)
    freshness.moved("trade", 7, 2)
    assert freshness.remaining_s(2) == 1
    assert not freshness.is_complete()
