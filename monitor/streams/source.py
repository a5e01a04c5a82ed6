"""Records from Kafka into the inbox, for as long as it takes.

Partitions are assigned by hand and read from our own positions; Kafka's groups and committed
offsets play no part. A full inbox makes the source wait, and Kafka keeps the rest. A broker that
is gone is noticed by asking it once a second; then everything is made anew and goes on where it
stopped.
"""

import asyncio
from collections.abc import Iterable, Mapping

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from monitor.config import KafkaSettings
from monitor.runtime.backoff import Backoff
from monitor.runtime.inbox import Inbox
from monitor.runtime.vitals import Vitals
from monitor.streams.align import take_aligned
from monitor.streams.batch import Item, Record
from monitor.streams.broker import BROKER_ERRORS, BrokerError, deadline, end_offsets, open_consumer

PROBE_INTERVAL_S = 1.0
PROBE_TIMEOUT_S = 1.5
POLL_MS = 100
RETRY_CAP_S = 2.0
RECORDS_PER_POLL_MAX = 4_000

log = structlog.get_logger(__name__)


class Source:
    """Reads one shard's input partitions from `positions` into the inbox."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        positions: Mapping[TopicPartition, int],
        inbox: Inbox[Item],
        vitals: Vitals,
    ) -> None:
        self._settings = settings
        self._next = dict(positions)
        self._inbox = inbox
        self._vitals = vitals
        self._ends: dict[TopicPartition, int] = {}
        self._buffers: dict[tuple[str, int], list[Record]] = {}
        self._partitions = list(self._next)

    @property
    def is_caught_up(self) -> bool:
        """Return whether, by the broker's last answer, everything there is is in the inbox."""
        return bool(self._ends) and all(
            self._next[partition] >= end for partition, end in self._ends.items()
        )

    async def run(self) -> None:
        """Read until cancelled; a broken session is followed by a new one."""
        backoff = Backoff(self._vitals.clock, cap_s=RETRY_CAP_S, healthy_s=10.0)
        while True:
            try:
                async with open_consumer(self._settings, self._partitions) as consumer:
                    await self._session_until_lost(consumer, backoff)
            except OffsetOutOfRangeError as error:
                raise BrokerError(
                    f"expected the records from {self._next} on, received a broker that no "
                    f"longer has them ({error}): retention is shorter than the monitor's "
                    "absence; raise retention.ms of the topics, and start from an empty state "
                    "directory with account snapshots ([service] bootstrap = true)"
                ) from error
            except BROKER_ERRORS as error:
                self._lost(error)
            await asyncio.sleep(backoff.next_delay_s())

    async def _session_until_lost(self, consumer: AIOKafkaConsumer, backoff: Backoff) -> None:
        """Read until the broker is lost; say so before the consumer takes its time to end."""
        try:
            await self._session(consumer, backoff)
        except OffsetOutOfRangeError:
            raise
        except BROKER_ERRORS as error:
            self._lost(error)

    async def _session(self, consumer: AIOKafkaConsumer, backoff: Backoff) -> None:
        """Read with one consumer until it fails."""
        for partition in self._partitions:
            consumer.seek(partition, self._next[partition])
        self._buffers = {(each.topic, each.partition): [] for each in self._partitions}
        await self._probe(consumer)
        backoff.started()
        if self._vitals.health.set("kafka_source", is_ok=True):
            log.info("kafka_connected", servers=self._settings.bootstrap_servers)
        self._vitals.measurements.set_to("loss_monitor_kafka_connected", 1)
        probed_s = self._vitals.clock.monotonic_s()
        while True:
            await self._poll(consumer)
            await self._hand_over()
            if self._vitals.clock.monotonic_s() - probed_s >= PROBE_INTERVAL_S:
                await self._probe(consumer)
                probed_s = self._vitals.clock.monotonic_s()

    async def _probe(self, consumer: AIOKafkaConsumer) -> None:
        """Ask the broker for the ends: the only way to learn that it is there."""
        self._ends = await end_offsets(consumer, self._partitions, timeout_s=PROBE_TIMEOUT_S)
        lag: dict[str, int] = {}
        for partition, end in self._ends.items():
            behind = max(0, end - self._next[partition])
            lag[partition.topic] = lag.get(partition.topic, 0) + behind
        names = {self._settings.topics.accounts: "accounts", self._settings.topics.market: "market"}
        for topic, records in lag.items():
            name = names.get(topic, topic)
            self._vitals.measurements.set_to("loss_monitor_kafka_lag_records", records, name)
        oldest_ms: dict[str, float] = {}
        now_ms = self._vitals.clock.now_ns() / 1e6
        for (topic, _), buffered in self._buffers.items():
            age = max(0.0, now_ms - buffered[0].timestamp) if buffered else 0.0
            oldest_ms[topic] = max(oldest_ms.get(topic, 0.0), age)
        for topic, age_ms in oldest_ms.items():
            name = names.get(topic, topic)
            self._vitals.measurements.set_to("loss_monitor_kafka_lag_seconds", age_ms / 1e3, name)

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        """Fetch for the partitions whose buffer is empty."""
        needy = [each for each in self._partitions if not self._buffers[tuple(each)]]
        async with deadline(self._settings.request_timeout_s):
            fetched = await consumer.getmany(
                *needy, timeout_ms=POLL_MS, max_records=RECORDS_PER_POLL_MAX
            )
        for partition, records in fetched.items():
            self._buffers[tuple(partition)].extend(records)

    async def _hand_over(self) -> None:
        """Put into the inbox what may be applied now; waits while the inbox is full."""
        for part in take_aligned(self._buffers, ended=set(self._ended())):
            item = part._replace(fetched_ns=self._vitals.clock.now_ns())
            await self._inbox.put(item, weight=len(part.records))
            partition = TopicPartition(part.topic, part.partition)
            self._next[partition] = part.records[-1].offset + 1

    def _ended(self) -> Iterable[tuple[str, int]]:
        """Return the partitions of which, by the last probe, there is no more to fetch."""
        for partition in self._partitions:
            buffered = self._buffers[tuple(partition)]
            fetched = buffered[-1].offset + 1 if buffered else self._next[partition]
            if fetched >= self._ends.get(partition, 0):
                yield tuple(partition)

    def _lost(self, error: BaseException) -> None:
        self._ends = {}
        self._vitals.measurements.increase("loss_monitor_kafka_errors_total")
        self._vitals.measurements.set_to("loss_monitor_kafka_connected", 0)
        servers = self._settings.bootstrap_servers
        detail = f"expected Kafka at {servers}, received {error!r}; trying again"
        if self._vitals.health.set("kafka_source", detail, is_ok=False):
            log.error("kafka_lost", servers=servers, error=repr(error))
