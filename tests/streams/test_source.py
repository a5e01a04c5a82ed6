"""The source: from our own positions, in order, held back by a full inbox."""

import asyncio

import pytest
from aiokafka import TopicPartition

from monitor.config import KafkaSettings
from monitor.runtime.inbox import Inbox
from monitor.runtime.vitals import Vitals
from monitor.streams.batch import Item, Slice
from monitor.streams.broker import BrokerError
from monitor.streams.source import Source
from tests.topic_access import wait_until, write_records

pytestmark = pytest.mark.service


def made(
    settings: KafkaSettings, *, start: int = 0, capacity: int = 100_000
) -> tuple[Source, Inbox[Item], TopicPartition]:
    """Return a source of the market topic, its inbox, and the partition."""
    market = TopicPartition(settings.topics.market, 0)
    inbox: Inbox[Item] = Inbox(capacity)
    return Source(settings, positions={market: start}, inbox=inbox, vitals=Vitals()), inbox, market


async def write_numbers(settings: KafkaSettings, count: int) -> None:
    """Write the records 0, 1, 2, ... to the market topic."""
    await write_records(
        settings, [(settings.topics.market, b"", b"%d" % number) for number in range(count)]
    )


async def taken(inbox: Inbox[Item], count: int) -> list[int]:
    """Return the offsets of so many records from the inbox."""
    offsets: list[int] = []
    async with asyncio.timeout(20):
        while len(offsets) < count:
            for item in await inbox.take(1_000, timeout_s=1):
                assert isinstance(item, Slice)
                offsets += [record.offset for record in item.records]
    return offsets


async def test_records_come_in_order_from_our_own_position(settings: KafkaSettings) -> None:
    await write_numbers(settings, 500)
    source, inbox, _ = made(settings, start=120)
    task = asyncio.create_task(source.run())
    assert await taken(inbox, 380) == list(range(120, 500))
    await wait_until(lambda: source.is_caught_up, what="caught up")
    task.cancel()


async def test_a_full_inbox_holds_the_source_back_and_loses_nothing(
    settings: KafkaSettings,
) -> None:
    await write_numbers(settings, 20_000)
    source, inbox, _ = made(settings, capacity=1_000)
    task = asyncio.create_task(source.run())
    await wait_until(lambda: inbox.is_full, what="a full inbox")
    assert not source.is_caught_up
    assert await taken(inbox, 20_000) == list(range(20_000))
    task.cancel()


async def test_a_position_that_the_topic_does_not_have_ends_the_source_with_the_fix(
    settings: KafkaSettings,
) -> None:
    source, _, _ = made(settings, start=10_000)
    with pytest.raises(BrokerError, match=r"raise retention\.ms"):
        async with asyncio.timeout(20):
            await source.run()
