"""A sum that should be 0: clean points, sides, contributions."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import watched_sum
from monitor.core.watched_sum import WatchedSum

STEPS = st.lists(st.tuples(st.sampled_from(["ann", "bob", "cat"]), st.integers(-3, 3)), max_size=30)


@given(STEPS)
def test_it_is_off_since_it_last_was_within_or_changed_sides(steps: list[tuple[str, int]]) -> None:
    watched, value, since = WatchedSum(), 0, None
    before = 0
    for now_ns, (account, amount) in enumerate(steps, start=1):
        watched.contribute(account, amount, seq=now_ns)
        watched.look(now_ns)
        value += amount
        if not value:
            since = None
        elif since is None or (value > 0) != (before > 0):
            since = now_ns
        before = value
        assert watched.since_ns == since
        assert watched.value == value
        assert sum(one.amount for one in watched.contributions.values()) == value


@given(STEPS, st.integers(0, 30))
def test_a_restart_changes_nothing(steps: list[tuple[str, int]], cut: int) -> None:
    straight, restarted = WatchedSum(), WatchedSum()
    for number, (account, amount) in enumerate(steps):
        if number == cut:
            plain = msgspec.msgpack.decode(msgspec.msgpack.encode(restarted.export_state()))
            restarted = WatchedSum.from_state(plain)
        for watched in (straight, restarted):
            watched.contribute(account, amount, seq=number)
            watched.look(number)
    assert straight == restarted


def test_what_was_told_is_the_reference_and_zero_stays_clean() -> None:
    watched = WatchedSum()
    watched.contribute("ann", 3, seq=1)
    assert watched.look(1)
    watched.settle()
    watched.contribute("bob", -3, seq=1)
    assert not watched.look(2)
    assert watched.is_clean


def test_beyond_the_accounts_that_are_kept_the_rest_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watched_sum, "CONTRIBUTORS_MAX", 2)
    watched = WatchedSum()
    for name in ("ann", "bob", "cat", "dan", "ann"):
        watched.contribute(name, 1, seq=1)
    assert (list(watched.contributions), watched.left_out, watched.value) == (["ann", "bob"], 2, 5)


def test_a_tolerance_that_was_learned_never_shrinks() -> None:
    watched = WatchedSum()
    for missing, ratio in ((10, 2 * 10 / 190), (1, 2 * 10 / 190), (40, 2 * 40 / 160)):
        watched.contribute("ann", 100, seq=1)
        watched.contribute("bob", missing - 100, seq=1)
        watched.learn()
        assert watched.ratio_ppb / 1e9 == pytest.approx(ratio)
