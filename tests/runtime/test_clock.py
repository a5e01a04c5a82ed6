"""The clocks: the machine's, and the one that moves when told."""

from monitor.runtime.clock import Clock, ManualClock


def test_the_machine_s_monotonic_clock_never_goes_back() -> None:
    clock = Clock()
    readings = [clock.monotonic_s() for _ in range(100)]
    assert readings == sorted(readings)
    assert clock.now_ns() > 1_700_000_000 * 10**9


def test_advancing_moves_both_clocks() -> None:
    clock = ManualClock(now_ns=1_000)
    clock.advance(1.5)
    assert clock.now_ns() == 1_500_001_000
    assert clock.monotonic_s() == 1.5


def test_a_jump_of_the_system_s_clock_moves_ours_only_when_adopted() -> None:
    clock = ManualClock(now_ns=10**18)
    clock.jump(-3600)
    assert clock.now_ns() == 10**18
    assert clock.deviation_s() == -3600
    clock.adopt()
    assert clock.now_ns() == 10**18 - 3600 * 10**9
    assert clock.monotonic_s() == 0


def test_the_machine_s_time_of_day_agrees_with_the_system() -> None:
    assert abs(Clock().deviation_s()) < 1
