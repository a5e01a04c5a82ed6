"""A lost feed: how long is too long, and how long afterwards it is not trusted."""

from collections.abc import Sequence
from typing import Any

from monitor.core import events
from monitor.core.breaker_settings import FeedOutageSettings
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings

SECOND_NS = 10**9


def engine(**changes: Any) -> RiskEngine:
    own = {"limit_s": 5.0, "cool_off_s": 60, **changes}
    return RiskEngine(EngineSettings(breakers=(FeedOutageSettings(name="out", **own),)))


def lost(second: int, feed: str = "a") -> events.FeedLost:
    return events.FeedLost(event_ns=second * SECOND_NS, feed=feed, reason="silent")


def restored(second: int, feed: str = "a") -> events.FeedRestored:
    return events.FeedRestored(event_ns=second * SECOND_NS, feed=feed)


def tick(second: int) -> events.ClockTicked:
    return events.ClockTicked(event_ns=second * SECOND_NS)


def told(run: RiskEngine, sequence: Sequence[events.Event]) -> list[tuple[str, str, int]]:
    """Return (kind, scope, event_ns) of every decision."""
    made = [decision for event in sequence for _, decision in run.apply([event])]
    return [(one.kind, str(getattr(one, "scope", "")), one.event_ns) for one in made]


def test_it_trips_by_time_alone_and_rests_after_the_feed_is_back() -> None:
    sequence = [lost(10), tick(15), tick(16), restored(40), tick(99), tick(101)]
    assert told(engine(), sequence) == [
        ("breaker_tripped", "a", 15 * SECOND_NS + 1),
        ("breaker_cooling", "a", 40 * SECOND_NS),
        ("breaker_rearmed", "a", 100 * SECOND_NS),
    ]


def test_a_short_outage_and_the_silence_of_another_feed_trip_nothing() -> None:
    assert told(engine(), [lost(10), restored(15), tick(100)]) == []
    assert told(engine(scope="b"), [lost(10), tick(100)]) == []


def test_feeds_are_apart_and_lost_again_while_cooling_counts_from_the_end_of_the_cool_off() -> None:
    sequence = [lost(0), lost(2, "b"), restored(3, "b"), restored(10), lost(20), tick(200)]
    assert told(engine(), sequence) == [
        ("breaker_tripped", "a", 5 * SECOND_NS + 1),
        ("breaker_cooling", "a", 10 * SECOND_NS),
        ("breaker_rearmed", "a", 70 * SECOND_NS),
        ("breaker_tripped", "a", 75 * SECOND_NS + 1),
    ]


def test_a_restart_during_an_outage_changes_nothing() -> None:
    before, after = [lost(10), tick(12)], [tick(16), restored(40), tick(101)]
    steady = engine()
    told(steady, before)
    again = RiskEngine.from_state(steady.export_state(), steady.settings)
    assert told(again, after) == told(steady, after) != []
    assert again.state_hash() == steady.state_hash()
