"""A writer with its stream parts, joined as the daemon joins them, for tests on a real broker.

A node can be stopped in order or dropped as kill -9 would: `drop` cancels its tasks and lets
nothing finish. What it leaves is what a process leaves: the log and, if asked for, an export.
"""

import asyncio
from typing import Any

from aiokafka import TopicPartition

from monitor.config import KafkaSettings
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.runtime.inbox import Inbox
from monitor.runtime.vitals import Vitals
from monitor.streams.batch import Item
from monitor.streams.journal import Journal
from monitor.streams.leadership import watch_leadership
from monitor.streams.outbox import Outbox
from monitor.streams.recovery import Recovered, recover
from monitor.streams.shard import Applied, Shard
from monitor.streams.source import Source
from monitor.streams.writer import Outlets, Writer


class Saved:
    """What a snapshot keeps of a shard."""

    def __init__(self, shard: Shard) -> None:
        self.state: dict[str, Any] = shard.export_state()
        self.log_offset = shard.log_offset
        self.epoch = shard.epoch
        self.positions = {topic: dict(each) for topic, each in shard.positions.items()}
        self.configuration_hash = shard.engine.configuration_hash

    def restore(self, log_topic: str) -> Shard:
        """Return the shard again."""
        engine = RiskEngine.from_state(
            self.state["engine"], EngineSettings(), configuration_hash=self.configuration_hash
        )
        shard = Shard(engine, log_topic=log_topic, number=0, export=self.state)
        shard.log_offset, shard.epoch = self.log_offset, self.epoch
        shard.positions = {topic: dict(each) for topic, each in self.positions.items()}
        return shard


class Node:
    """One writer of one shard."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        instance: str = "first",
        saved: Saved | None = None,
        journal_kind: type[Journal] = Journal,
        batch_events_max: int = 50,
    ) -> None:
        self.settings = settings
        self.vitals = Vitals()
        topic = settings.topics.decisions
        self.shard = (
            saved.restore(topic)
            if saved
            else Shard(RiskEngine(EngineSettings()), log_topic=topic, number=0)
        )
        self.inbox: Inbox[Item] = Inbox(1_000)
        self.journal = journal_kind(settings, shard=0, instance=instance, vitals=self.vitals)
        self.outbox = Outbox(settings, vitals=self.vitals)
        outlets = Outlets(self.journal, self.outbox, settings.topics.quarantine)
        self.writer = Writer(
            self.shard, outlets, self.inbox, batch_events_max=batch_events_max, vitals=self.vitals
        )
        self.writer.is_state_hash_due = lambda: True
        self.writer.is_caught_up = lambda: False  # no ticks of the clock: every run is the same
        self.applied: list[Applied] = []
        self.writer.observers.append(self._note)
        self.source: Source | None = None
        self.tasks: list[asyncio.Task[None]] = []

    async def recover(self) -> Recovered:
        """Come to the end of the log and lead."""
        topics = self.settings.topics
        inputs = [
            TopicPartition(topics.market, 0),
            *(TopicPartition(topics.accounts, number) for number in range(4)),
        ]
        return await recover(self.settings, self.shard, self.journal, inputs=inputs)

    async def start(self) -> Recovered:
        """Recover, publish what is missing, and begin to apply."""
        recovered = await self.recover()
        await self.writer.finish(recovered.missing, recovered.refused)
        self.source = Source(
            self.settings, positions=recovered.positions, inbox=self.inbox, vitals=self.vitals
        )
        watch = watch_leadership(
            self.settings, self.journal, start=self.journal.end_offset, clock=self.vitals.clock
        )
        self.tasks = [
            asyncio.create_task(self.writer.run(), name="writer"),
            asyncio.create_task(self.source.run(), name="source"),
            asyncio.create_task(watch, name="leadership"),
        ]
        return recovered

    @property
    def events_applied(self) -> int:
        """Return how many events the engine was given since the beginning of the log."""
        return self.shard.events_given

    async def stop(self) -> None:
        """Drain and stop."""
        for task in self.tasks[1:]:
            task.cancel()
        await self.inbox.close()
        if self.tasks:
            await self.tasks[0]
        await self.drop()

    async def drop(self) -> None:
        """End at once, whatever is under way."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.gather(self.journal.close(), self.outbox.close())

    def _note(self, applied: Applied | None) -> None:
        if applied is not None:
            self.applied.append(applied)
