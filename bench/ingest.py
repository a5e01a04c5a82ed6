"""How fast events go from a real Kafka topic through gate, engine and log, beside only counting.

One event a record, 90 % account and 10 % mark events, 10,000 accounts, 50 instruments; `small`:
50,000 events, `full`: 500,000. Ours: source, inbox, gate, engine, decisions, and the log's
acknowledgement of every batch. The peer: a bare aiokafka loop that counts the same records of the
same partitions. Both start at the same offsets with the records in the broker's page cache. Not
included: Redis, HTTP, snapshots, and bringing the engine to its opening state.
"""

import asyncio
import gc

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.exchange_topics import (
    ends,
    exchange_topics,
    fresh_topics,
    inputs,
    opening,
    traffic,
    write,
)
from bench.measure import ROUNDS_MIN, Figure, Scale, Timing, main, seconds
from monitor.config import KafkaSettings
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.runtime.clock import Clock
from monitor.runtime.inbox import Inbox
from monitor.runtime.vitals import Vitals
from monitor.streams.batch import Item
from monitor.streams.journal import Journal
from monitor.streams.outbox import Outbox
from monitor.streams.shard import Shard
from monitor.streams.source import Source
from monitor.streams.writer import Outlets, Writer

EVENTS: dict[Scale, int] = {"small": 50_000, "full": 500_000}
SETTINGS = EngineSettings(action_age_max_s=1e9)
INBOX_EVENTS = 50_000
BATCH_EVENTS = 5_000


class Ingest:
    """The measured events in their topics, and the engine's state before them."""

    def __init__(self, runner: asyncio.Runner, settings: KafkaSettings, count: int) -> None:
        self._runner = runner
        self._settings = settings
        self._count = count
        now_ns = Clock().now_ns()
        engine = RiskEngine(SETTINGS)
        facts = opening(now_ns)
        for start in range(0, len(facts), BATCH_EVENTS):
            engine.apply(facts[start : start + BATCH_EVENTS])
        assert not engine.take_refused(), "expected an opening without refusals"
        self._state = engine.export_state()
        self._starts: dict[TopicPartition, int] = runner.run(ends(settings))
        runner.run(write(settings, traffic(count, now_ns)))
        self.log_records = 0
        self._shard = self._prepared()

    def ours(self) -> None:
        """Apply and log all events."""
        self._runner.run(self._apply())

    def prepare(self) -> None:
        """Bring a new engine to its opening state; not measured."""
        self._shard = self._prepared()

    def peer(self) -> None:
        """Count all events."""
        self._runner.run(self._count_only())

    def _prepared(self) -> tuple[Shard, KafkaSettings]:
        engine = RiskEngine.from_state(self._state, SETTINGS)
        topics = self._settings.topics
        fresh = fresh_topics(
            self._settings.bootstrap_servers, accounts=topics.accounts, market=topics.market
        )
        settings = self._runner.run(fresh)
        gc.freeze()  # as the daemon does once its state is there
        return Shard(engine, log_topic=settings.topics.decisions, number=0), settings

    async def _apply(self) -> None:
        shard, settings = self._shard
        vitals = Vitals()
        inbox: Inbox[Item] = Inbox(INBOX_EVENTS)
        journal = Journal(settings, shard=0, instance="bench", vitals=vitals)
        outbox = Outbox(settings, vitals=vitals)
        writer = Writer(
            shard,
            Outlets(journal, outbox, settings.topics.quarantine),
            inbox,
            batch_events_max=BATCH_EVENTS,
            vitals=vitals,
        )
        source = Source(settings, positions=self._starts, inbox=inbox, vitals=vitals)
        await journal.announce(epoch_seen=0)
        target = shard.events_given + self._count
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(source.run())
            writing = group.create_task(writer.run())
            while shard.events_given < target:  # noqa: ASYNC110 - nothing tells of the last event
                await asyncio.sleep(0.001)
            reading.cancel()
            await inbox.close()
            await writing
        self.log_records = journal.end_offset
        await asyncio.gather(journal.close(), outbox.close())

    async def _count_only(self) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._settings.bootstrap_servers)
        await consumer.start()
        partitions = inputs(self._settings)
        consumer.assign(partitions)
        for partition, offset in self._starts.items():
            consumer.seek(partition, offset)
        counted = 0
        while counted < self._count:
            fetched = await consumer.getmany(timeout_ms=100, max_records=5_000)
            counted += sum(len(records) for records in fetched.values())
        await consumer.stop()


def measure(scale: Scale) -> list[Figure]:
    """Return events a second and the ratio to only counting."""
    count = EVENTS[scale]
    with asyncio.Runner() as runner:
        context = exchange_topics()
        settings = runner.run(context.__aenter__())
        try:
            ingest = Ingest(runner, settings, count)
            timing = in_turns(ingest)
            records = ingest.log_records
        finally:
            runner.run(context.__aexit__(None, None, None))
    return [
        _figure("ingest_vs_bare", count, timing),
        Figure(name="log_records", value=records, unit="records"),
    ]


def in_turns(ingest: Ingest) -> Timing:
    """Return the minimum of the rounds of each, in turns, with a fresh engine for each round."""
    ours_s, peer_s = [], []
    for _ in range(ROUNDS_MIN):
        ingest.prepare()
        ours_s.append(seconds(ingest.ours))
        peer_s.append(seconds(ingest.peer))
    return Timing(ours_s=min(ours_s), peer_s=min(peer_s))


def _figure(name: str, count: int, timing: Timing) -> Figure:
    return Figure(
        name=name,
        value=count / timing.ours_s,
        unit="events/s",
        peer=count / timing.peer_s,
        peer_name="a bare aiokafka loop that counts",
        ratio=timing.ratio,
    )


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
