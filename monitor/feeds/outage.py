"""Lost and restored, told once: a feed is lost while any of its connections is."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from monitor.core.events import Event, FeedLost, FeedRestored
from monitor.feeds.statistics import FeedStatistics
from monitor.runtime.clock import Clock

Report: TypeAlias = Callable[[Event], Awaitable[None]]


class Outage:
    """Which connections of a feed are down."""

    def __init__(self, report: Report, clock: Clock, statistics: FeedStatistics) -> None:
        self._report = report
        self._clock = clock
        self._statistics = statistics
        self._down: set[str] = set()

    async def began(self, connection: str, reason: str) -> None:
        """Note that a connection is down; the first one makes the feed lost."""
        was_lost = bool(self._down)
        self._down.add(connection)
        self._statistics.lost = True
        if not was_lost:
            await self._report(
                FeedLost(event_ns=self._clock.now_ns(), feed=self._statistics.feed, reason=reason)
            )

    async def ended(self, connection: str) -> None:
        """Note that a connection gives valid frames; the last one restores the feed."""
        was_lost = bool(self._down)
        self._down.discard(connection)
        self._statistics.lost = bool(self._down)
        if was_lost and not self._down:
            await self._report(
                FeedRestored(event_ns=self._clock.now_ns(), feed=self._statistics.feed)
            )
