"""What tests of the streams need of a broker: write events, read a topic, wait for something."""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from monitor.config import KafkaSettings, TopicSettings
from monitor.core.events import ACCOUNT_EVENTS, AnyEvent
from monitor.core.gate import encode
from monitor.runtime.clock import Clock
from tests.builders import Journal

WAIT_S = 30.0


async def wait_until(condition: Callable[[], object], *, what: str, wait_s: float = WAIT_S) -> None:
    """Return when the condition holds; fail, naming it, when it does not in time."""
    try:
        async with asyncio.timeout(wait_s):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.01)
    except TimeoutError as error:
        raise AssertionError(f"expected {what} within {wait_s} s") from error


async def write_events(settings: KafkaSettings, events: Iterable[AnyEvent]) -> None:
    """Write events to their topics, accounts by their key, and wait for the acknowledgement."""
    records = [
        (settings.topics.accounts, event.account.encode(), encode(event))
        if isinstance(event, ACCOUNT_EVENTS)
        else (settings.topics.market, b"", encode(event))
        for event in events
    ]
    await write_records(settings, records)


async def write_records(
    settings: KafkaSettings, records: Sequence[tuple[str, bytes, bytes]]
) -> None:
    """Write (topic, key, value) records in order and wait for the acknowledgement."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers, linger_ms=2)
    await producer.start()
    try:
        sent = [
            await producer.send(topic, value=value, key=key or None)
            for topic, key, value in records
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def read_topic(
    settings: KafkaSettings, topic: str, *, partition: int = 0
) -> list[ConsumerRecord]:
    """Return every record of a partition."""
    place = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.bootstrap_servers)
    await consumer.start()
    try:
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        records: list[ConsumerRecord] = []
        async with asyncio.timeout(WAIT_S):
            while await consumer.position(place) < end:
                records += (await consumer.getmany(place, timeout_ms=200)).get(place, [])
        return [record for record in records if record.offset < end]
    finally:
        await consumer.stop()


async def read_values(settings: KafkaSettings, topic: str) -> list[bytes]:
    """Return the values of partition 0."""
    return [record.value or b"" for record in await read_topic(settings, topic)]


async def forget(settings: KafkaSettings, partition: TopicPartition, before: int) -> None:
    """Let the broker delete the records before an offset, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    async with asyncio.timeout(20):
        await admin.start()
        await admin.delete_records({partition: RecordsToDelete(before_offset=before)})
        await admin.close()


def kafka_settings(bootstrap_servers: str, topics: TopicSettings) -> KafkaSettings:
    """Return settings for a test's own topics."""
    return KafkaSettings(bootstrap_servers=bootstrap_servers, topics=topics)


def present_journal() -> Journal:
    """Return a journal whose events happen now: old ones would cause no action."""
    return Journal(Clock().now_ns())


def opening(journal: Journal, *, accounts: int) -> list[AnyEvent]:
    """Return a book of longs and shorts in one instrument, near their margin calls."""
    journal.list_instrument("AAA-PERP", fund="main")
    journal.fund("main", 1_000)
    journal.mark("AAA-PERP", 100)
    for number in range(accounts):
        name = f"account-{number}"
        journal.open(name)
        journal.balance(name, 100)
        size = 5 + number % 6
        journal.position(name, "AAA-PERP", size if number % 2 else -size, 100)
    return journal.take()


def trading(journal: Journal, *, steps: int, accounts: int, seed: int) -> list[AnyEvent]:
    """Return marks that swing by 30 % and balances that follow: plenty of decisions."""
    generator = random.Random(seed)
    for step in range(steps):
        journal.wait(0.001)
        journal.mark("AAA-PERP", 100 + generator.randint(-30, 30))
        for _ in range(3):
            name = f"account-{generator.randrange(accounts)}"
            journal.balance(name, generator.randint(50, 150), reason="adjustment")
        if step % 10 == 9:
            name = f"account-{generator.randrange(accounts)}"
            journal.position(name, "AAA-PERP", generator.randint(-12, 12) or 1, 100)
    return journal.take()
