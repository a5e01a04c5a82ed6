"""A server of ours: one child process, its directory, its log and its end.

Every embedded server is started, watched and ended the same way, always by its own process id.
A child is told by the kernel (Linux) when its parent dies, so nothing is left behind after a
crash. Start a server from a thread that lives as long as the server should.
"""

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PORT_MIN = 10_000
PORT_MAX = 30_000
POLL_INTERVAL_S = 0.02
_PR_SET_PDEATHSIG = 1


class ServiceError(Exception):
    """A server cannot be found, started or reached; the message says what would help."""


class ServerProcess:
    """One child process with a log file; it can be stopped and started again."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.directory = directory
        self.log_path = directory / f"{name}.log"
        self._environment = None if environment is None else {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        if self._process is None:
            raise ServiceError(f"{self.name}: expected a started process, received none")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Return whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start the process, without waiting until it answers."""
        if self.running:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env=self._environment,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, no lock
            )

    def wait_ready(self, probe: Callable[[], bool], *, timeout_s: float) -> None:
        """Return when the probe says yes.

        Raises ServiceError, with the end of the log, if the process ends or the time is over.
        """
        for _ in range(max(1, round(timeout_s / POLL_INTERVAL_S))):
            if probe():
                return
            if self._ended_within(POLL_INTERVAL_S):
                raise ServiceError(f"{self.name}: expected a server, {self._last_words()}")
        self.kill()
        raise ServiceError(
            f"{self.name}: expected an answer within {timeout_s} s, {self._last_words()}"
        )

    def stop(self, *, timeout_s: float = 15.0) -> None:
        """End the process: SIGTERM, and SIGKILL when that is not enough."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._end_group()

    def kill(self) -> None:
        """End the process with SIGKILL."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._end_group()

    def suspend(self) -> None:
        """Freeze the process (SIGSTOP): its sockets stay open and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _end_group(self) -> None:
        """End what the process left running: it leads a group of its own, named by its id."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _ended_within(self, seconds: float) -> bool:
        if self._process is None:
            return True
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _last_words(self) -> str:
        lines = self.log_path.read_text(errors="replace").splitlines()[-8:]
        status = None if self._process is None else self._process.returncode
        return f"received exit status {status} and in {self.log_path}: " + " | ".join(lines)


def die_with_parent() -> None:
    """Ask the kernel for a SIGTERM when the thread that started this process ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def free_port() -> int:
    """Return a loopback port that was free a moment ago, below the ephemeral range."""
    for _ in range(1_000):
        port = PORT_MIN + secrets.randbelow(PORT_MAX - PORT_MIN)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServiceError(f"expected a free port in {PORT_MIN}-{PORT_MAX}, received none")


def port_open(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether something accepts connections on the port."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False
