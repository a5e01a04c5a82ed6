"""Keep tasks alive, and give up loudly.

A supervised task either may be restarted (a connection to the outside world: a limited number
of times in a window, with back-off) or may not (the writer: its failure is a bug, and the
process ends). Either way no task ever dies unnoticed: all of them live in one TaskGroup.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

import structlog

from monitor.runtime.backoff import Backoff
from monitor.runtime.clock import Clock

Work = Callable[[], Coroutine[Any, Any, None]]
log = structlog.get_logger(__name__)


class RestartsExhaustedError(Exception):
    """A task failed more often than its limit allows."""


class StrayCancellationError(Exception):
    """A task ended as cancelled although nobody had cancelled it."""


class Supervisor:
    """The tasks of one process, in one TaskGroup: `async with Supervisor(clock) as supervisor`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []
        self.restarts: dict[str, int] = {}

    async def __aenter__(self) -> "Supervisor":
        """Enter the group."""
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for all tasks; raise what an unrestartable one raised."""
        await self._group.__aexit__(kind, error, traceback)

    def start(self, name: str, work: Work) -> asyncio.Task[None]:
        """Start a task whose failure ends the group."""
        return self._start(name, work())

    def start_restarted(
        self, name: str, work: Work, *, restarts_max: int = 20, window_s: float = 300.0
    ) -> asyncio.Task[None]:
        """Start a task that is restarted on failure, `restarts_max` times in `window_s`.

        A task that returns is done and stays so. One failure more than allowed ends the group.
        """
        self.restarts[name] = 0
        return self._start(name, self._restarting(name, work, restarts_max, window_s))

    def cancel_all(self) -> None:
        """Cancel every task that is still running."""
        for task in self._tasks:
            task.cancel()

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._group.create_task(_not_cancelled_by_itself(name, work), name=name)
        self._tasks.append(task)
        return task

    async def _restarting(self, name: str, work: Work, restarts_max: int, window_s: float) -> None:
        backoff = Backoff(self._clock)
        failures: deque[float] = deque()
        while True:
            backoff.started()
            try:
                return await work()
            except Exception as error:
                self._count_failure(failures, window_s)
                if len(failures) > restarts_max:
                    raise RestartsExhaustedError(
                        f"{name}: expected at most {restarts_max} failures in {window_s:g} s, "
                        f"received one more: {error!r}"
                    ) from error
                delay_s = backoff.next_delay_s()
                self.restarts[name] += 1
                log.warning("task_restarted", task=name, error=repr(error), delay_s=delay_s)
            await asyncio.sleep(delay_s)

    def _count_failure(self, failures: deque[float], window_s: float) -> None:
        """Add a failure now; forget those older than the window."""
        now_s = self._clock.monotonic_s()
        failures.append(now_s)
        while failures[0] <= now_s - window_s:
            failures.popleft()


async def _not_cancelled_by_itself(name: str, work: Coroutine[Any, Any, None]) -> None:
    """Await work; a cancellation that nobody asked for is an error.

    A TaskGroup takes a cancelled task for a finished one, so a library that leaks the
    cancellation of its own tasks would end ours without a trace.
    """
    try:
        await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and not task.cancelling():
            raise StrayCancellationError(
                f"{name}: expected to run, received a cancellation that nobody asked for"
            ) from error
        raise
