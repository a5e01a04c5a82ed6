"""The composition root: which parts there are, how they are joined, how they start and end.

`App(configuration, text)` connects to nothing; `run_until_stopped` does, and
returns after `request_stop` has drained and saved. Everything else in the package is a leaf.

    source ->|
    feeds  ->| inbox -> writer (engine) -> journal (the log), then: snapshots, mirror, views
    reload ->|
"""

import asyncio
import gc
import os
import secrets
import socket
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from platform import python_version

import structlog

from monitor.api.decision_ring import DecisionRing
from monitor.api.server import RunningServer, serve
from monitor.api.source import ApiSource
from monitor.app.book_watch import BookWatch
from monitor.app.breaker_resets import BreakerResets
from monitor.app.clock_watch import ClockWatch
from monitor.app.mirroring import MirrorFeeder
from monitor.app.questions import Questions
from monitor.app.reloading import Reloader
from monitor.app.room_watch import RoomWatch
from monitor.app.shadow_watch import start_shadow
from monitor.app.snapshots import Snapshotter
from monitor.app.start import Start
from monitor.app.state import StateDirectory
from monitor.app.view_holder import ViewHolder
from monitor.app.webhooks import Webhook
from monitor.config import Configuration, FeedSettings, configuration_hash
from monitor.core.engine import RiskEngine
from monitor.core.events import ConfigurationChanged, Event, FeedLost, FeedRestored
from monitor.exporter.collector import declared_measurements
from monitor.exporter.scrape import Scraper
from monitor.feeds.feed import run_feed
from monitor.feeds.statistics import FeedStatistics
from monitor.runtime.inbox import Inbox
from monitor.runtime.measurements import Measurements
from monitor.runtime.notify import Notifier
from monitor.runtime.supervise import Supervisor
from monitor.runtime.vitals import Vitals
from monitor.store.redis import RedisMirror
from monitor.store.redis_snapshot import RedisSnapshots
from monitor.streams.batch import Item
from monitor.streams.journal import Journal
from monitor.streams.leadership import watch_leadership
from monitor.streams.outbox import Outbox, market_record
from monitor.streams.recovery import Recovered
from monitor.streams.shard import Applied, Shard
from monitor.streams.source import Source
from monitor.streams.writer import Outlets, Writer

DISTRIBUTION = "socialized-loss-monitor"
DRAIN_TIMEOUT_S = 4.0
SNAPSHOT_TIMEOUT_S = 10.0
PULSE_S = 1.0

log = structlog.get_logger(__name__)


class App:
    """One daemon: one shard's engine with everything around it."""

    def __init__(
        self,
        configuration: Configuration,
        text: str,
        *,
        path: str | os.PathLike[str] | None = None,
        create_topics: bool = False,
    ) -> None:
        self.configuration = configuration
        self.vitals = Vitals(measurements=Measurements(declared_measurements()))
        self.views = ViewHolder(self.vitals.clock)
        self.decisions = DecisionRing()
        self.shard: Shard | None = None
        self._text = text
        self._create_topics = create_topics or configuration.kafka.create_topics
        self._inbox: Inbox[Item] = Inbox(configuration.service.inbox_events_max)
        self._journal = Journal(
            configuration.kafka,
            shard=configuration.service.shard,
            instance=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
            vitals=self.vitals,
        )
        self._outbox = Outbox(configuration.kafka, vitals=self.vitals)
        self._mirror = self._make_mirror()
        self._webhooks = [Webhook(each, self.vitals) for each in configuration.webhooks]
        self._snapshotter: Snapshotter | None = None
        self._source: Source | None = None
        self._feeds = [FeedStatistics(feed=feed.name) for feed in configuration.feeds]
        self._intake: list[asyncio.Task[None]] = []
        self._stop_requested = asyncio.Event()
        self._notifier = Notifier()
        self._scraper: Scraper | None = None
        self.server: RunningServer | None = None
        self._supervisor = Supervisor(self.vitals.clock)
        self.reloader = Reloader(configuration, path, inbox=self._inbox, vitals=self.vitals)

    def request_stop(self) -> None:
        """Ask for an orderly stop; safe to call again."""
        self._stop_requested.set()

    async def reload(self) -> bool:
        """Read the configuration file again; return whether it is in force."""
        return await self.reloader.reload()

    async def run_until_stopped(self) -> None:
        """Live from start to stop.

        Raises what ended it, in an ExceptionGroup: LeadershipLostError, BrokerError, StateError,
        SnapshotError, RestartsExhaustedError, or a programmer's error.
        """
        self.vitals.health.set("recovery", "starting", is_ok=False)
        capacity = self.configuration.service.inbox_events_max
        self.vitals.measurements.set_to("loss_monitor_inbox_capacity_events", capacity)
        self.vitals.measurements.set_to(
            "loss_monitor_build_info", 1, version(DISTRIBUTION), python_version()
        )
        with StateDirectory(self.configuration) as state:
            try:
                async with self._supervisor as supervisor:
                    await self._start_http()
                    supervisor.start("pulse", self._pulse)
                    engine = supervisor.start("engine", partial(self._live, state))
                    supervisor.start("stop", partial(self._stop, engine))
                    self._notifier.ready()
            finally:
                await self._close()

    async def _start_http(self) -> None:
        """Answer from the first moment on, so that people see what the start waits for."""
        if not self.configuration.http.listen:
            return
        self._scraper = Scraper(lambda: self.views.view, self.vitals.measurements)
        questions = Questions(lambda: None if self.shard is None else self._engine(self.shard))
        resets = BreakerResets(self._outbox, lambda: self.reloader.configuration, self.vitals.clock)
        source = ApiSource(
            view=lambda: self.views.view,
            health=self.vitals.health,
            account_report=questions.account_report,
            waterfall_episode=questions.waterfall_episode,
            deleveragings=questions.deleveragings,
            audit_report=questions.audit_report,
            reset_breaker=resets.reset,
            metrics=self._scraper.scrape,
            now_ns=self.vitals.clock.now_ns,
            decisions=self.decisions,
            measurements=self.vitals.measurements,
            version=version(DISTRIBUTION),
        )
        self.server = await serve(self.configuration.http, source)
        self._supervisor.start("http", self.server.wait)
        log.info("listening", url=self.server.url)

    async def _close(self) -> None:
        """Let go of what talks to the outside, whatever the end was."""
        await asyncio.gather(self._journal.close(), self._outbox.close())
        if self.server is not None:
            await self.server.stop()
        if self._scraper is not None:
            self._scraper.close()

    # --- start ------------------------------------------------------------------------------

    async def _live(self, state: StateDirectory) -> None:
        """Recover, join the parts, and apply until the inbox is closed and empty."""
        start = Start(
            configuration=self.configuration,
            journal=self._journal,
            vitals=self.vitals,
            notifier=self._notifier,
            create_topics=self._create_topics,
        )
        shard, recovered = await start.run(state)
        self.shard = shard
        engine = self._engine(shard)
        source = self._make_source(recovered)
        writer = self._make_writer(shard, source)
        self._snapshotter = Snapshotter(
            state.store,
            shard,
            interval_s=self.configuration.service.snapshot_interval_s,
            vitals=self.vitals,
        )
        writer.is_state_hash_due = self._snapshotter.is_hash_due
        self.views.follow(engine)
        worst = self.configuration.redis.worst_accounts
        watch = BookWatch(engine, self.views, self.vitals.clock, worst_max=worst)
        watch.shadow = start_shadow(
            self.configuration.shadow, engine, self.views, self.vitals, self._supervisor
        )
        self._supervisor.start_restarted("book", watch.run)
        writer.observers = [self._keep_decisions, self.views.refresh, self._snapshotter.observe]
        if self._mirror is not None:
            self._snapshotter.copies = RedisSnapshots(
                self.configuration.redis, shard=self.configuration.service.shard
            )
            self._start_mirror(self._mirror, writer, engine)
        for webhook, settings in zip(self._webhooks, self.configuration.webhooks, strict=True):
            writer.observers.append(webhook.observe)
            self._supervisor.start_restarted(f"webhook:{settings.name}", webhook.run)
        await writer.finish(recovered.missing, recovered.refused)
        await self._configure(engine)
        self._start_intake(source)
        await writer.run()

    def _make_source(self, recovered: Recovered) -> Source:
        self._source = Source(
            self.configuration.kafka,
            positions=recovered.positions,
            inbox=self._inbox,
            vitals=self.vitals,
        )
        return self._source

    def _make_writer(self, shard: Shard, source: Source) -> Writer:
        outlets = Outlets(self._journal, self._outbox, self.configuration.kafka.topics.quarantine)
        writer = Writer(
            shard,
            outlets,
            self._inbox,
            batch_events_max=self.configuration.service.batch_events_max,
            vitals=self.vitals,
        )
        writer.is_caught_up = lambda: source.is_caught_up
        return writer

    def _make_mirror(self) -> RedisMirror | None:
        settings = self.configuration.redis
        if not settings.url:
            return None
        mirror = RedisMirror(
            settings,
            self.vitals.clock,
            self.vitals.health,
            self.vitals.measurements,
            shard=self.configuration.service.shard,
        )
        mirror.instance = self._journal.instance
        return mirror

    def _start_mirror(self, mirror: RedisMirror, writer: Writer, engine: RiskEngine) -> None:
        assert self.shard is not None, "expected a recovered shard"
        feeder = MirrorFeeder(
            mirror,
            self.shard,
            self.views,
            settings=self.configuration.redis,
            clock=self.vitals.clock,
        )
        feeder.begin(engine)
        writer.observers.append(feeder.observe)
        self._supervisor.start_restarted("mirror", mirror.run)

    def _start_intake(self, source: Source) -> None:
        """Start everything that fills the inbox, and the watch over our lead."""
        kafka, supervisor = self.configuration.kafka, self._supervisor
        self._intake.append(supervisor.start("source", source.run))
        watch = partial(
            watch_leadership,
            kafka,
            self._journal,
            start=self._journal.end_offset,
            clock=self.vitals.clock,
        )
        self._intake.append(supervisor.start("leadership", watch))
        for settings, statistics in zip(self.configuration.feeds, self._feeds, strict=True):
            work = partial(self._feed, settings, statistics)
            task = supervisor.start_restarted(f"feed:{settings.name}", work)
            self._intake.append(task)

    async def _feed(self, settings: FeedSettings, statistics: FeedStatistics) -> None:
        await run_feed(
            settings,
            publish=self._publish,
            report=self._report,
            clock=self.vitals.clock,
            statistics=statistics,
        )

    async def _publish(self, events: Sequence[Event]) -> None:
        """Give a feed's events their places in the market topic; they are applied from there."""
        topic = self.configuration.kafka.topics.market
        await self._outbox.send(topic, [market_record(event) for event in events], partition=0)

    async def _report(self, event: Event) -> None:
        """Tell the engine that a feed was lost or restored."""
        assert isinstance(event, FeedLost | FeedRestored), f"expected a feed's fate, not {event}"
        await self._inbox.put(event)

    async def _configure(self, engine: RiskEngine) -> None:
        """Make the configuration an event when it is not the one in force.

        It carries the engine's own time, so that it moves no clock.
        """
        text_hash = configuration_hash(self._text)
        if engine.configuration_hash != text_hash:
            log.info("configuration_changed", before=engine.configuration_hash, now=text_hash)
            await self._inbox.put(
                ConfigurationChanged(event_ns=engine.engine_ns, hash=text_hash, text=self._text)
            )

    def _engine(self, shard: Shard) -> RiskEngine:
        assert isinstance(shard.engine, RiskEngine), "expected a RiskEngine in the shard"
        return shard.engine

    def _keep_decisions(self, applied: Applied | None) -> None:
        if applied is not None:
            self.decisions.extend(applied.decisions)

    # --- life -------------------------------------------------------------------------------

    async def _pulse(self) -> None:
        """Once a second: say that the loop turns, and how the parts do."""
        clock, measurements = self.vitals.clock, self.vitals.measurements
        watch = ClockWatch(self.vitals)
        room = RoomWatch(self.configuration.service.accounts_reserved)
        while True:
            slept_s = clock.monotonic_s()
            await asyncio.sleep(PULSE_S)
            delay_s = clock.monotonic_s() - slept_s - PULSE_S
            measurements.set_to("loss_monitor_event_loop_delay_seconds", max(0.0, delay_s))
            self._notifier.watchdog()
            watch.check()
            self._check_catching_up()
            room.check(self.views.view)
            for statistics in self._feeds:
                statistics.write_to(measurements)
            for task, restarts in self._supervisor.restarts.items():
                measurements.set_to("loss_monitor_task_restarts_total", restarts, task)
            measurements.set_to("loss_monitor_ready", float(self.vitals.health.is_ready))

    def _check_catching_up(self) -> None:
        """Ready means: everything that the topics held has been applied, and bootstrap is over."""
        source = self._source
        if source is None:
            return
        health = self.vitals.health
        if not health.is_ok("caught_up"):
            done = source.is_caught_up and not len(self._inbox)
            detail = "" if done else "expected to have applied the topics' backlog, still applying"
            health.set("caught_up", detail, is_ok=done)
            if done:
                log.info("caught_up")
                gc.freeze()  # the state lasts: looking through it again only costs pauses
                self._notifier.status("applying events")
        if self.configuration.service.bootstrap:
            detail = "" if self.views.view.ready else "expected bootstrap_finished, none received"
            health.set("bootstrap", detail, is_ok=self.views.view.ready)

    # --- stop -------------------------------------------------------------------------------

    async def _stop(self, engine: asyncio.Task[None]) -> None:
        """When asked: stop intake, drain, wait for the log, save, and end all tasks."""
        await self._stop_requested.wait()
        log.info("stopping")
        self._notifier.stopping()
        self.vitals.health.set("stopping", "expected to run, asked to stop", is_ok=False)
        for task in self._intake:
            task.cancel()
        await self._inbox.close()
        if self.shard is None:
            engine.cancel()
        await asyncio.wait({engine}, timeout=DRAIN_TIMEOUT_S)
        if engine.done() and not engine.cancelled() and engine.exception() is None:
            await self._save_last()
        else:
            engine.cancel()
            log.warning("stopped_without_snapshot", reason="the log did not acknowledge in time")
        self._supervisor.cancel_all()

    async def _save_last(self) -> None:
        if self._snapshotter is None:
            return
        try:
            async with asyncio.timeout(SNAPSHOT_TIMEOUT_S):
                await self._snapshotter.finish()
        except TimeoutError:
            log.warning("last_snapshot_late", expected_s=SNAPSHOT_TIMEOUT_S)
