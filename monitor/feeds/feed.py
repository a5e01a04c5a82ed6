"""A feed: what `[[feeds]]` configures, run until it is cancelled.

The daemon's only entry point:

    async def run_feed(
        settings: FeedSettings, *, publish: Publish, report: Report, clock: Clock,
        statistics: FeedStatistics,
    ) -> None

`publish(events)` takes a batch, in order, and returns when all of it has its place in the market
topic; while it waits, newer prices coalesce. It retries by itself: what it raises ends the feed,
and the supervisor starts it again. `report(event)` takes `FeedLost` and `FeedRestored`.
`clock.now_ns()` is the time of receipt. `statistics` is made by the caller,
`FeedStatistics(feed=settings.name)`; it is read at will, and `statistics.write_to(measurements)`
on a slow tick turns it into the feed's metrics.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from monitor.config import ConfigurationError, FeedSettings
from monitor.core.events import Event
from monitor.feeds.adapter import AnyAdapter
from monitor.feeds.coalescing import CoalescingQueue
from monitor.feeds.connection import Wiring, keep_connected
from monitor.feeds.outage import Outage, Report
from monitor.feeds.rest import fetch
from monitor.feeds.statistics import FeedStatistics
from monitor.feeds.venues import VENUES
from monitor.runtime.clock import Clock

Publish: TypeAlias = Callable[[Sequence[Event]], Awaitable[None]]

BATCH_PLACES_MAX = 500
LOOPBACK = ("127.0.0.1", "::1", "localhost")


async def run_feed(
    settings: FeedSettings,
    *,
    publish: Publish,
    report: Report,
    clock: Clock,
    statistics: FeedStatistics,
) -> None:
    """Connect, parse and publish until cancelled; never returns by itself.

    Raises ConfigurationError (in a group) when the venue's key cannot be read, and what
    `publish` raises.
    """
    adapter = VENUES[settings.venue]
    wiring = Wiring(
        settings=settings,
        adapter=adapter,
        queue=CoalescingQueue(),
        outage=Outage(report, clock, statistics),
        clock=clock,
        statistics=statistics,
        headers=authorization(adapter, settings.url or adapter.url),
        fetch=fetch,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(publish_queue(wiring.queue, publish, statistics))
        for plan in adapter.plans(settings):
            group.create_task(keep_connected(plan, wiring))


async def publish_queue(
    queue: CoalescingQueue, publish: Publish, statistics: FeedStatistics
) -> None:
    """Give what waits its place in the log, a batch at a time."""
    coalesced, dropped = statistics.events_coalesced, statistics.events_dropped
    while True:
        events = await queue.take(BATCH_PLACES_MAX)
        await publish(events)
        statistics.events_published += len(events)
        newest_ns = max(event.event_ns for event in events)
        statistics.last_event_ns = max(statistics.last_event_ns, newest_ns)
        statistics.events_coalesced = coalesced + queue.coalesced
        statistics.events_dropped = dropped + queue.dropped


def authorization(adapter: AnyAdapter, url: str) -> dict[str, str]:
    """Return the header with the venue's bearer key, from the environment or a file.

    Without a key no header: the venue then says what it thinks of it. A key never leaves this
    machine unencrypted: raises ConfigurationError for a `ws://` address elsewhere, and for a
    key's file that cannot be read.
    """
    token = read_token(adapter.token_variable) if adapter.token_variable else ""
    if not token:
        return {}
    address = urlsplit(url)
    if address.scheme != "wss" and address.hostname not in LOOPBACK:
        raise ConfigurationError(
            f"{adapter.token_variable}: expected a wss:// address to send a key to, "
            f"received {address.scheme}://{address.hostname}"
        )
    return {"Authorization": f"Bearer {token}"}


def read_token(variable: str) -> str:
    """Return a key from an environment variable, or from the file that `.._FILE` names."""
    token = os.environ.get(variable, "").strip()
    path = os.environ.get(f"{variable}_FILE")
    if not token and path:
        try:
            token = Path(path).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{variable}_FILE: expected a readable file of plain text, "
                f"received {type(error).__name__} at {path}"
            ) from error
    return token
