"""A system clock that jumps is told, and followed only when it makes sense."""

import pytest

from monitor.app.clock_watch import CHECK, ClockWatch
from monitor.runtime.clock import ManualClock
from monitor.runtime.vitals import Vitals

NOW_NS = 1_800_000_000 * 10**9


def watched() -> tuple[ManualClock, Vitals, ClockWatch]:
    """Return a clock, its process's vitals (otherwise ready) and the watch."""
    clock = ManualClock(now_ns=NOW_NS)
    vitals = Vitals(clock=clock)
    vitals.health.set("log", is_ok=True)
    return clock, vitals, ClockWatch(vitals)


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_a_jump_of_an_hour_moves_no_time_and_makes_unready(jump_s: float) -> None:
    clock, vitals, watch = watched()
    clock.jump(jump_s)
    for _ in range(60):
        clock.advance(1)
        watch.check()
    assert clock.now_ns() == NOW_NS + 60 * 10**9
    assert not vitals.health.is_ready
    clock.jump(-jump_s)
    watch.check()
    assert vitals.health.is_ready


def test_a_correction_of_seconds_is_told_and_followed_when_it_stands() -> None:
    clock, vitals, watch = watched()
    clock.jump(20)
    watch.check()
    assert not vitals.health.is_ok(CHECK)
    assert vitals.health.is_ready
    assert clock.now_ns() == NOW_NS
    clock.advance(10)
    watch.check()
    assert clock.now_ns() == NOW_NS + 30 * 10**9
    watch.check()
    assert [check.name for check in vitals.health.checks()] == ["log"]


def test_a_spike_that_goes_away_is_never_followed() -> None:
    clock, _, watch = watched()
    clock.jump(20)
    watch.check()
    clock.advance(5)
    clock.jump(-20)
    watch.check()
    clock.advance(5)
    watch.check()
    assert clock.now_ns() == NOW_NS + 10 * 10**9


def test_drift_is_followed_at_once() -> None:
    clock, _, watch = watched()
    clock.jump(0.2)
    watch.check()
    assert clock.now_ns() == NOW_NS + 200_000_000
