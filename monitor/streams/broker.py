"""Clients of the broker, none of which can hang: the only place that makes them.

aiokafka does not tell when the broker is gone: a consumer then returns nothing, for ever, and
`stop()` never returns (aiokafka issues 1101 and 1154). So every call here has a deadline, and
whoever reads asks the broker for the end of its partitions once a second.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from monitor.config import KafkaSettings

STOP_TIMEOUT_S = 1.5
RECORD_BYTES_MAX = 16 * 1024 * 1024
FETCH_BYTES_MAX = 4 * 1024 * 1024
BATCH_BYTES_MAX = 900_000
BROKER_ERRORS = (KafkaError, OSError, TimeoutError)


class BrokerError(Exception):
    """The broker does not do what is needed; the message says what to change."""


@asynccontextmanager
async def open_consumer(
    settings: KafkaSettings, partitions: Iterable[TopicPartition]
) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a consumer that has the partitions assigned, without a group.

    Raises one of BROKER_ERRORS when the broker cannot be reached in time.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="none",
        request_timeout_ms=round(settings.request_timeout_s * 1000),
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
        fetch_max_wait_ms=250,
        metadata_max_age_ms=60_000,
    )
    try:
        async with deadline(settings.request_timeout_s):
            await consumer.start()
        consumer.assign(list(partitions))
        yield consumer
    finally:
        await _stop(consumer)


async def start_producer(settings: KafkaSettings) -> AIOKafkaProducer:
    """Return a started idempotent producer; raises one of BROKER_ERRORS."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap_servers,
        enable_idempotence=True,
        acks="all",
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=RECORD_BYTES_MAX,
        request_timeout_ms=round(settings.request_timeout_s * 1000),
        metadata_max_age_ms=60_000,
    )
    try:
        async with deadline(settings.request_timeout_s):
            await producer.start()
    except BaseException:
        await _stop(producer)
        raise
    return producer


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Stop a producer, giving up on one whose broker is gone."""
    await _stop(producer)


async def _stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Stop a client within STOP_TIMEOUT_S; a dead broker makes aiokafka wait for ever.

    When that fails, at least its connections and its metadata task are closed (aiokafka has no
    public way to do that for a consumer).
    """
    if await _ended_well(client.stop()):
        return
    connections = client._client if isinstance(client, AIOKafkaConsumer) else client.client
    await _ended_well(connections.close())


async def _ended_well(closing: Coroutine[Any, Any, None]) -> bool:
    """Return whether a call ended in time and without an error.

    It runs in a task of its own, because aiokafka may also raise the cancellation of one of its
    tasks, which would end ours.
    """
    task = asyncio.get_running_loop().create_task(closing)
    _, unfinished = await asyncio.wait({task}, timeout=STOP_TIMEOUT_S)
    for late in unfinished:
        late.cancel()
    return not unfinished and not task.cancelled() and task.exception() is None


@asynccontextmanager
async def deadline(timeout_s: float) -> AsyncIterator[None]:
    """Bound calls of aiokafka: TimeoutError when time is up, ConnectionError for a stray end.

    A lost connection may cancel futures that we wait for; without this our task would end as
    cancelled, and nobody would notice.
    """
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionError("expected an answer, received a cancelled call") from error


async def end_offsets(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition], *, timeout_s: float
) -> dict[TopicPartition, int]:
    """Return the next offset of each partition; raises one of BROKER_ERRORS."""
    async with deadline(timeout_s):
        offsets: dict[TopicPartition, int] = await consumer.end_offsets(list(partitions))
        return offsets


async def beginning_offsets(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition], *, timeout_s: float
) -> dict[TopicPartition, int]:
    """Return the oldest offset of each partition; raises one of BROKER_ERRORS."""
    async with deadline(timeout_s):
        offsets: dict[TopicPartition, int] = await consumer.beginning_offsets(list(partitions))
        return offsets
