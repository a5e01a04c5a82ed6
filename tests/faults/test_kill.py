"""kill -9 at any moment, then a restart: nothing lost, nothing doubled, the same state.

The moments are drawn from a seeded generator: half of them right after the launch (while it
imports, recovers, takes the lead), half while it applies, logs and takes snapshots.
"""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition

from monitor.app.state import parse_engine_settings
from monitor.config import KafkaSettings
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.settings import EngineSettings
from monitor.runtime.vitals import Vitals
from monitor.store.snapshot import SnapshotStore
from monitor.streams.journal import Journal
from monitor.streams.receiver import DecisionReceiver
from monitor.streams.recovery import recover
from monitor.streams.shard import Shard
from tests.faults.daemon_process import DaemonProcess, configuration_text
from tests.topic_access import (
    opening,
    present_journal,
    read_values,
    trading,
    write_events,
)

pytestmark = [pytest.mark.service, pytest.mark.timeout(400)]
KILLS = 20
ACCOUNTS = 40
SEED = int(os.environ.get("LOSS_MONITOR_TEST_SEED", "20261122"))


@contextlib.asynccontextmanager
async def endless_trading(settings: KafkaSettings, written: list[AnyEvent]) -> AsyncIterator[None]:
    """Write about 400 events a second while the body runs; `written` gets all of them."""
    journal = present_journal()
    ended = asyncio.Event()

    async def write() -> None:
        events = opening(journal, accounts=ACCOUNTS)
        number = 0
        while not ended.is_set():
            await write_events(settings, events)
            written.extend(events)
            events = trading(journal, steps=20, accounts=ACCOUNTS, seed=SEED + number)
            number += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await ended.wait()

    task = asyncio.create_task(write())
    try:
        yield
    finally:
        ended.set()
        await task


async def replayed(settings: KafkaSettings) -> Shard:
    """Return a fresh shard that has replayed the log and the topics from the start.

    `recover` checks every recorded state hash and every decision on the way.
    """
    engine = RiskEngine(EngineSettings(), parse_settings=parse_engine_settings)
    shard = Shard(engine, log_topic=settings.topics.decisions, number=0)
    journal = Journal(settings, shard=0, instance="auditor", vitals=Vitals())
    inputs = [TopicPartition(settings.topics.market, 0)]
    inputs += [TopicPartition(settings.topics.accounts, number) for number in range(4)]
    recovered = await recover(settings, shard, journal, inputs=inputs)
    await journal.close()
    assert not recovered.missing, "expected every decision of every batch in the log"
    return shard


def uninterrupted(events: list[AnyEvent]) -> RiskEngine:
    """Return an engine that was told all events in one go."""
    engine = RiskEngine(EngineSettings())
    engine.apply(events)
    return engine


def reports(engine: RiskEngine) -> list[dict[str, Any] | None]:
    """Return ledger, prices and state of every account."""
    return [engine.account_report(name) for name in sorted(engine.account_ids())]


async def test_twenty_kills_at_random_moments_lose_nothing_and_double_nothing(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    configuration = tmp_path / "monitor.toml"
    configuration.write_text(configuration_text(settings, tmp_path / "state"))
    generator = random.Random(SEED)
    daemon = DaemonProcess(configuration)
    written: list[AnyEvent] = []
    try:
        async with endless_trading(settings, written):
            for number in range(KILLS):
                await daemon.launch()
                if number % 2:
                    await daemon.wait_for("recovered")
                status = await daemon.kill_after(generator.uniform(0.0, 1.5))
                assert status == -signal.SIGKILL, daemon.output
        await daemon.launch()
        await daemon.wait_for("caught_up")
        daemon.send(signal.SIGTERM)
        assert await daemon.wait() == 0, daemon.output
    finally:
        await daemon.kill()

    snapshot = SnapshotStore(tmp_path / "state" / "snapshots").load_newest()
    assert snapshot is not None
    values = await read_values(settings, settings.topics.decisions)
    shard = await replayed(settings)
    assert shard.engine.state_hash() == snapshot.header.state_hash
    assert isinstance(shard.engine, RiskEngine)
    assert reports(shard.engine) == reports(uninterrupted(written))

    receiver = DecisionReceiver()
    decisions = [each for value in values if (each := receiver.receive(value))]
    assert receiver.repeated == 0, "expected no decision twice in the log"
    assert len(decisions) > 100
    assert receiver.epoch >= KILLS // 2
