"""Snapshots now and then: of what the log has acknowledged, written off the event loop.

The state is exported between two batches, in the writer's turn; encoding and writing it happens
in a thread. A disk that is full costs a snapshot, never the monitor: the older ones stay valid.
With a Redis, each snapshot is copied there too, for a machine without our files.
"""

import asyncio
from pathlib import Path
from typing import Any

import structlog

from monitor.runtime.health import Need
from monitor.runtime.vitals import Vitals
from monitor.store.connection import REDIS_ERRORS
from monitor.store.redis_snapshot import RedisSnapshots
from monitor.store.snapshot import SnapshotError, SnapshotHeader, SnapshotStore
from monitor.streams.shard import Applied, Shard

COPY_TIMEOUT_S = 3.0

log = structlog.get_logger(__name__)


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

    async def finish(self) -> None:
        """Wait for a snapshot under way and take a last one."""
        if self._saving is not None:
            await self._saving
        await self._start_saving()
        if self.copies is not None:
            await self.copies.close()

    def _start_saving(self) -> asyncio.Task[None]:
        """Export the state now, before the writer goes on, and write it later."""
        started_s = self._vitals.clock.monotonic_s()
        header, state = self._header(), self._shard.export_state()
        saving = self._save(header, state, started_s)
        return asyncio.get_running_loop().create_task(saving, name="snapshot")

    async def _save(self, header: SnapshotHeader, state: dict[str, Any], started_s: float) -> None:
        """Write in a thread; a failure is told, not raised."""
        measurements, clock = self._vitals.measurements, self._vitals.clock
        try:
            path = await asyncio.to_thread(self._store.save, state, header)
        except SnapshotError as error:
            measurements.increase("loss_monitor_snapshot_failures_total")
            self._vitals.health.set("snapshot", str(error), is_ok=False, need=Need.DEGRADED)
            log.warning("snapshot_failed", reason=str(error))
            return
        self._saved_offset = header.log_offset
        measurements.set_to(
            "loss_monitor_snapshot_last_success_timestamp_seconds", header.created_ns / 1e9
        )
        measurements.set_to(
            "loss_monitor_snapshot_duration_seconds", clock.monotonic_s() - started_s
        )
        self._vitals.health.set("snapshot", is_ok=True, need=Need.DEGRADED)
        log.debug("snapshot_taken", path=str(path), log_offset=header.log_offset)
        if self.copies is not None:
            await self._copy(self.copies, path)

    async def _copy(self, copies: RedisSnapshots, path: Path) -> None:
        """Copy a snapshot to Redis; a failure is told, not raised: the file is there."""
        try:
            async with asyncio.timeout(COPY_TIMEOUT_S):
                is_newest = await copies.copy(self._store, path)
        except (*REDIS_ERRORS, SnapshotError) as error:
            log.warning("snapshot_not_copied", reason=repr(error))
        else:
            log.debug("snapshot_copied", path=str(path), is_newest=is_newest)

    def _header(self) -> SnapshotHeader:
        shard = self._shard
        return SnapshotHeader(
            configuration_hash=shard.engine.configuration_hash,
            shard=shard.number,
            epoch=shard.epoch,
            log_offset=shard.log_offset,
            positions={topic: dict(each) for topic, each in shard.positions.items()},
            state_hash=shard.state_hash(),
            created_ns=self._vitals.clock.now_ns(),
        )
