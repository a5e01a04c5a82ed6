"""Reading a shard's log, and the records that its batches name.

Everything here reads from a known offset to a known end, in order, and gives up with a message
when the broker does not deliver in time.
"""

from collections import deque
from collections.abc import AsyncIterator, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from monitor.streams.batch import Record, Slice
from monitor.streams.broker import BrokerError, deadline
from monitor.streams.codec import Run

READ_TIMEOUT_S = 20.0
POLL_MS = 500
RECORDS_PER_POLL_MAX = 5_000


class RetentionError(BrokerError):
    """Records that are needed are gone from the broker."""


async def read_partition(
    consumer: AIOKafkaConsumer, partition: TopicPartition, *, start: int, end: int
) -> AsyncIterator[Record]:
    """Give the records of a partition with start <= offset < end.

    Raises RetentionError when they are gone, TimeoutError when the broker does not deliver.
    """
    consumer.seek(partition, start)
    position = start
    while position < end:
        for record in await _fetch(consumer, partition, position):
            if record.offset >= end:
                return
            yield record
        position = await _position(consumer, partition)


class RunReader:
    """Fetches the records of runs; runs of a partition must be asked for in ascending order."""

    def __init__(self, consumer: AIOKafkaConsumer, starts: Mapping[TopicPartition, int]) -> None:
        self._consumer = consumer
        self._buffers: dict[TopicPartition, deque[Record]] = {}
        for partition, offset in starts.items():
            consumer.seek(partition, offset)
            self._buffers[partition] = deque()

    async def read(self, run: Run) -> Slice:
        """Return the records of a run.

        Raises RetentionError when they are gone, TimeoutError when the broker does not deliver.
        """
        partition = TopicPartition(run.topic, run.partition)
        buffer = self._buffers.get(partition)
        if buffer is None:
            raise BrokerError(
                f"{run.topic}/{run.partition}: expected a run of this shard's partitions, "
                f"received one of another; were shard, shards or the topics' names changed?"
            )
        records: list[Record] = []
        next_offset = run.first_offset
        while next_offset <= run.last_offset:
            if not buffer:
                buffer.extend(await _fetch(self._consumer, partition, next_offset))
                if not buffer:
                    next_offset = await _position(self._consumer, partition)
                    continue
            record = buffer.popleft()
            if record.offset > run.last_offset:
                buffer.appendleft(record)
                break
            if record.offset >= run.first_offset:
                records.append(record)
            next_offset = record.offset + 1
        if not records or records[-1].offset != run.last_offset:
            raise RetentionError(
                f"{run.topic}/{run.partition}: expected the records {run.first_offset} to "
                f"{run.last_offset} that the log says were applied, received "
                f"{[each.offset for each in records][-1:] or 'none of them'}"
            )
        return Slice(run.topic, run.partition, records)


async def _fetch(
    consumer: AIOKafkaConsumer, partition: TopicPartition, position: int
) -> list[Record]:
    """Return the next records of a partition; empty when its position moved without any."""
    try:
        async with deadline(READ_TIMEOUT_S):
            while True:
                fetched = await consumer.getmany(
                    partition, timeout_ms=POLL_MS, max_records=RECORDS_PER_POLL_MAX
                )
                records: list[Record] = fetched.get(partition, [])
                if records or await _position(consumer, partition) > position:
                    return records
    except OffsetOutOfRangeError as error:
        raise RetentionError(
            f"{partition.topic}/{partition.partition}: expected the record at offset {position}, "
            "received a broker that no longer has it: the topic was recreated or its retention "
            "is shorter than the age of the oldest snapshot; raise retention.ms, or start from "
            "an empty state directory with account snapshots ([service] bootstrap = true)"
        ) from error


async def _position(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    async with deadline(READ_TIMEOUT_S):
        position: int = await consumer.position(partition)
        return position
