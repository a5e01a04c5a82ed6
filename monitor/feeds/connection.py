"""The one connection loop, for every venue.

Connect, subscribe, and read until the connection ends, falls silent or grows old; then wait with
full jitter and connect again. The reading task parses and puts into the queue, and never waits
for anybody: a slow log makes prices coalesce, not the venue disconnect us. No venue is known here
by name: `Adapter` says what differs.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from monitor.config import FeedSettings
from monitor.core.events import Event
from monitor.core.gate import AHEAD_MAX_NS
from monitor.feeds.adapter import (
    AnyAdapter,
    Ignored,
    Parsed,
    Plan,
    Refusal,
    RefusalReason,
    SnapshotWanted,
)
from monitor.feeds.coalescing import CoalescingQueue
from monitor.feeds.freshness import Freshness
from monitor.feeds.outage import Outage
from monitor.feeds.statistics import FeedStatistics
from monitor.runtime.backoff import Backoff
from monitor.runtime.clock import Clock

OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
PING_INTERVAL_S = 20.0
FRAMES_BUFFERED_MAX = 1_024
FRAMES_A_TURN = 64
BACKOFF_INITIAL_S = 0.2
BACKOFF_CAP_S = 30.0
TOO_LARGE = 1009

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]
log = structlog.get_logger(__name__)


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """What the connections of one feed share."""

    settings: FeedSettings
    adapter: AnyAdapter
    queue: CoalescingQueue
    outage: Outage
    clock: Clock
    statistics: FeedStatistics
    headers: dict[str, str]
    fetch: Fetch

    def url(self, path: str) -> str:
        """Return the address of a connection."""
        return (self.settings.url or self.adapter.url).rstrip("/") + path

    def rest_url(self, path: str) -> str:
        """Return the address of a REST request."""
        return (self.settings.rest_url or self.adapter.rest_url or "").rstrip("/") + path


async def keep_connected(plan: Plan, wiring: Wiring) -> None:
    """Hold one connection of a feed up until cancelled."""
    backoff = Backoff(wiring.clock, initial_s=BACKOFF_INITIAL_S, cap_s=BACKOFF_CAP_S)
    for attempt in itertools.count():
        session = Session(plan, wiring, backoff, attempt=attempt)
        reason = await session.run()
        if session.is_renewal:
            log.info("feed connection renewed", feed=wiring.settings.name, reason=reason)
            continue
        wiring.statistics.connection_failures += 1
        await wiring.outage.began(plan.path, reason)
        delay_s = backoff.next_delay_s()
        log.warning(
            "feed connection lost",
            feed=wiring.settings.name,
            path=plan.path,
            reason=reason,
            retry_in_s=round(delay_s, 3),
        )
        await asyncio.sleep(delay_s)


class Session:
    """One connection, from opening to its end."""

    def __init__(self, plan: Plan, wiring: Wiring, backoff: Backoff, *, attempt: int) -> None:
        self._plan = plan
        self._wiring = wiring
        self._backoff = backoff
        self._attempt = attempt
        self._state: Any = wiring.adapter.new_state(wiring.settings)
        self._snapshots: dict[str, asyncio.Task[None]] = {}
        self._is_up = False
        self.is_renewal = False

    async def run(self) -> str:
        """Return why the connection ended; whatever the far end does, nothing is raised."""
        try:
            async with connect(
                self._wiring.url(self._plan.path),
                additional_headers=self._wiring.headers,
                compression=None,
                proxy=None,
                max_size=self._wiring.adapter.frame_bytes_max,
                max_queue=FRAMES_BUFFERED_MAX,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=PING_INTERVAL_S,
                ping_timeout=PING_INTERVAL_S,
            ) as socket:
                self._note_opened()
                return await self._converse(socket)
        except (OSError, WebSocketException, EOFError) as error:
            return describe(error)

    def _note_opened(self) -> None:
        self._wiring.statistics.connections += 1
        if self._attempt:
            self._wiring.statistics.reconnects += 1

    async def _converse(self, socket: ClientConnection) -> str:
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(self._beat(socket))
            try:
                for message in self._plan.messages:
                    await socket.send(message)
                return await self._read(socket, group)
            except ConnectionClosed as error:
                self._note_too_large(error)
                return describe(error)
            finally:
                for task in (beating, *self._snapshots.values()):
                    task.cancel()

    async def _beat(self, socket: ClientConnection) -> None:
        heartbeat = self._wiring.adapter.heartbeat
        while heartbeat is not None:
            await asyncio.sleep(heartbeat.interval_s)
            try:
                await socket.send(heartbeat.text)
            except ConnectionClosed:
                return  # the reading side tells why

    async def _read(self, socket: ClientConnection, group: asyncio.TaskGroup) -> str:
        clock, adapter = self._wiring.clock, self._wiring.adapter
        opened_s = clock.monotonic_s()
        stale_after_s = self._wiring.settings.stale_after_s
        freshness = Freshness(
            self._plan.required_channels, stale_after_s=stale_after_s, now_s=opened_s
        )
        frames = 0
        while True:
            now_s = clock.monotonic_s()
            if now_s - opened_s >= adapter.connection_age_max_s:
                self.is_renewal = True
                return f"the connection is {adapter.connection_age_max_s:g} s old"
            remaining_s = freshness.remaining_s(now_s)
            if remaining_s <= 0:
                return f"no valid new {freshness.stalest()} frame for {stale_after_s:g} s"
            try:
                async with asyncio.timeout(remaining_s):
                    frame = await socket.recv(decode=False)
            except TimeoutError:
                continue
            await self._take_frame(frame, freshness, group)
            frames += 1
            if frames % FRAMES_A_TURN == 0:
                await asyncio.sleep(0)  # a burst must not keep the other tasks from running

    async def _take_frame(
        self, frame: bytes, freshness: Freshness, group: asyncio.TaskGroup
    ) -> None:
        statistics = self._wiring.statistics
        statistics.frames += 1
        statistics.frame_bytes += len(frame)
        parsed = self._wiring.adapter.parse(frame, self._state)
        self._take_parsed(parsed, frame, group)
        if not parsed.channel or self._ahead_ns(parsed.event_ns) > AHEAD_MAX_NS:
            return
        statistics.last_frame_ns = self._wiring.clock.now_ns()
        freshness.moved(parsed.channel, parsed.event_ns, self._wiring.clock.monotonic_s())
        if not self._is_up and freshness.is_complete():
            self._is_up = True
            self._backoff.started()
            await self._wiring.outage.ended(self._plan.path)

    def _take_parsed(self, parsed: Parsed, frame: bytes, group: asyncio.TaskGroup) -> None:
        statistics = self._wiring.statistics
        for outcome in parsed.outcomes:
            if isinstance(outcome, Event):
                self._offer(outcome, frame)
            elif isinstance(outcome, Refusal):
                self._refuse(outcome.reason, outcome.detail, frame)
            elif isinstance(outcome, Ignored):
                statistics.ignore(outcome.kind)
            elif isinstance(outcome, SnapshotWanted):
                self._want_snapshot(outcome.symbol, group)

    def _offer(self, event: Event, frame: bytes) -> None:
        ahead_ns = self._ahead_ns(event.event_ns)
        if ahead_ns > AHEAD_MAX_NS:
            detail = f"expected at most 5 s ahead of us, received {ahead_ns / 1e9:.3f} s"
            self._refuse("from_the_future", detail, frame)
        else:
            self._wiring.statistics.events += 1
            self._wiring.queue.put(event)

    def _ahead_ns(self, event_ns: int) -> int:
        return event_ns - self._wiring.clock.now_ns()

    def _want_snapshot(self, symbol: str, group: asyncio.TaskGroup) -> None:
        if symbol in self._snapshots or self._wiring.adapter.parse_snapshot is None:
            return
        self._snapshots[symbol] = group.create_task(self._fetch_snapshot(symbol, group))

    async def _fetch_snapshot(self, symbol: str, group: asyncio.TaskGroup) -> None:
        """Fetch until an answer was usable: one request in flight for each symbol."""
        adapter, statistics = self._wiring.adapter, self._wiring.statistics
        assert adapter.snapshot_path is not None
        assert adapter.parse_snapshot is not None
        url = self._wiring.rest_url(adapter.snapshot_path(symbol))
        backoff = Backoff(self._wiring.clock, initial_s=BACKOFF_INITIAL_S, cap_s=BACKOFF_CAP_S)
        wanted = True
        while wanted:
            statistics.snapshots_requested += 1
            try:
                body = await self._wiring.fetch(url)
            except (OSError, ValueError) as error:
                statistics.snapshot_failures += 1
                log.warning("feed snapshot failed", url=url, reason=describe(error))
            else:
                parsed = adapter.parse_snapshot(symbol, body, self._state)
                self._take_parsed(parsed, body, group)
                wanted = is_retry_needed(parsed.outcomes)
            if wanted:
                await asyncio.sleep(backoff.next_delay_s())
        del self._snapshots[symbol]

    def _note_too_large(self, error: ConnectionClosed) -> None:
        if error.sent is not None and error.sent.code == TOO_LARGE:
            limit = self._wiring.adapter.frame_bytes_max
            self._refuse("too_large", f"expected at most {limit} bytes, received more", b"")

    def _refuse(self, reason: RefusalReason, detail: str, frame: bytes) -> None:
        statistics = self._wiring.statistics
        statistics.refuse(reason, detail, frame)
        log.warning(
            "feed frame refused",
            feed=statistics.feed,
            reason=reason,
            sample=statistics.samples[reason],
        )


def is_retry_needed(outcomes: Sequence[object]) -> bool:
    """Return whether a snapshot's answer was refused or did not suffice."""
    return any(isinstance(outcome, Refusal | SnapshotWanted) for outcome in outcomes)


def describe(error: BaseException) -> str:
    """Return an error as one short line of plain characters, fit for an event and a log."""
    return f"{type(error).__name__}: {ascii(str(error))[1:-1]}"[:200]
