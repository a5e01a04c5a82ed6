"""How the exchange's events reach Kafka: account events by account, all others by instrument."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
from aiokafka import AIOKafkaProducer

from monitor.config import TopicSettings
from monitor.core.events import AccountEvent, AccountOpened, Event

PUBLISH_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 3.0
BATCH_BYTES_MAX = 256 * 1024


class Publisher:
    """Sends events in order and waits until the broker has them."""

    def __init__(self, producer: AIOKafkaProducer, topics: TopicSettings) -> None:
        self._producer = producer
        self._topics = topics
        self._encoder = msgspec.json.Encoder()
        self.events = 0
        self.value_bytes = 0

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish the events of a step, in order; a record an event.

        Raises TimeoutError or a KafkaError when the broker does not take them.
        """
        async with asyncio.timeout(PUBLISH_TIMEOUT_S):
            receipts = [await self._send(event) for event in events]
            await asyncio.gather(*receipts)

    async def _send(self, event: Event) -> asyncio.Future[object]:
        topic, key = self._address(event)
        value = self._encoder.encode(event)
        self.events += 1
        self.value_bytes += len(value)
        receipt: asyncio.Future[object] = await self._producer.send(topic, value, key=key)
        return receipt

    def _address(self, event: Event) -> tuple[str, bytes | None]:
        if isinstance(event, AccountEvent | AccountOpened):
            return self._topics.accounts, event.account.encode()
        instrument = getattr(event, "instrument", None)
        return self._topics.market, None if instrument is None else instrument.encode()


def silence_client_logs() -> None:
    """Keep aiokafka from logging what it also raises: the demo says it in one line."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@asynccontextmanager
async def open_publisher(bootstrap_servers: str, topics: TopicSettings) -> AsyncIterator[Publisher]:
    """Give a publisher to the broker.

    Raises TimeoutError or a KafkaError when the broker cannot be reached.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        enable_idempotence=True,
        compression_type="gzip",
        linger_ms=2,
        max_batch_size=BATCH_BYTES_MAX,
    )
    try:
        async with asyncio.timeout(PUBLISH_TIMEOUT_S):
            await producer.start()
        yield Publisher(producer, topics)
    finally:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await producer.stop()
