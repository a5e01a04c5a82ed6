"""The daemon as a process of its own, to be killed."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from pathlib import Path

from monitor.config import KafkaSettings

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 60.0


def configuration_text(
    settings: KafkaSettings,
    state_directory: Path,
    *,
    snapshot_interval_s: float = 0.3,
    redis_url: str = "",
    listen: str = "",
) -> str:
    """Return a configuration for a test's own topics."""
    topics = settings.topics
    return f"""
[service]
state_directory = "{state_directory}"
snapshot_interval_s = {snapshot_interval_s}
batch_events_max = 40
log_format = "json"

[kafka]
bootstrap_servers = "{settings.bootstrap_servers}"

[kafka.topics]
accounts = "{topics.accounts}"
market = "{topics.market}"
decisions = "{topics.decisions}"
quarantine = "{topics.quarantine}"

[redis]
url = "{redis_url}"

[http]
listen = "{listen}"
"""


class DaemonProcess:
    """`loss-monitor run` in a child process; its log lines are collected."""

    def __init__(self, configuration: Path) -> None:
        self._configuration = configuration
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.output = ""

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._process is not None
        return self._process.pid

    async def launch(self, *options: str) -> None:
        """Start the process, without waiting for anything."""
        self.output = ""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "monitor", "run", "--config", str(self._configuration), *options),
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self._reading = asyncio.create_task(self._read())

    async def wait_for(self, pattern: str, *, wait_s: float = START_TIMEOUT_S) -> str:
        """Return the first match in its log; fail when it ends or stays silent."""
        assert self._process is not None
        try:
            async with asyncio.timeout(wait_s):
                while not (match := re.search(pattern, self.output)):
                    self._changed.clear()
                    ended = self._process.returncode is not None
                    assert not ended, f"expected {pattern}, received the end: {self.output}"
                    await self._changed.wait()
        except TimeoutError as error:
            raise AssertionError(f"expected {pattern}, received {self.output}") from error
        return match[0]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, by its id."""
        assert self._process is not None
        self._process.send_signal(number)

    async def wait(self, *, wait_s: float = START_TIMEOUT_S) -> int:
        """Return the exit status (negative: the signal that ended it)."""
        assert self._process is not None
        assert self._reading is not None
        async with asyncio.timeout(wait_s):
            status = await self._process.wait()
            await self._reading
        return status

    async def kill_after(self, moment_s: float) -> int:
        """End it with SIGKILL after so many seconds; return its exit status."""
        assert self._process is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(moment_s):
                await self._process.wait()
        self.send(signal.SIGKILL)
        return await self.wait()

    async def kill(self) -> None:
        """End it with SIGKILL, if it still runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._process is not None:
            await self.wait()

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self.output += line.decode()
            self._changed.set()
        self._changed.set()
