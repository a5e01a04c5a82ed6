"""A feed: what `[[feeds]]` configures, run until it is cancelled.

The daemon's only entry point:

    async def run_feed(
        settings: FeedSettings, *, publish: Publish, report: Report, clock: Clock,
        statistics: FeedStatistics,
    ) -> None

`publish(event)` awaits until the event has its place in the market topic; while it waits, newer
prices coalesce. It retries by itself: what it raises ends the feed, and the supervisor starts it
again. `report(event)` takes `FeedLost` and `FeedRestored`. `clock.now_ns()` is the time of
receipt. `statistics` is made by the caller, `FeedStatistics(feed=settings.name)`, read at will.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from monitor.config import FeedSettings
from monitor.core.events import Event
from monitor.feeds.statistics import FeedStatistics

Publish: TypeAlias = Callable[[Event], Awaitable[None]]
Report: TypeAlias = Callable[[Event], Awaitable[None]]


class Clock(Protocol):
    """Where the time of receipt comes from."""

    def now_ns(self) -> int:
        """Return nanoseconds since the epoch, UTC."""
        ...


async def run_feed(
    settings: FeedSettings,
    *,
    publish: Publish,
    report: Report,
    clock: Clock,
    statistics: FeedStatistics,
) -> None:
    """Connect, parse and publish until cancelled; never returns by itself."""
    raise NotImplementedError
