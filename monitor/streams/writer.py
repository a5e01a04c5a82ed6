"""The one task that applies events: take a batch, apply it, log it, tell the others.

One batch is under way at a time: what the engine did is acknowledged by the log before anybody
else hears of it (snapshot, Redis, views), and before the next batch begins.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import msgspec
import structlog

from monitor.core.decisions import Decision, Heartbeat
from monitor.core.events import ClockTicked
from monitor.runtime.inbox import Inbox
from monitor.runtime.vitals import Vitals
from monitor.streams.batch import Item, Refused
from monitor.streams.codec import BATCH_APPLIED, encode_record
from monitor.streams.journal import Journal, Pending
from monitor.streams.outbox import Outbox, quarantined
from monitor.streams.shard import Applied, Shard

HEARTBEAT_INTERVAL_S = 1.0
SILENCE_S = 1.0
WAIT_S = 0.05
LAST_ACKNOWLEDGED = "loss_monitor_log_last_acknowledged_timestamp_seconds"
APPLY_DURATION = "loss_monitor_engine_apply_duration_seconds"

# Called after every turn of the loop with what was acknowledged; None when nothing was applied.
Observer: TypeAlias = Callable[[Applied | None], None]
log = structlog.get_logger(__name__)


class Outlets(NamedTuple):
    """Where a writer's results go: the log, and the topic of what was refused."""

    journal: Journal
    outbox: Outbox
    quarantine_topic: str


class Writer:
    """Applies what is in the inbox until it is closed and empty.

    `is_caught_up` says whether silence is real: only then does the clock move the engine on.
    `is_state_hash_due` says when the log gets the engine's state hash (dear: the whole state).
    `observers` are called after every turn.
    """

    def __init__(
        self,
        shard: Shard,
        outlets: Outlets,
        inbox: Inbox[Item],
        *,
        batch_events_max: int,
        vitals: Vitals,
    ) -> None:
        self._shard = shard
        self._journal, self._outbox, self._quarantine_topic = outlets
        self._inbox = inbox
        self._batch_events_max = batch_events_max
        self._vitals = vitals
        started_s = vitals.clock.monotonic_s()
        self._applied_s = started_s
        self._beaten_s = started_s - HEARTBEAT_INTERVAL_S
        self.is_caught_up: Callable[[], bool] = lambda: True
        self.is_state_hash_due: Callable[[], bool] = lambda: False
        self.observers: list[Observer] = []

    async def run(self) -> None:
        """Apply until the inbox is closed and empty.

        Raises LeadershipLostError or BrokerError when the log cannot be written any more.
        """
        while True:
            items = await self._inbox.take(self._batch_events_max, timeout_s=WAIT_S)
            if not items and self._inbox.closed:
                return
            if not items and self._is_silent():
                items = [ClockTicked(event_ns=self._vitals.clock.now_ns())]
            applied = await self._apply(items) if items else None
            if applied is None and self._is_heartbeat_due():
                beat = Pending([], lambda epoch: [self._heartbeat(epoch)])
                await self._append(beat, beats=True)
            for observer in self.observers:
                observer(applied)
            self._measure_inbox()

    async def finish(self, missing: Sequence[Decision], refused: Sequence[Refused]) -> None:
        """Append what a crash kept out of the log; to be called once, before `run`."""
        if missing:
            log.info("publishing_missing_decisions", count=len(missing))
            await self._append(
                Pending([each.decision_id for each in missing], _encoder_of(missing))
            )
        await self._quarantine(refused)

    async def _apply(self, items: Sequence[Item]) -> Applied:
        """Apply one batch and return when the log has all of it."""
        shard = self._shard
        batch = shard.compose(items, received_ns=self._vitals.clock.now_ns())
        started_s = self._vitals.clock.monotonic_s()
        applied = shard.apply(batch)
        self._applied_s = self._vitals.clock.monotonic_s()
        self._vitals.measurements.observe(APPLY_DURATION, self._applied_s - started_s)
        state_hash = self._state_hash()
        encode_decisions = _encoder_of(applied.decisions)
        beats = self._is_heartbeat_due()

        def encode(epoch: int) -> list[bytes]:
            record = batch.record(epoch=epoch, state_hash=state_hash)
            beat = [self._heartbeat(epoch)] if beats else []
            return [encode_record(record), *encode_decisions(epoch), *beat]

        keys = [BATCH_APPLIED, *(each.decision_id for each in applied.decisions)]
        shard.batch_offset = await self._append(Pending(keys, encode), beats=beats)
        await self._quarantine(applied.refused)
        self._measure_latency(applied)
        return applied

    async def _append(self, pending: Pending, *, beats: bool = False) -> int:
        """Append; return the first record's offset and note how far the log has come.

        `beats`: a heartbeat is among the records.
        """
        first_offset = await self._journal.append(pending)
        self._shard.epoch = self._journal.epoch
        self._shard.log_offset = self._journal.end_offset
        now_s = self._vitals.clock.now_ns() / 1e9
        self._vitals.measurements.set_to(
            "loss_monitor_log_last_acknowledged_timestamp_seconds", now_s
        )
        if beats:
            self._beaten_s = self._vitals.clock.monotonic_s()
            self._vitals.measurements.set_to("loss_monitor_heartbeat_last_timestamp_seconds", now_s)
        return first_offset

    async def _quarantine(self, refused: Sequence[Refused]) -> None:
        if not refused:
            return
        for each in refused:
            self._vitals.measurements.increase("loss_monitor_quarantined_total", each.reason)
        log.warning("quarantined", count=len(refused), first=refused[0].detail)
        await self._outbox.send(self._quarantine_topic, quarantined(refused))

    def _is_silent(self) -> bool:
        """Return whether nothing has been applied for a while because nothing has come."""
        silent_s = self._vitals.clock.monotonic_s() - self._applied_s
        return silent_s >= SILENCE_S and self.is_caught_up()

    def _is_heartbeat_due(self) -> bool:
        return self._vitals.clock.monotonic_s() - self._beaten_s >= HEARTBEAT_INTERVAL_S

    def _heartbeat(self, epoch: int) -> bytes:
        return encode_record(Heartbeat(event_ns=self._vitals.clock.now_ns(), epoch=epoch))

    def _state_hash(self) -> str | None:
        """Return the state's hash when it is time for one, else None."""
        return self._shard.state_hash() if self.is_state_hash_due() else None

    def _measure_latency(self, applied: Applied) -> None:
        """Observe, once a batch with decisions, event received to decision acknowledged."""
        if applied.decisions:
            latency_s = (self._vitals.clock.now_ns() - applied.batch.oldest_ns) / 1e9
            self._vitals.measurements.observe("loss_monitor_decision_latency_seconds", latency_s)

    def _measure_inbox(self) -> None:
        self._vitals.measurements.set_to("loss_monitor_inbox_depth_events", self._inbox.weight)
        held = len(self._shard.engine.held_back_ordinals())
        self._vitals.measurements.set_to("loss_monitor_held_back_events", held)


def _encoder_of(decisions: Sequence[Decision]) -> Callable[[int], list[bytes]]:
    """Return what encodes decisions under an epoch: theirs, or a later one after a new lead."""

    def encode(epoch: int) -> list[bytes]:
        return [
            encode_record(
                each if each.epoch == epoch else msgspec.structs.replace(each, epoch=epoch)
            )
            for each in decisions
        ]

    return encode
