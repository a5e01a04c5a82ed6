"""Followers of the stream: one rendering for all, bounded, and cut off when too slow."""

import json
from typing import Any

import pytest

from monitor.api.desk import Desk
from monitor.api.stream import FOLLOWERS_MAX, STEPS_QUEUED_MAX, Follower, StreamHub
from tests.api.crash import START_NS, Crash


@pytest.fixture
def hub(desk: Desk) -> StreamHub:
    return StreamHub(desk)


def messages_of(follower: Follower) -> list[tuple[str, Any]]:
    """Return what waits for a follower: (event, data)."""
    messages = []
    while not follower.queue.empty():
        chunk = follower.queue.get_nowait()
        if chunk is None:
            messages.append(("end", None))
            continue
        text = chunk.decode().removeprefix("retry: 1000\n\n")
        event, data = text.rstrip("\n").split("\n")
        messages.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return messages


def joined(hub: StreamHub) -> Follower:
    """Return a follower that was let in."""
    follower = hub.join()
    assert follower is not None
    return follower


def test_a_follower_gets_everything_first_and_then_only_what_is_new(
    hub: StreamHub, crash: Crash, desk: Desk
) -> None:
    crash.go_to(215, desk)
    follower = joined(hub)
    crash.go_to(221, desk)
    hub.step()
    (first, hello), (second, step) = messages_of(follower)
    assert (first, second) == ("hello", "step")
    assert len(hello["history"]["seconds"]) == 215
    assert len(step["history"]["seconds"]) == 6
    assert step["state"]["status"]["engine_ns"] == crash.view.engine_ns
    texts = [decision["text"] for decision in step["decisions"]]
    assert texts[0] == "Fund main pays 1,283,333 USDT"
    assert hello["decisions"][0]["number"] + len(texts) == step["decisions"][0]["number"]


def test_a_fresh_page_knows_when_breakers_tripped(hub: StreamHub, crash: Crash, desk: Desk) -> None:
    crash.go_to(230, desk)
    ((_, hello),) = messages_of(joined(hub))
    assert hello["breaker_trips_ns"] == [START_NS + 211 * 10**9]


def test_no_decision_is_told_twice_or_left_out(hub: StreamHub, crash: Crash, desk: Desk) -> None:
    early = joined(hub)
    for second in range(170, 245, 5):
        crash.go_to(second, desk)
        hub.step()
    told = [
        decision["number"]
        for _, message in messages_of(early)
        for decision in reversed(message["decisions"])
    ]
    assert told == list(range(1, crash.decisions.last_number + 1))


def test_a_slow_follower_is_cut_off_and_counted(hub: StreamHub, crash: Crash) -> None:
    slow, quick = joined(hub), joined(hub)
    for _ in range(STEPS_QUEUED_MAX + 1):
        hub.step()
        messages_of(quick)
    assert messages_of(slow) == [("end", None)]
    assert crash.measurements.value("loss_monitor_http_stream_dropped_total") == 1
    assert crash.measurements.value("loss_monitor_http_stream_clients") == 1
    hub.step()
    assert len(messages_of(quick)) == 1


def test_only_so_many_may_follow(hub: StreamHub) -> None:
    followers = [joined(hub) for _ in range(FOLLOWERS_MAX)]
    assert hub.join() is None
    hub.leave(followers[0])
    assert hub.join() is not None


def test_closing_ends_every_stream_and_lets_nobody_in(hub: StreamHub) -> None:
    follower = joined(hub)
    hub.close()
    assert messages_of(follower) == [("end", None)]
    assert hub.join() is None
