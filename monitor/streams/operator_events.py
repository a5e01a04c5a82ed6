"""What an operator says, into the market topic: the place that makes it a fact for every shard.

A record of the market topic has a position before it is applied, every shard and every standby
reads it, and it replays. Nothing needs to be running but the broker.
"""

import asyncio

from aiokafka import AIOKafkaProducer

from monitor.config import KafkaSettings
from monitor.core.events import BreakerReset
from monitor.core.gate import encode
from monitor.streams.broker import (
    BROKER_ERRORS,
    BrokerError,
    deadline,
    start_producer,
    stop_producer,
)
from monitor.streams.topics import ensure_topics


def record_breaker_reset(settings: KafkaSettings, event: BreakerReset, *, shards: int) -> int:
    """Write a reset to the market topic and return its offset; for a command, with its own loop.

    Raises BrokerError when the broker cannot be reached in time or lacks the topics.
    """
    return asyncio.run(_record(settings, event, shards))


async def _record(settings: KafkaSettings, event: BreakerReset, shards: int) -> int:
    try:
        await ensure_topics(settings, shards=shards, create=False)
        producer = await start_producer(settings)
        try:
            return await _send(producer, settings, event)
        finally:
            await stop_producer(producer)
    except BROKER_ERRORS as error:
        raise BrokerError(
            f"expected Kafka at {settings.bootstrap_servers} to take the reset, received {error!r}"
            "; it may have been recorded: asking again does no harm"
        ) from error


async def _send(producer: AIOKafkaProducer, settings: KafkaSettings, event: BreakerReset) -> int:
    async with deadline(settings.request_timeout_s):
        sent = await producer.send_and_wait(
            settings.topics.market, value=encode(event), partition=0
        )
    return int(sent.offset)
