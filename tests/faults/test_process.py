"""The daemon as an operator meets it: exit status, messages, signals, a full disk."""

import resource
import signal
from pathlib import Path

import pytest

from monitor.config import KafkaSettings
from monitor.store.snapshot import SnapshotStore
from monitor.streams.receiver import DecisionReceiver
from tests.faults.daemon_process import DaemonProcess, configuration_text
from tests.topic_access import (
    opening,
    present_journal,
    read_values,
    trading,
    wait_until,
    write_events,
)

pytestmark = pytest.mark.service


def written(settings: KafkaSettings, directory: Path, **options: float) -> Path:
    """Return the path of a configuration for these topics."""
    path = directory / "monitor.toml"
    path.write_text(configuration_text(settings, directory / "state", **options))  # type: ignore[arg-type]
    return path


async def ended(daemon: DaemonProcess, *options: str) -> int:
    """Return the exit status of a daemon that ends by itself."""
    try:
        await daemon.launch(*options)
        return await daemon.wait()
    finally:
        await daemon.kill()


async def test_a_file_that_cannot_be_used_is_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "monitor.toml"
    path.write_text("[service]\nshardd = 1\n")
    daemon = DaemonProcess(path)
    assert await ended(daemon) == 2
    assert daemon.output.count("\n") == 1
    assert "shardd" in daemon.output


async def test_a_file_that_is_missing_is_wrong_usage(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "absent.toml")
    assert await ended(daemon) == 2
    assert "expected a readable TOML file" in daemon.output


async def test_a_missing_topic_ends_the_run_with_one_line(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    path = written(settings, tmp_path)
    path.write_text(path.read_text().replace(settings.topics.market, "never-created"))
    daemon = DaemonProcess(path)
    assert await ended(daemon) == 1
    last = daemon.output.splitlines()[-1]
    assert last.startswith("loss-monitor: ")
    assert "never-created" in last
    assert "--create-topics" in last
    assert "Traceback" not in daemon.output


async def test_sighup_reads_the_file_again_and_keeps_the_old_one_when_it_is_bad(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    path = written(settings, tmp_path)
    good = path.read_text()
    daemon = DaemonProcess(path)
    try:
        await daemon.launch()
        await daemon.wait_for("caught_up")
        path.write_text("[margin]\nmargin_call_ratio = -1\n")
        daemon.send(signal.SIGHUP)
        assert "margin_call_ratio" in await daemon.wait_for("reload_refused.*|.*reload_refused")
        path.write_text(good + "\n[margin]\nmargin_call_ratio = 0.7\n")
        daemon.send(signal.SIGHUP)
        await daemon.wait_for('"event": ?"reloaded"|"reloaded"')
        daemon.send(signal.SIGTERM)
        assert await daemon.wait() == 0
    finally:
        await daemon.kill()


async def test_a_second_writer_ends_the_first_with_a_message_and_status_one(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first = DaemonProcess(written(settings, tmp_path / "first"))
    second = DaemonProcess(written(settings, tmp_path / "second"))
    try:
        await first.launch()
        await first.wait_for("caught_up")
        await second.launch()
        assert await first.wait() == 1
        assert "expected to lead with epoch 1, received leader_started" in first.output
        assert "Traceback" not in first.output
        await second.wait_for("caught_up")
        second.send(signal.SIGTERM)
        assert await second.wait() == 0
    finally:
        await first.kill()
        await second.kill()


async def test_a_writer_that_thaws_after_its_successor_started_ends_and_is_not_heard(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first = DaemonProcess(written(settings, tmp_path / "first"))
    second = DaemonProcess(written(settings, tmp_path / "second"))
    journal = present_journal()
    try:
        await first.launch()
        await first.wait_for("caught_up")
        await write_events(settings, opening(journal, accounts=20))
        first.send(signal.SIGSTOP)
        await second.launch()
        await second.wait_for("caught_up")
        await write_events(settings, trading(journal, steps=50, accounts=20, seed=3))
        first.send(signal.SIGCONT)
        assert await first.wait(wait_s=20) == 1
        second.send(signal.SIGTERM)
        assert await second.wait() == 0
    finally:
        await first.kill()
        await second.kill()
    receiver = DecisionReceiver()
    for value in await read_values(settings, settings.topics.decisions):
        receiver.receive(value)
    assert receiver.repeated == 0
    assert receiver.epoch == 2


async def test_a_disk_without_room_costs_snapshots_and_nothing_else(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    """The room is taken away by a limit on the size of files (EFBIG stands for ENOSPC)."""
    daemon = DaemonProcess(written(settings, tmp_path))
    try:
        await daemon.launch()
        await daemon.wait_for("caught_up")
        store = SnapshotStore(tmp_path / "state" / "snapshots")
        await wait_until(store.headers, what="a first snapshot")
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (64, 64))
        await daemon.wait_for("snapshot_failed")
        before = store.load_newest()
        await write_events(settings, opening(present_journal(), accounts=5))
        daemon.send(signal.SIGTERM)
        assert await daemon.wait() == 0
    finally:
        await daemon.kill()
    assert before is not None
    after = store.load_newest()
    assert after is not None, "expected the old snapshots to stay valid"
    again = DaemonProcess(written(settings, tmp_path))
    try:
        await again.launch()
        await again.wait_for("caught_up")
        again.send(signal.SIGTERM)
        assert await again.wait() == 0
    finally:
        await again.kill()


async def test_a_snapshot_of_another_format_is_refused_with_a_message(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    path = written(settings, tmp_path)
    daemon = DaemonProcess(path)
    try:
        await daemon.launch()
        await daemon.wait_for("caught_up")
        daemon.send(signal.SIGTERM)
        assert await daemon.wait() == 0
    finally:
        await daemon.kill()
    for snapshot in (tmp_path / "state" / "snapshots").glob("snapshot-*.bin"):
        content = snapshot.read_bytes()
        snapshot.write_bytes(content.replace(b"LOSSMON1", b"LOSSMON9", 1))
    other = DaemonProcess(path)
    assert await ended(other) == 1
    assert "expected" in other.output.splitlines()[-1]
    assert "Traceback" not in other.output
