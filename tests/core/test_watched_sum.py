"""A sum that should be 0: clean points, sides, contributions."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.watched_sum import WatchedSum

STEPS = st.lists(st.integers(-3, 3), max_size=30)


@given(STEPS)
def test_it_is_off_since_it_last_was_within_or_changed_sides(steps: list[int]) -> None:
    watched, value, since = WatchedSum(), 0, None
    before = 0
    for now_ns, amount in enumerate(steps, start=1):
        watched.add(amount)
        watched.look(now_ns, now_ns)
        value += amount
        if not value:
            since = None
        elif since is None or (value > 0) != (before > 0):
            since = now_ns
        before = value
        assert watched.since_ns == since
        assert watched.value == value


@given(STEPS, st.integers(0, 30))
def test_a_restart_changes_nothing(steps: list[int], cut: int) -> None:
    straight, restarted = WatchedSum(), WatchedSum()
    for number, amount in enumerate(steps):
        if number == cut:
            plain = msgspec.msgpack.decode(msgspec.msgpack.encode(restarted.export_state()))
            restarted = WatchedSum.from_state(plain)
        for watched in (straight, restarted):
            watched.add(amount)
            watched.look(number, number)
    assert straight == restarted


def test_what_was_told_is_the_reference_and_zero_stays_clean() -> None:
    watched = WatchedSum()
    watched.add(3)
    assert watched.look(1, 1)
    watched.settle(1)
    watched.add(-3)
    assert not watched.look(2, 2)
    assert watched.is_clean


def test_a_tolerance_that_was_learned_never_shrinks() -> None:
    watched = WatchedSum()
    for missing, ratio in ((10, 2 * 10 / 190), (1, 2 * 10 / 190), (40, 2 * 40 / 160)):
        watched.add(100)
        watched.add(missing - 100)
        watched.learn(1)
        assert watched.ratio_ppb / 1e9 == pytest.approx(ratio)
