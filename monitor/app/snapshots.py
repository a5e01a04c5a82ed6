"""Snapshots now and then: of what the log has acknowledged, written by a child process.

Between two batches the process forks: the child is the engine as it was at that moment, exports,
hashes and writes it, while the writer goes on (docs/decisions/0009). A disk that is full costs a
snapshot, never the monitor: the older ones stay valid. With a Redis, each snapshot is copied there
too, for a machine without our files.
"""

import asyncio
from functools import partial
from pathlib import Path

import msgspec
import structlog

from monitor.core.engine_state import hash_of
from monitor.runtime.clock import Clock
from monitor.runtime.forked import ForkedWork, ForkedWorkError
from monitor.runtime.health import Need
from monitor.runtime.vitals import Vitals
from monitor.store.connection import REDIS_ERRORS
from monitor.store.redis_snapshot import RedisSnapshots
from monitor.store.snapshot import SnapshotError, SnapshotHeader, SnapshotStore
from monitor.streams.shard import Applied, Shard

SAVE_TIMEOUT_S = 900.0
COPY_TIMEOUT_S = 3.0
COPY_BYTES_A_SECOND_MIN = 2_000_000
# The log gets the state hash in the writer's turn while that takes no longer than this.
HASH_IN_TURN_MAX_S = 0.02

log = structlog.get_logger(__name__)


class Written(msgspec.Struct, frozen=True):
    """What the child tells of its snapshot."""

    path: str
    size_bytes: int
    hash_s: float  # how long the export and the hash of the state took


class Snapshotter:
    """Takes a snapshot of a shard every `interval_s`, and one at the end."""

    def __init__(
        self, store: SnapshotStore, shard: Shard, *, interval_s: float, vitals: Vitals
    ) -> None:
        self._store = store
        self._shard = shard
        self._interval_s = interval_s
        self._vitals = vitals
        self.copies: RedisSnapshots | None = None
        self._taken_s = vitals.clock.monotonic_s()
        self._saved_offset = -1
        self._hash_s: float | None = None  # how long the state hash took last
        self._saving: asyncio.Task[None] | None = None

    def observe(self, applied: Applied | None) -> None:
        """Start a snapshot when one is due; to be called between batches."""
        if self.is_due():
            self._taken_s = self._vitals.clock.monotonic_s()
            if self._shard.log_offset != self._saved_offset:
                self._saving = self._start_saving()

    def is_due(self) -> bool:
        """Return whether the next call of `observe` takes a snapshot, if there is news."""
        due = self._vitals.clock.monotonic_s() - self._taken_s >= self._interval_s
        return due and (self._saving is None or self._saving.done())

    def is_hash_due(self) -> bool:
        """Return whether the log is to get the state hash: with a snapshot, while it is cheap."""
        is_cheap = self._hash_s is not None and self._hash_s <= HASH_IN_TURN_MAX_S
        return is_cheap and self.is_due()

    async def finish(self) -> None:
        """Wait for a snapshot under way and take a last one."""
        if self._saving is not None:
            await self._saving
        await self._start_saving()
        if self.copies is not None:
            await self.copies.close()

    def _start_saving(self) -> asyncio.Task[None]:
        """Freeze the state now, before the writer goes on, and have it written."""
        clock = self._vitals.clock
        started_s, header = clock.monotonic_s(), self._header()
        frozen: ForkedWork | ForkedWorkError
        try:
            frozen = ForkedWork(partial(_write, self._store, self._shard, header, clock))
        except ForkedWorkError as error:
            frozen = error
        self._vitals.measurements.set_to(
            "loss_monitor_snapshot_pause_seconds", clock.monotonic_s() - started_s
        )
        saving = self._save(frozen, header, started_s)
        return asyncio.get_running_loop().create_task(saving, name="snapshot")

    async def _save(
        self, frozen: ForkedWork | ForkedWorkError, header: SnapshotHeader, started_s: float
    ) -> None:
        """Wait until it is written; a failure is told, not raised."""
        measurements, clock = self._vitals.measurements, self._vitals.clock
        try:
            if isinstance(frozen, ForkedWorkError):
                raise frozen
            answer = await frozen.result(SAVE_TIMEOUT_S)
        except ForkedWorkError as error:
            measurements.increase("loss_monitor_snapshot_failures_total")
            self._vitals.health.set("snapshot", str(error), is_ok=False, need=Need.DEGRADED)
            log.warning("snapshot_failed", reason=str(error))
            return
        written = msgspec.json.decode(answer, type=Written)
        self._saved_offset, self._hash_s = header.log_offset, written.hash_s
        measurements.set_to(
            "loss_monitor_snapshot_last_success_timestamp_seconds", header.created_ns / 1e9
        )
        measurements.set_to(
            "loss_monitor_snapshot_duration_seconds", clock.monotonic_s() - started_s
        )
        self._vitals.health.set("snapshot", is_ok=True, need=Need.DEGRADED)
        log.debug("snapshot_taken", path=written.path, log_offset=header.log_offset)
        if self.copies is not None:
            await self._copy(self.copies, written)

    async def _copy(self, copies: RedisSnapshots, written: Written) -> None:
        """Copy a snapshot to Redis; a failure is told, not raised: the file is there."""
        try:
            timeout_s = COPY_TIMEOUT_S + written.size_bytes / COPY_BYTES_A_SECOND_MIN
            async with asyncio.timeout(timeout_s):
                is_newest = await copies.copy(self._store, Path(written.path))
        except (*REDIS_ERRORS, SnapshotError) as error:
            log.warning("snapshot_not_copied", reason=repr(error))
        else:
            log.debug("snapshot_copied", path=written.path, is_newest=is_newest)

    def _header(self) -> SnapshotHeader:
        """Return where the state stands; its hash is taken by the child."""
        shard = self._shard
        return SnapshotHeader(
            configuration_hash=shard.engine.configuration_hash,
            shard=shard.number,
            epoch=shard.epoch,
            log_offset=shard.log_offset,
            positions={topic: dict(each) for topic, each in shard.positions.items()},
            state_hash="",
            created_ns=self._vitals.clock.now_ns(),
        )


def _write(store: SnapshotStore, shard: Shard, header: SnapshotHeader, clock: Clock) -> bytes:
    """Write the state of this moment; to be called in the child.

    Raises SnapshotError.
    """
    started_s = clock.monotonic_s()
    state = shard.export_state()
    header = msgspec.structs.replace(header, state_hash=hash_of(state["engine"]))
    hash_s = clock.monotonic_s() - started_s
    path = store.save(state, header)
    return msgspec.json.encode(Written(str(path), path.stat().st_size, hash_s))
