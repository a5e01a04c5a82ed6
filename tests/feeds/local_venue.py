"""A venue on this machine that misbehaves to order, and a daemon's side that only remembers."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from monitor.config import FeedSettings
from monitor.core.events import Event, FeedLost, FeedRestored
from monitor.feeds.feed import run_feed
from monitor.feeds.statistics import FeedStatistics
from monitor.runtime.clock import Clock

DEADLINE_S = 15.0
Script = Callable[[ServerConnection], Awaitable[None]]


async def eventually(condition: Callable[[], object], *, deadline_s: float = DEADLINE_S) -> None:
    """Wait until a condition holds; fail after the deadline."""
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110 - the condition is another's state
            await asyncio.sleep(0.005)


class Listener:
    """Remembers what a feed published and reported."""

    def __init__(self, feed: str = "feed") -> None:
        self.events: list[Event] = []
        self.reports: list[Event] = []
        self.statistics = FeedStatistics(feed=feed)

    async def publish(self, events: Sequence[Event]) -> None:
        self.events.extend(events)

    async def report(self, event: Event) -> None:
        self.reports.append(event)

    def lost(self) -> list[str]:
        """Return the reasons of the losses so far."""
        return [event.reason for event in self.reports if isinstance(event, FeedLost)]

    def restored(self) -> int:
        """Return how often the feed was restored."""
        return sum(isinstance(event, FeedRestored) for event in self.reports)

    @asynccontextmanager
    async def running(self, settings: FeedSettings) -> AsyncIterator[asyncio.Task[None]]:
        """Run a feed while the block lasts; what ends it early is raised."""
        task = asyncio.create_task(
            run_feed(
                settings,
                publish=self.publish,
                report=self.report,
                clock=Clock(),
                statistics=self.statistics,
            )
        )
        try:
            yield task
            if task.done():
                task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class LocalVenue:
    """Plays one script for each connection, in order; the last one again for later ones."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self.connections = 0
        self.heard: list[str | bytes] = []
        self.headers: list[dict[str, str]] = []

    @asynccontextmanager
    async def serving(self, **options: Any) -> AsyncIterator[int]:
        """Serve on a free port of this machine."""
        async with serve(
            self._converse, "127.0.0.1", 0, compression=None, close_timeout=0.2, **options
        ) as server:
            yield next(iter(server.sockets)).getsockname()[1]

    async def _converse(self, socket: ServerConnection) -> None:
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        assert socket.request is not None
        self.headers.append(dict(socket.request.headers.raw_items()))
        self.heard.append(await socket.recv())
        await script(socket)


def says(*frames: str | bytes, then: Script | None = None) -> Script:
    """Return a script that sends frames, then does something else, or waits for the client."""

    async def script(socket: ServerConnection) -> None:
        for frame in frames:
            await socket.send(frame)
        await (then(socket) if then else socket.wait_closed())

    return script


def chatters(frame: Callable[[int], bytes | str]) -> Script:
    """Return a script that sends a frame again and again, numbered, until the client leaves."""

    async def script(socket: ServerConnection) -> None:
        for number in itertools.count():
            await socket.send(frame(number))
            await asyncio.sleep(0.01)

    return script


async def closes(socket: ServerConnection) -> None:
    """End the connection as the protocol asks."""
    await socket.close(1001, "maintenance")


async def breaks_off(socket: ServerConnection) -> None:
    """End the connection in the middle of a frame: a header that promises 100 bytes, then 10."""
    socket.transport.write(b"\x81\x64" + b'{"stream":')
    socket.transport.close()
