"""The only writer to a shard's log: appends, in order, through every failure of the broker.

One append is under way at a time. When the answer to it is not known, nobody can say whether the
records are in the log. So the journal leads anew: it appends `leader_started` with the next epoch,
which makes void whatever of the old attempt may still arrive, reads the log up to its own record,
and appends only what is missing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from monitor.config import KafkaSettings
from monitor.runtime.backoff import Backoff
from monitor.runtime.vitals import Vitals
from monitor.streams.broker import (
    BROKER_ERRORS,
    BrokerError,
    deadline,
    open_consumer,
    start_producer,
    stop_producer,
)
from monitor.streams.codec import (
    BATCH_APPLIED,
    HEARTBEAT,
    LEADER_STARTED,
    LeaderStarted,
    LogHeader,
    decode_header,
    decode_leader,
    encode_record,
)
from monitor.streams.epochs import EpochGuard
from monitor.streams.log import read_partition

RETRY_CAP_S = 2.0
FATAL_ERRORS = (
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
Result = TypeVar("Result")
log = structlog.get_logger(__name__)


class LeadershipLostError(Exception):
    """Another writer of this shard has started: this one must stop."""


class Pending(NamedTuple):
    """Records to append: their keys in order, and their bytes under a given epoch.

    The key of a decision is its id, that of a batch is BATCH_APPLIED. Bytes beyond the keys are
    heartbeats: they are appended once more rather than looked for.
    """

    keys: Sequence[str]
    encode: Callable[[int], list[bytes]]


class Journal:
    """The log of one shard, for its one writer.

    `instance` names this start of the writer among all others, for ever. `epoch` is its epoch;
    `end_offset` is the next offset after everything acknowledged.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        shard: int,
        instance: str,
        vitals: Vitals,
    ) -> None:
        self._settings = settings
        self.partition = TopicPartition(settings.topics.decisions, shard)
        self.instance = instance
        self._vitals = vitals
        self._producer: AIOKafkaProducer | None = None
        self.epoch = 0
        self.end_offset = 0

    async def announce(self, *, epoch_seen: int) -> int:
        """Append `leader_started` with an epoch above `epoch_seen`; return its offset.

        Tries until the broker acknowledges. Whether it leads says the log up to that offset.
        """
        return await self._until_done(lambda: self._announce(epoch_seen))

    async def append(self, pending: Pending) -> int:
        """Append records; return the first one's offset when all of them are acknowledged.

        Raises LeadershipLostError when another writer has started, BrokerError for what no
        retry can mend.
        """
        start = self.end_offset
        try:
            return await self._send(pending.encode(self.epoch))
        except FATAL_ERRORS as error:
            raise self._refused(error) from error
        except BROKER_ERRORS as error:
            self._lost(error)
            known = EpochGuard(self.epoch, instance=self.instance)
            return await self._until_done(lambda: self._append_missing(pending, start, known))

    async def close(self) -> None:
        """Let the producer go."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_producer(producer)

    async def _announce(self, epoch_seen: int) -> int:
        """Append `leader_started` once, through a new producer; return its offset."""
        await self.close()
        self._producer = await start_producer(self._settings)
        self.epoch = max(epoch_seen, self.epoch) + 1
        record = LeaderStarted(epoch=self.epoch, instance=self.instance)
        await self._send([encode_record(record)])
        return self.end_offset - 1

    async def _append_missing(self, pending: Pending, start: int, known: EpochGuard) -> int:
        """Lead anew, and append what of `pending` is not in the log after `start`."""
        own_offset = await self._announce(known.epoch)
        present = await self._find_present(pending, start, own_offset, known)
        self._vitals.measurements.set_to("loss_monitor_leader_epoch", self.epoch)
        values = pending.encode(self.epoch)[len(present) :]
        first_sent = await self._send(values) if values else self.end_offset
        return present[0] if present else first_sent

    async def _find_present(
        self, pending: Pending, start: int, own_offset: int, known: EpochGuard
    ) -> list[int]:
        """Return where the pending records stand in the log, validly, before our own."""
        guard = EpochGuard(known.epoch, instance=known.instance)
        present: list[int] = []
        async with open_consumer(self._settings, [self.partition]) as consumer:
            async for record in read_partition(
                consumer, self.partition, start=start, end=own_offset
            ):
                value = record.value or b""
                header = decode_header(value)
                if header.type == LEADER_STARTED:
                    self._meet_leader(guard, decode_leader(value))
                elif header.type != HEARTBEAT and guard.admits(header.epoch):
                    self._check_present(pending, len(present), header, record.offset)
                    present.append(record.offset)
        if guard.epoch >= self.epoch:
            raise LeadershipLostError(
                f"expected to lead {self.partition.topic}/{self.partition.partition} with epoch "
                f"{self.epoch}, received epoch {guard.epoch} of {guard.instance} before it"
            )
        return present

    def _meet_leader(self, guard: EpochGuard, leader: LeaderStarted) -> None:
        """Go on past our own earlier attempts; stop at anybody else's start."""
        if guard.leader_started(leader) and leader.instance != self.instance:
            raise LeadershipLostError(
                f"expected to lead {self.partition.topic}/{self.partition.partition}, received "
                f"leader_started of {leader.instance} with epoch {leader.epoch}"
            )

    def _check_present(self, pending: Pending, number: int, header: LogHeader, offset: int) -> None:
        key = BATCH_APPLIED if header.type == BATCH_APPLIED else header.decision_id
        if number >= len(pending.keys) or pending.keys[number] != key:
            raise LeadershipLostError(
                f"{self.partition.topic}/{self.partition.partition} offset {offset}: expected "
                f"only our own records, received {header.type} {header.decision_id} of epoch "
                f"{header.epoch}: another writer appends with our epoch"
            )

    async def _send(self, values: Sequence[bytes]) -> int:
        """Append values in order, each batch acknowledged before the next is sent.

        Returns the offset of the first one.
        """
        producer = self._producer
        assert producer is not None, "expected a started journal"
        first = 0
        first_offset = self.end_offset
        while first < len(values):
            builder = producer.create_batch()
            count = 0
            for value in values[first:]:
                if builder.append(key=None, value=value, timestamp=None) is None:
                    break
                count += 1
            assert count > 0, "expected a batch to take its first record"
            async with deadline(self._settings.request_timeout_s):
                sent = await producer.send_batch(
                    builder, self.partition.topic, partition=self.partition.partition
                )
                metadata = await sent
            if metadata.offset < 0:
                raise TimeoutError("expected the offset of a batch, received none")
            first_offset = metadata.offset if first == 0 else first_offset
            self.end_offset = metadata.offset + count
            first += count
        return first_offset

    async def _until_done(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Return what an attempt returns, trying until the broker lets it."""
        backoff = Backoff(self._vitals.clock, cap_s=RETRY_CAP_S)
        while True:
            try:
                result = await attempt()
            except FATAL_ERRORS as error:
                raise self._refused(error) from error
            except BROKER_ERRORS as error:
                self._lost(error)
            else:
                self._vitals.health.set("kafka_log", is_ok=True)
                return result
            await asyncio.sleep(backoff.next_delay_s())

    def _lost(self, error: BaseException) -> None:
        self._vitals.measurements.increase("loss_monitor_kafka_errors_total")
        servers = self._settings.bootstrap_servers
        detail = f"expected the log at {servers} to acknowledge, received {error!r}; trying again"
        if self._vitals.health.set("kafka_log", detail, is_ok=False):
            log.error("log_lost", servers=servers, error=repr(error))

    def _refused(self, error: BaseException) -> BrokerError:
        return BrokerError(
            f"{self.partition.topic}: expected the broker to take our records, received "
            f"{error!r}; check max.message.bytes of the topic and the rights of this client"
        )
