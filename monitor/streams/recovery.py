"""Back to where the log ends: a snapshot's state, then the log's interleaving, then the lead.

Recovery composes every logged batch again from the records that its runs name, applies it, and
holds what the log says against it: the decisions' ids, in order, and the recorded state hashes.
Nothing is published again but what a crash kept out of the log: the last batch's decisions.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from monitor.config import KafkaSettings
from monitor.core.decisions import Decision
from monitor.streams.batch import Record, Refused, items_of
from monitor.streams.broker import BrokerError, beginning_offsets, end_offsets, open_consumer
from monitor.streams.codec import (
    BATCH_APPLIED,
    HEARTBEAT,
    LEADER_STARTED,
    BatchApplied,
    LogHeader,
    decode_batch,
    decode_header,
    decode_leader,
)
from monitor.streams.epochs import EpochGuard
from monitor.streams.journal import Journal
from monitor.streams.log import RetentionError, RunReader, read_partition
from monitor.streams.shard import Applied, Shard

PROGRESS_RECORDS = 100_000
log = structlog.get_logger(__name__)


class RecoveryError(BrokerError):
    """The log says something else than this engine does; nothing can be trusted until mended."""


class Recovered(NamedTuple):
    """Where the shard starts to live: its input positions, and what a crash left undone."""

    positions: dict[TopicPartition, int]
    missing: list[Decision]
    refused: list[Refused]
    batches: int


class LogReplay:
    """Applies the log's batches to a shard, record by record."""

    def __init__(self, shard: Shard, runs: RunReader, guard: EpochGuard) -> None:
        self._shard = shard
        self._runs = runs
        self.guard = guard
        self.batches = 0
        self._applied: Applied | None = None
        self._logged = 0

    @property
    def missing(self) -> list[Decision]:
        """Return the last batch's decisions that the log does not hold."""
        return self._applied.decisions[self._logged :] if self._applied else []

    @property
    def refused(self) -> list[Refused]:
        """Return what the last batch refused: whether quarantine has it is not known."""
        return self._applied.refused if self._applied else []

    async def take(self, record: Record) -> None:
        """Take in the next record of the log; raises RecoveryError when it contradicts us."""
        value = record.value or b""
        header = decode_header(value)
        if header.type == LEADER_STARTED:
            self.guard.leader_started(decode_leader(value))
        elif header.type != HEARTBEAT and self.guard.admits(header.epoch):
            if header.type == BATCH_APPLIED:
                await self._apply(decode_batch(value), record.offset)
            else:
                self._compare(header, record.offset)
        self._shard.log_offset = record.offset + 1

    async def _apply(self, logged: BatchApplied, offset: int) -> None:
        if self.missing:
            raise RecoveryError(
                f"{self._place(offset)}: expected {len(self.missing)} more decisions of the batch "
                f"before, the first {self.missing[0].decision_id}, received the next batch; "
                + self._fix()
            )
        await asyncio.sleep(0)  # let others run: everything needed may be in memory already
        slices = [await self._runs.read(run) for run in logged.runs]
        self._shard.epoch = self.guard.epoch
        items = items_of(logged, slices)
        self._applied = self._shard.apply(
            self._shard.compose(items, received_ns=logged.received_ns)
        )
        self._logged = 0
        self._shard.batch_offset = offset
        self.batches += 1
        if logged.state_hash is not None:
            state_hash = self._shard.state_hash()
            if state_hash != logged.state_hash:
                raise RecoveryError(
                    f"{self._place(offset)}: expected state hash {logged.state_hash}, received "
                    f"{state_hash}; " + self._fix()
                )

    def _compare(self, header: LogHeader, offset: int) -> None:
        missing = self.missing
        if self._applied is None:
            return  # the end of a batch that the snapshot already has
        if not missing or missing[0].decision_id != header.decision_id:
            expected = missing[0].decision_id if missing else "no further decision"
            raise RecoveryError(
                f"{self._place(offset)}: expected {expected} of this batch, received "
                f"{header.type} {header.decision_id}; " + self._fix()
            )
        self._logged += 1

    def _place(self, offset: int) -> str:
        return f"{self._shard.log_topic}/{self._shard.number} offset {offset}"

    def _fix(self) -> str:
        return (
            "the log was written by another version of the monitor: start that version once more, "
            "stop it with SIGTERM so that it leaves a snapshot, then start this one"
        )


async def recover(
    settings: KafkaSettings,
    shard: Shard,
    journal: Journal,
    *,
    inputs: list[TopicPartition],
) -> Recovered:
    """Bring a shard from its snapshot (or from nothing) to the end of the log, and take the lead.

    Raises RecoveryError or RetentionError when that is impossible, one of BROKER_ERRORS when the
    broker does not answer in time.
    """
    partition = journal.partition
    async with (
        open_consumer(settings, [partition]) as log_consumer,
        open_consumer(settings, inputs) as input_consumer,
    ):
        timeout_s = settings.request_timeout_s
        oldest = await beginning_offsets(log_consumer, [partition], timeout_s=timeout_s)
        newest = await end_offsets(log_consumer, [partition], timeout_s=timeout_s)
        _check_log_reaches(shard, oldest[partition], newest[partition])
        starts = await _input_starts(input_consumer, shard, inputs, timeout_s)
        guard = EpochGuard(shard.epoch)
        replay = LogReplay(shard, RunReader(input_consumer, starts), guard)
        await _read(replay, log_consumer, partition, shard, newest[partition])
        while True:
            own_offset = await journal.announce(epoch_seen=guard.epoch)
            await _read(replay, log_consumer, partition, shard, own_offset + 1)
            if guard.instance == journal.instance and guard.epoch == journal.epoch:
                break
    shard.epoch = journal.epoch
    positions = {
        each: shard.positions.get(each.topic, {}).get(each.partition, starts[each])
        for each in inputs
    }
    return Recovered(positions, replay.missing, replay.refused, replay.batches)


async def _read(
    replay: LogReplay,
    consumer: AIOKafkaConsumer,
    partition: TopicPartition,
    shard: Shard,
    end: int,
) -> None:
    """Apply the log from the shard's place to `end`."""
    start = shard.log_offset
    async for record in read_partition(consumer, partition, start=start, end=end):
        await replay.take(record)
        if (record.offset - start) % PROGRESS_RECORDS == PROGRESS_RECORDS - 1:
            log.info("recovering", offset=record.offset, end=end)
    shard.log_offset = max(shard.log_offset, end)


def _check_log_reaches(shard: Shard, oldest: int, newest: int) -> None:
    place = f"{shard.log_topic}/{shard.number}"
    if shard.log_offset < oldest:
        raise RetentionError(
            f"{place}: expected the log from offset {shard.log_offset} on, received a log that "
            f"begins at {oldest}: its retention is shorter than the age of the newest snapshot "
            "(or the state directory was lost); raise retention.ms of the topic, and start with "
            "new topics and account snapshots ([service] bootstrap = true)"
        )
    if shard.log_offset > newest:
        raise RetentionError(
            f"{place}: expected a log that reaches offset {shard.log_offset} (the snapshot's), "
            f"received one that ends at {newest}: another cluster, or the topic was recreated; "
            "give this cluster a state directory of its own"
        )


async def _input_starts(
    consumer: AIOKafkaConsumer, shard: Shard, inputs: list[TopicPartition], timeout_s: float
) -> Mapping[TopicPartition, int]:
    """Return from where each input partition is read: our position, else its oldest record."""
    oldest = await beginning_offsets(consumer, inputs, timeout_s=timeout_s)
    starts = {}
    for each in inputs:
        position = shard.positions.get(each.topic, {}).get(each.partition)
        if position is not None and position < oldest[each]:
            raise RetentionError(
                f"{each.topic}/{each.partition}: expected the records from offset {position} on, "
                f"received a topic that begins at {oldest[each]}: its retention is shorter than "
                "the age of the newest snapshot; raise retention.ms, and start from an empty "
                "state directory with account snapshots ([service] bootstrap = true)"
            )
        starts[each] = oldest[each] if position is None else position
    return starts
