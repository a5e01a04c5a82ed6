"""Snapshots: of acknowledged state only, now and then, and never a reason to fail."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from monitor.app.snapshots import Snapshotter
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.runtime.clock import ManualClock
from monitor.runtime.vitals import Vitals
from monitor.store.snapshot import SnapshotStore
from monitor.streams.shard import Shard
from tests.builders import Journal


def made(directory: Path) -> tuple[ManualClock, Vitals, Shard, SnapshotStore, Snapshotter]:
    """Return a shard whose snapshots go to a directory every 10 s."""
    clock = ManualClock()
    vitals = Vitals(clock=clock)
    shard = Shard(RiskEngine(EngineSettings()), log_topic="decisions", number=0)
    store = SnapshotStore(directory)
    return clock, vitals, shard, store, Snapshotter(store, shard, interval_s=10, vitals=vitals)


async def finished(snapshotter: Snapshotter) -> None:
    """Wait for the snapshot under way, if there is one."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others)


async def test_a_snapshot_is_of_the_moment_it_was_due_whatever_is_applied_meanwhile(
    tmp_path: Path,
) -> None:
    clock, _, shard, store, snapshotter = made(tmp_path)
    shard.log_offset = 7
    clock.advance(10)
    before = shard.engine.state_hash()
    snapshotter.observe(None)
    shard.engine.apply([Journal().balance("a", 10)])
    shard.log_offset = 9
    await finished(snapshotter)
    loaded = store.load_newest()
    assert loaded is not None
    assert (loaded.header.log_offset, loaded.header.state_hash) == (7, before)


async def test_none_is_taken_before_it_is_due_or_without_news(tmp_path: Path) -> None:
    clock, _, shard, store, snapshotter = made(tmp_path)
    clock.advance(9)
    snapshotter.observe(None)
    assert store.headers() == []
    shard.log_offset = 1
    for _ in range(5):
        clock.advance(10)
        snapshotter.observe(None)
        await finished(snapshotter)
    assert len(store.headers()) == 1


async def test_a_child_that_dies_is_a_failure_and_the_next_one_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, vitals, shard, store, snapshotter = made(tmp_path)
    shard.log_offset = 1
    with monkeypatch.context() as patched:
        patched.setattr(SnapshotStore, "save", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        clock.advance(10)
        snapshotter.observe(None)
        await finished(snapshotter)
    assert vitals.measurements.value("loss_monitor_snapshot_failures_total") == 1
    assert store.headers() == []
    clock.advance(10)
    snapshotter.observe(None)
    await finished(snapshotter)
    assert [header.log_offset for header in store.headers()] == [1]


async def test_without_room_for_a_child_the_monitor_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> int:
        raise OSError(12, "Cannot allocate memory")

    clock, vitals, shard, _, snapshotter = made(tmp_path)
    vitals.health.set("log", is_ok=True)
    monkeypatch.setattr(os, "fork", refuse)
    shard.log_offset = 1
    clock.advance(10)
    snapshotter.observe(None)
    await finished(snapshotter)
    assert vitals.measurements.value("loss_monitor_snapshot_failures_total") == 1
    assert not vitals.health.is_ok("snapshot")
    assert vitals.health.is_ready


async def test_the_log_gets_the_hash_of_a_book_whose_last_one_was_cheap(tmp_path: Path) -> None:
    clock, _, shard, _, snapshotter = made(tmp_path)
    clock.advance(10)
    assert not snapshotter.is_hash_due(), "expected nothing of a book that was never hashed"
    shard.log_offset = 1
    snapshotter.observe(None)
    await finished(snapshotter)
    assert not snapshotter.is_hash_due()
    clock.advance(10)
    assert snapshotter.is_hash_due()


async def test_a_failure_is_told_and_the_next_one_tried(tmp_path: Path) -> None:
    (tmp_path / "snapshots").write_text("a file where the directory should be")
    clock, vitals, shard, _, snapshotter = made(tmp_path / "snapshots")
    vitals.health.set("log", is_ok=True)
    shard.log_offset = 1
    clock.advance(10)
    snapshotter.observe(None)
    await finished(snapshotter)
    assert vitals.measurements.value("loss_monitor_snapshot_failures_total") == 1
    assert not vitals.health.is_ok("snapshot")
    assert vitals.health.is_ready, "expected a full disk to leave the monitor ready"
    (tmp_path / "snapshots").unlink()
    clock.advance(10)
    snapshotter.observe(None)
    await finished(snapshotter)
    assert vitals.health.is_ok("snapshot")
