"""Reading runs and partitions exactly, or saying what is missing."""

import pytest
from aiokafka import TopicPartition

from monitor.config import KafkaSettings
from monitor.streams.broker import BrokerError, open_consumer
from monitor.streams.codec import Run
from monitor.streams.log import RetentionError, RunReader, read_partition
from tests.topic_access import forget, write_records

pytestmark = pytest.mark.service


@pytest.fixture
async def market(settings: KafkaSettings) -> TopicPartition:
    """Return the market partition with the records 0 to 99 in it."""
    topic = settings.topics.market
    await write_records(settings, [(topic, b"", b"%d" % number) for number in range(100)])
    return TopicPartition(topic, 0)


def run(market: TopicPartition, first: int, last: int) -> Run:
    """Return a run of the market partition."""
    return Run(topic=market.topic, partition=0, first_offset=first, last_offset=last)


async def test_runs_give_exactly_their_records(
    settings: KafkaSettings, market: TopicPartition
) -> None:
    async with open_consumer(settings, [market]) as consumer:
        reader = RunReader(consumer, {market: 0})
        for first, last in ((0, 0), (1, 40), (50, 99)):
            part = await reader.read(run(market, first, last))
            assert [record.offset for record in part.records] == list(range(first, last + 1))


async def test_a_partition_is_read_from_a_start_to_an_end(
    settings: KafkaSettings, market: TopicPartition
) -> None:
    async with open_consumer(settings, [market]) as consumer:
        records = read_partition(consumer, market, start=10, end=90)
        assert [record.offset async for record in records] == list(range(10, 90))


async def test_records_that_are_gone_are_told_with_the_fix(
    settings: KafkaSettings, market: TopicPartition
) -> None:
    await forget(settings, market, 60)
    async with open_consumer(settings, [market]) as consumer:
        reader = RunReader(consumer, {market: 20})
        with pytest.raises(RetentionError, match=r"offset 20, .*raise retention\.ms"):
            await reader.read(run(market, 20, 30))


async def test_a_run_of_a_partition_that_is_not_ours_is_told(
    settings: KafkaSettings, market: TopicPartition
) -> None:
    async with open_consumer(settings, [market]) as consumer:
        reader = RunReader(consumer, {market: 0})
        other = Run(topic="elsewhere", partition=5, first_offset=0, last_offset=1)
        with pytest.raises(BrokerError, match="were shard, shards or the topics' names changed"):
            await reader.read(other)
