"""Records to topics that are not the log: quarantine, and feeds' events to the market topic.

At least once: an answer that is not known is followed by the same record again. Quarantine says
where each record comes from, and a price said twice is one price.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaProducer

from monitor.config import KafkaSettings
from monitor.core.events import Event
from monitor.core.gate import elements, encode, is_array
from monitor.runtime.backoff import Backoff
from monitor.runtime.vitals import Vitals
from monitor.streams.batch import Record, Refused
from monitor.streams.broker import BROKER_ERRORS, deadline, start_producer, stop_producer

RETRY_CAP_S = 2.0
VALUE_BYTES_MAX = 1_000_000 - 4_096  # room for headers in Kafka's usual 1 MB
DETAIL_BYTES_MAX = 512
RECORDS_PER_SEND_MAX = 1_000

log = structlog.get_logger(__name__)


class Outgoing(NamedTuple):
    """A record on its way out."""

    value: bytes
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def quarantined(refused: Sequence[Refused]) -> list[Outgoing]:
    """Return the quarantine records of refused ones: the value and, as headers, why and where.

    Of an array it is the value of the refused element. The value is cut at 1 MB.
    """
    records = []
    whole: Record | None = None
    parts: list[bytes] = []
    for each in refused:
        record, element = each.origin.record, each.origin.element
        value = (record.value if record else None) or b""
        if element is not None and is_array(value):
            if record is not whole:  # those of one array follow each other: it is split once
                whole, parts = record, elements(value)
            value = parts[element]
        records.append(Outgoing(value[:VALUE_BYTES_MAX], None, _headers(each)))
    return records


def _headers(refused: Refused) -> tuple[tuple[str, bytes], ...]:
    origin = refused.origin
    headers = (
        ("reason", refused.reason.encode()),
        ("detail", refused.detail.encode(errors="replace")[:DETAIL_BYTES_MAX]),
        ("topic", origin.topic.encode()),
        ("partition", str(origin.partition).encode()),
        ("offset", str(origin.number).encode()),
    )
    if origin.element is None:
        return headers
    return (*headers, ("element", str(origin.element).encode()))


def market_record(event: Event) -> Outgoing:
    """Return the record of a market event, keyed by its instrument or index."""
    key = getattr(event, "instrument", None) or getattr(event, "index", None)
    return Outgoing(encode(event), key.encode() if key else None)


class Outbox:
    """Sends records, as often as it takes."""

    def __init__(self, settings: KafkaSettings, *, vitals: Vitals) -> None:
        self._settings = settings
        self._vitals = vitals
        self._producer: AIOKafkaProducer | None = None
        self._mending = asyncio.Lock()

    async def send(
        self, topic: str, records: Sequence[Outgoing], *, partition: int | None = None
    ) -> None:
        """Send records in order; return when all are acknowledged. Tries until then."""
        for first in range(0, len(records), RECORDS_PER_SEND_MAX):
            await self._send(topic, records[first : first + RECORDS_PER_SEND_MAX], partition)

    async def close(self) -> None:
        """Let the producer go."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_producer(producer)

    async def _send(self, topic: str, records: Sequence[Outgoing], partition: int | None) -> None:
        backoff = Backoff(self._vitals.clock, cap_s=RETRY_CAP_S)
        while True:
            producer = None
            try:
                producer = await self._started()
                async with deadline(self._settings.request_timeout_s):
                    sent = [
                        await producer.send(
                            topic,
                            value=record.value,
                            key=record.key,
                            headers=list(record.headers),
                            partition=partition,
                        )
                        for record in records
                    ]
                    await asyncio.gather(*sent)
            except BROKER_ERRORS as error:
                self._vitals.measurements.increase("loss_monitor_kafka_errors_total")
                log.warning("send_failed", topic=topic, error=repr(error))
                await self._discard(producer)
            else:
                return
            await asyncio.sleep(backoff.next_delay_s())

    async def _started(self) -> AIOKafkaProducer:
        """Return the producer, started once however many senders wait for it."""
        async with self._mending:
            if self._producer is None:
                self._producer = await start_producer(self._settings)
            return self._producer

    async def _discard(self, producer: AIOKafkaProducer | None) -> None:
        """Drop a producer that failed, unless somebody already put a new one in its place."""
        if producer is not None and self._producer is producer:
            self._producer = None
            await stop_producer(producer)
