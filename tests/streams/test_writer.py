"""The writer: heartbeats, silence, draining."""

import pytest

from monitor.config import KafkaSettings
from monitor.streams.codec import BATCH_APPLIED, decode_batch, decode_header
from tests.streams.node import Node
from tests.topic_access import (
    opening,
    present_journal,
    read_values,
    wait_until,
    write_events,
)

pytestmark = pytest.mark.service
HEARTBEAT = "loss_monitor_heartbeat_last_timestamp_seconds"


async def kinds(settings: KafkaSettings) -> list[str]:
    """Return the types of the log's records."""
    values = await read_values(settings, settings.topics.decisions)
    return [decode_header(value).type for value in values]


async def test_a_heartbeat_is_made_every_second_without_any_event(settings: KafkaSettings) -> None:
    node = Node(settings)
    await node.start()
    first = 0.0

    def beats() -> float:
        return node.vitals.measurements.value(HEARTBEAT)

    await wait_until(lambda: beats() > first, what="a first heartbeat")
    first = beats()
    await wait_until(lambda: beats() > first, what="a second heartbeat", wait_s=5)
    assert 0.9 <= beats() - first <= 4
    await node.stop()
    assert (await kinds(settings)).count("heartbeat") >= 2
    assert BATCH_APPLIED not in await kinds(settings), "expected no tick before catching up"


async def test_silence_is_an_event_that_stands_in_the_log(settings: KafkaSettings) -> None:
    node = Node(settings)
    node.writer.is_caught_up = lambda: True
    await node.start()
    await wait_until(lambda: node.applied, what="a tick")
    await node.stop()
    values = await read_values(settings, settings.topics.decisions)
    batch = next(value for value in values if decode_header(value).type == BATCH_APPLIED)
    (local,) = decode_batch(batch).local
    assert local.event.event_ns == node.shard.engine.engine_ns  # type: ignore[attr-defined]


async def test_stopping_applies_what_is_in_the_inbox(settings: KafkaSettings) -> None:
    events = opening(present_journal(), accounts=30)
    await write_events(settings, events)
    node = Node(settings, batch_events_max=7)
    await node.start()
    await wait_until(lambda: node.inbox.weight or node.applied, what="records in the inbox")
    await node.stop()
    assert node.inbox.weight == 0
    again = Node(settings, instance="again")
    await again.recover()
    await again.drop()
    assert again.shard.positions == node.shard.positions
