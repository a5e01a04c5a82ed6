"""Work on this process as it is now, done by a child while this process goes on.

`ForkedWork(work)` forks at once: the child is a frozen copy, the kernel copies a page of memory
before either writes to it first. A fork costs some milliseconds a gigabyte. The child keeps no
open file and no signal handler of ours, dies with us, and answers over a pipe.
"""

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn

FAILED = 1
NICENESS = 10
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


class ForkedWorkError(Exception):
    """The child could not be made, was late or failed; the message says how."""


class ForkedWork:
    """A child that does `work` on the memory of this moment; ask its `result` once.

    `work` may read everything and must not use the event loop, threads, open files or locks of
    this process. Raises ForkedWorkError when there is no room for a child.
    """

    def __init__(self, work: Callable[[], bytes]) -> None:
        parent = os.getpid()
        self._answer, answer = os.pipe()
        # Until the child has let go of our handlers, a signal to it would be one to us.
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            with warnings.catch_warnings():
                # Python warns of threads that hold locks: the work is to need none of theirs.
                warnings.simplefilter("ignore", DeprecationWarning)
                self.pid = os.fork()
            if self.pid == 0:
                _live(work, answer, parent)
        except OSError as error:
            os.close(self._answer)
            raise ForkedWorkError(f"expected room for a child process, received {error}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
            os.close(answer)

    async def result(self, timeout_s: float) -> bytes:
        """Return what the work returned; the child is gone then, whatever happens.

        Raises ForkedWorkError when it fails, dies or takes longer.
        """
        in_thread = asyncio.get_running_loop().run_in_executor
        reading = in_thread(None, self._read)
        is_late = False
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(reading)
        except TimeoutError:
            is_late = True
        finally:
            if not reading.done():
                os.kill(self.pid, signal.SIGKILL)
            answer = await reading
            _, status = await in_thread(None, os.waitpid, self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if is_late:
            raise ForkedWorkError(f"expected the child to end within {timeout_s:g} s")
        if code == FAILED:
            raise ForkedWorkError(answer.decode())
        if code:
            raise ForkedWorkError(f"expected the child to end by itself, received status {code}")
        return answer

    def _read(self) -> bytes:
        """Read until the child closes its end."""
        with open(self._answer, "rb") as pipe:  # noqa: PTH123 - a descriptor, not a path
            return pipe.read()


def _live(work: Callable[[], bytes], answer: int, parent: int) -> NoReturn:
    """Be the child: do the work, answer, and end without running anything of the parent's."""
    code = FAILED
    try:
        _let_go(answer, parent)
        try:
            result, code = work(), 0
        except Exception as error:  # noqa: BLE001 (whatever it is, the parent tells it)
            result = str(error).encode() or repr(error).encode()
        with open(answer, "wb") as pipe:
            pipe.write(result)
    finally:
        os._exit(code)


def _let_go(answer: int, parent: int) -> None:
    """Give up what belongs to the parent: its signals, its open files, its priority."""
    signal.set_wakeup_fd(-1)  # a signal to the child is none to the parent's event loop
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    gc.disable()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(FAILED)
    os.closerange(3, answer)
    os.closerange(answer + 1, os.sysconf("SC_OPEN_MAX"))
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
