"""Whose records count."""

from monitor.streams.codec import LeaderStarted
from monitor.streams.epochs import EpochGuard


def test_a_higher_epoch_makes_the_lower_ones_void() -> None:
    guard = EpochGuard(3, instance="a")
    assert guard.admits(3)
    assert guard.leader_started(LeaderStarted(epoch=4, instance="b"))
    assert not guard.admits(3)
    assert guard.admits(4)
    assert guard.instance == "b"


def test_of_two_writers_with_one_epoch_the_first_in_the_log_has_it() -> None:
    guard = EpochGuard(3)
    assert guard.leader_started(LeaderStarted(epoch=4, instance="first"))
    assert not guard.leader_started(LeaderStarted(epoch=4, instance="second"))
    assert guard.instance == "first"


def test_a_start_with_an_old_epoch_changes_nothing() -> None:
    guard = EpochGuard(3, instance="a")
    assert not guard.leader_started(LeaderStarted(epoch=2, instance="b"))
    assert (guard.epoch, guard.instance) == (3, "a")
