"""A long-lived process beside ours that answers one request after the other.

It shares nothing with us, so it can be slow or die and we go on: the next request starts another
one. It has a lower priority, leaves signals to us and dies with us. Requests and answers are
pickled; large arrays go through `shared_memory.py`.
"""

import asyncio
import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")
NICENESS = 10
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


class CompanionError(Exception):
    """The process died, was late or could not do it; the message says which."""


class Companion(Generic[Request, Answer]):
    """A process that calls `make_work()` once and then its result for every request.

    `make_work` must be importable by name: the process begins with nothing of ours.
    """

    def __init__(self, make_work: Callable[[], Callable[[Request], Answer]]) -> None:
        self._make_work = make_work
        self._process: multiprocessing.process.BaseProcess | None = None
        self._requests: Connection | None = None
        self._answers: Connection | None = None
        self._thread = ThreadPoolExecutor(1, "companion")

    @property
    def pid(self) -> int | None:
        """Return the process that would be asked next, None before the first request."""
        return None if self._process is None else self._process.pid

    async def ask(self, request: Request, *, timeout_s: float) -> Answer:
        """Return the answer; CompanionError: there is none, and the process is gone.

        One request at a time.
        """
        in_thread = asyncio.get_running_loop().run_in_executor
        asked = in_thread(self._thread, self._ask, request, timeout_s)
        try:
            answers, problem = await asyncio.shield(asked)
        except asyncio.CancelledError:
            self.kill()  # which ends what the thread waits for
            raise
        if problem:
            raise CompanionError(problem)
        (answer,) = answers
        return answer

    def kill(self) -> None:
        """End the process now; once more does nothing."""
        if self._process is not None and self._process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def close(self) -> None:
        """End the process and wait for that; the next request starts another."""
        self.kill()
        self._thread.submit(self._forget).result()

    def _ask(self, request: Request, timeout_s: float) -> tuple[list[Answer], str]:
        """Return (the answer, "") or (nothing, what was wrong)."""
        answers: list[Answer] = []
        try:
            if self._process is None:
                self._start()
            assert self._requests is not None
            assert self._answers is not None
            self._requests.send(request)
            if self._answers.poll(timeout_s):
                answers, problem = self._answers.recv()
            else:
                problem = f"expected an answer within {timeout_s:g} s, received none"
        except (EOFError, OSError) as error:
            problem = f"expected the process to live, received {error!r}"
        if problem:
            self._forget()
        return answers, problem

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        theirs, self._requests = context.Pipe(duplex=False)
        self._answers, back = context.Pipe(duplex=False)
        arguments = (self._make_work, theirs, back, os.getpid())
        self._process = context.Process(target=_live, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        back.close()

    def _forget(self) -> None:
        process, self._process = self._process, None
        for pipe in (self._requests, self._answers):
            if pipe is not None:
                pipe.close()
        self._requests = self._answers = None
        if process is not None:
            process.kill()
            process.join()


def _live(
    make_work: Callable[[], Callable[[Any], Any]],
    requests: Connection,
    answers: Connection,
    parent: int,
) -> None:
    """Be the process: answer until the other end closes."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        return
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    work = make_work()
    while True:
        try:
            request = requests.recv()
        except EOFError:
            return
        try:
            answer = ([work(request)], "")
        except Exception as error:  # noqa: BLE001 (whatever it is, the one who asks is told)
            answer = ([], f"expected an answer, received {error!r}")
        answers.send(answer)
