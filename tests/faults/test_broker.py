"""A broker that dies, freezes, or is not there: noticed, shown, survived."""

import asyncio
import signal
from pathlib import Path

import pytest

from monitor.config import KafkaSettings
from monitor.embedded.real_kafka import RealKafka
from monitor.store.snapshot import SnapshotStore
from monitor.streams.receiver import DecisionReceiver
from tests.app.app_access import RunningApp, running_app
from tests.faults.daemon_process import DaemonProcess, configuration_text
from tests.services import MakeTopics
from tests.topic_access import (
    kafka_settings,
    opening,
    present_journal,
    read_values,
    trading,
    wait_until,
    write_events,
)

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]
NOTICE_S = 5.0
ACCOUNTS = 10


@pytest.fixture
def private(kafka_private: RealKafka, make_topics: MakeTopics) -> KafkaSettings:
    """Return the settings of topics on a broker of this test's own."""
    topics = make_topics(kafka=kafka_private)
    return kafka_settings(kafka_private.bootstrap_servers, topics)


def connected(running: RunningApp) -> bool:
    """Return whether the daemon says that the broker answers."""
    return running.app.vitals.measurements.value("loss_monitor_kafka_connected") == 1


async def applied(running: RunningApp, events: int) -> None:
    """Return when the engine was given so many events that came from the topics."""
    shard = running.app.shard
    assert shard is not None
    await wait_until(
        lambda: shard.events_given - shard.locals_applied >= events,
        what=f"{events} events applied",
        wait_s=60,
    )


async def test_a_killed_broker_is_noticed_and_everything_goes_on_when_it_is_back(
    kafka_private: RealKafka, private: KafkaSettings, tmp_path: Path
) -> None:
    journal = present_journal()
    events = opening(journal, accounts=ACCOUNTS)
    async with running_app(private, tmp_path) as running:
        await running.ready()
        await write_events(private, events)
        await applied(running, len(events))
        kafka_private.kill()
        await wait_until(
            lambda: not connected(running) and not running.app.vitals.health.is_ready,
            what="a dead broker noticed",
            wait_s=NOTICE_S,
        )
        assert "trying again" in running.check("kafka_source")
        await asyncio.to_thread(kafka_private.start)
        await wait_until(lambda: connected(running), what="a connection again", wait_s=30)
        more = trading(journal, steps=30, accounts=ACCOUNTS, seed=8)
        await write_events(private, more)
        await applied(running, len(events) + len(more))
        await wait_until(lambda: running.app.vitals.health.is_ready, what="ready again")
        await running.stop()
    receiver = DecisionReceiver()
    for value in await read_values(private, private.topics.decisions):
        receiver.receive(value)
    assert receiver.repeated == 0


async def test_a_frozen_broker_is_noticed_and_everything_goes_on_when_it_thaws(
    kafka_private: RealKafka, private: KafkaSettings, tmp_path: Path
) -> None:
    journal = present_journal()
    events = opening(journal, accounts=ACCOUNTS)
    async with running_app(private, tmp_path) as running:
        await running.ready()
        await write_events(private, events)
        await applied(running, len(events))
        kafka_private.process.suspend()
        await wait_until(
            lambda: not connected(running), what="a frozen broker noticed", wait_s=NOTICE_S
        )
        kafka_private.process.resume()
        await wait_until(lambda: connected(running), what="a connection again", wait_s=30)
        more = trading(journal, steps=30, accounts=ACCOUNTS, seed=9)
        await write_events(private, more)
        await applied(running, len(events) + len(more))


async def test_without_kafka_at_the_start_the_daemon_waits_and_says_so(
    kafka_private: RealKafka, private: KafkaSettings, tmp_path: Path
) -> None:
    await asyncio.to_thread(kafka_private.stop)
    async with running_app(private, tmp_path) as running:
        await wait_until(
            lambda: "expected Kafka at" in running.check("recovery"), what="a reason", wait_s=20
        )
        assert not running.app.vitals.health.is_ready
        assert not running.task.done()
        await asyncio.to_thread(kafka_private.start)
        await running.ready()


async def test_sigterm_with_a_dead_broker_ends_in_ten_seconds_without_a_snapshot(
    kafka_private: RealKafka, private: KafkaSettings, tmp_path: Path
) -> None:
    configuration = tmp_path / "monitor.toml"
    text = configuration_text(private, tmp_path / "state", snapshot_interval_s=3600)
    configuration.write_text(text)
    daemon = DaemonProcess(configuration)
    try:
        await daemon.launch()
        await daemon.wait_for("caught_up")
        kafka_private.kill()
        await daemon.wait_for("log_lost|kafka_lost")
        daemon.send(signal.SIGTERM)
        assert await daemon.wait(wait_s=10) == 0, daemon.output
    finally:
        await daemon.kill()
    assert SnapshotStore(tmp_path / "state" / "snapshots").load_newest() is None
    assert "stopped_without_snapshot" in daemon.output


async def test_sigterm_drains_saves_and_ends_in_order(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    configuration = tmp_path / "monitor.toml"
    text = configuration_text(settings, tmp_path / "state", snapshot_interval_s=3600)
    configuration.write_text(text)
    daemon = DaemonProcess(configuration)
    events = opening(present_journal(), accounts=ACCOUNTS)
    try:
        await daemon.launch()
        await daemon.wait_for("caught_up")
        await write_events(settings, events)
        daemon.send(signal.SIGTERM)
        assert await daemon.wait(wait_s=10) == 0, daemon.output
    finally:
        await daemon.kill()
    snapshot = SnapshotStore(tmp_path / "state" / "snapshots").load_newest()
    assert snapshot is not None
    values = await read_values(settings, settings.topics.decisions)
    assert snapshot.header.log_offset == len(values)
