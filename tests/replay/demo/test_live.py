"""The demo exchange on a real broker: what it says passes the gate, what it hears it obeys."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from monitor.config import TopicSettings
from monitor.core import events
from monitor.core.gate import Refusal, decode
from monitor.replay.demo.exchange import Exchange
from monitor.replay.demo.follower import Follower
from monitor.replay.demo.live import LiveExchange, following
from monitor.replay.demo.publisher import open_publisher
from monitor.replay.demo.reference_feed import ReferenceFeed
from monitor.runtime.clock import Clock
from tests.services import KafkaAddress

pytestmark = pytest.mark.service
TRIPPED = (
    b'{"type":"breaker_tripped","decision_id":"a","event_ns":1,"epoch":0,"breaker":"b",'
    b'"scope":"ETH-PERP","measured":"0.2","limit":"0.1","action":"halt"}'
)


async def read_all(
    kafka: KafkaAddress, topics: TopicSettings
) -> dict[str, list[tuple[str, bytes]]]:
    """Return (key, value) of every record of the two event topics, by topic."""
    found: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    consumer = AIOKafkaConsumer(
        topics.accounts,
        topics.market,
        bootstrap_servers=kafka.bootstrap_servers,
        auto_offset_reset="earliest",
    )
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(each) < end for each, end in ends.items()]):
            for partition, records in (await consumer.getmany(timeout_ms=100)).items():
                found[partition.topic] += [
                    ((record.key or b"").decode(), record.value) for record in records
                ]
    return found


async def until(condition: Callable[[], bool]) -> None:
    """Return once a condition holds; the caller's deadline ends the wait."""
    while not condition():
        await asyncio.to_thread(lambda: None)


async def test_every_record_passes_the_gate_with_its_key(
    kafka: KafkaAddress, topic_names: TopicSettings
) -> None:
    exchange = Exchange(seed=3, cycle_s=20.0, start_ns=Clock().now_ns(), accounts=100)
    async with (
        asyncio.timeout(60),
        open_publisher(kafka.bootstrap_servers, topic_names) as publisher,
    ):
        live = LiveExchange(exchange, publisher, ReferenceFeed(), Clock())
        await live.run(1.0)
        records = await read_all(kafka, topic_names)
    assert sum(map(len, records.values())) == publisher.events
    for key, value in records[topic_names.accounts]:
        (event,) = decode(value)
        assert isinstance(event, events.AccountEvent | events.AccountOpened)
        assert key == event.account
    for key, value in records[topic_names.market]:
        (event,) = decode(value)
        assert not isinstance(event, Refusal | events.AccountEvent)
        assert key == (getattr(event, "instrument", None) or "")


async def test_a_tripped_breaker_halts_its_instrument(
    kafka: KafkaAddress, topic_names: TopicSettings
) -> None:
    servers = kafka.bootstrap_servers
    exchange = Exchange(seed=3, cycle_s=20.0, start_ns=Clock().now_ns(), accounts=100)
    async with asyncio.timeout(60), open_publisher(servers, topic_names) as publisher:
        live = LiveExchange(exchange, publisher, ReferenceFeed(), Clock())
        async with (
            following(servers, topic_names.decisions, live),
            AIOKafkaProducer(bootstrap_servers=servers) as producer,
        ):
            playing = asyncio.create_task(live.run(None))
            await producer.send_and_wait(topic_names.decisions, TRIPPED)
            await until(lambda: live.halts > 0)
            live.stop()
            await playing
    assert live.story.kinds == {"breaker_tripped": 1}
    assert 1 in exchange.desk.halted_until_ns  # the column of ETH-PERP


async def test_decisions_made_before_the_follower_came_are_not_acted_on(
    kafka: KafkaAddress, topic_names: TopicSettings
) -> None:
    heard: list[str] = []
    started = asyncio.Event()
    async with (
        asyncio.timeout(60),
        AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers) as producer,
    ):
        await producer.send_and_wait(topic_names.decisions, TRIPPED)
        follower = Follower(
            kafka.bootstrap_servers,
            topic_names.decisions,
            lambda decision: heard.append(decision["decision_id"]),
        )
        task = asyncio.create_task(follower.run(started))
        await started.wait()
        later = TRIPPED.replace(b'"decision_id":"a"', b'"decision_id":"c"')
        await producer.send_and_wait(topic_names.decisions, later)
        await until(lambda: bool(heard))
        task.cancel()
    assert heard == ["c"]
