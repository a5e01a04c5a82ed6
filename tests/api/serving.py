"""A real server around the crash, in a thread with a loop of its own: for browsers and sockets."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from monitor.api.server import RunningServer, serve
from monitor.config import HttpSettings
from tests.api.crash import Crash

T = TypeVar("T")
TIMEOUT_S = 20.0


class ServedCrash:
    """A crash behind a listening server; enter it as a context manager."""

    def __init__(
        self,
        *,
        second: int = 0,
        settings: HttpSettings | None = None,
        crash: Crash | None = None,
    ) -> None:
        self.crash = crash or Crash()
        self._second = second
        self._settings = settings or HttpSettings(listen="127.0.0.1:0")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.server: RunningServer

    @property
    def url(self) -> str:
        """Return the address of the console."""
        return self.server.url

    def do(self, act: Callable[[], T]) -> T:
        """Return what a function returns in the server's thread: how a test moves the crash on."""

        async def acted() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(acted(), self._loop).result(TIMEOUT_S)

    def go_to(self, second: int) -> None:
        """Move the crash on, with a history sample each second."""
        self.do(lambda: self.crash.go_to(second, self.server.hub.desk))

    def __enter__(self) -> "ServedCrash":
        self._thread.start()
        starting: Future[RunningServer] = asyncio.run_coroutine_threadsafe(
            serve(self._settings, self.crash.source()), self._loop
        )
        self.server = starting.result(TIMEOUT_S)
        self.go_to(self._second)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result(TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT_S)
        self._loop.close()
