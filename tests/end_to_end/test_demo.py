"""`loss-monitor demo`: the whole story in a few seconds, through every real part."""

import asyncio
import contextlib
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import redis.asyncio

ROOT = Path(__file__).parents[2]
SECONDS = 15
DEADLINE_S = 100


class Demo:
    """A running demo: what it has printed so far and the addresses in it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.printed = ""
        assert process.stdout is not None
        self._stdout = process.stdout

    async def read_until(self, pattern: str) -> re.Match[str]:
        """Return the first match of a pattern in what is printed."""
        while (found := re.search(pattern, self.printed)) is None:
            line = await self._stdout.readline()
            assert line, f"expected {pattern!r}, received the end after: {self.printed}"
            self.printed += line.decode()
        return found

    async def finish(self) -> int:
        """Return the exit status, after reading everything."""
        self.printed += (await self._stdout.read()).decode()
        return await self.process.wait()


@asynccontextmanager
async def demo(*arguments: str) -> AsyncIterator[Demo]:
    """Start a demo; end it by its own process id if the test did not."""
    command = (sys.executable, "-m", "monitor", "demo", "--no-browser", "--port", "0", *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=asyncio.subprocess.STDOUT, cwd=ROOT
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield Demo(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def poll(client: httpx.AsyncClient, url: str, ready: Callable[[str], bool]) -> str:
    """Return the text at an address once it is as wanted; the caller's deadline ends the wait."""
    while True:
        text = (await client.get(url)).text
        if ready(text):
            return text
        await asyncio.to_thread(lambda: None)


def value_of(text: str, series: str) -> float:
    """Return the value of the first metric series whose name and labels match."""
    found = re.search(rf"^{series} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.service
@pytest.mark.timeout(DEADLINE_S + 20)
async def test_the_demo_crashes_and_each_turn_is_seen_in_every_part() -> None:
    async with demo("--seconds", str(SECONDS)) as running:
        metrics_url = (await running.read_until(r"metrics  (http://\S+/metrics)"))[1]
        redis_url = (await running.read_until(r"Redis (\S+)"))[1]
        await running.read_until("winners are to be deleveraged")
        async with (
            httpx.AsyncClient() as client,
            redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as live,
        ):
            decided = r'loss_monitor_decisions_total\{kind="deleveraging_planned"\}'
            metrics = await poll(client, metrics_url, lambda text: value_of(text, decided) > 0)
            assert value_of(metrics, r'loss_monitor_decisions_total\{kind="breaker_tripped"\}') > 0
            assert "loss_monitor_insurance_fund_balance_usd" in metrics
            page = await client.get(metrics_url.removesuffix("metrics"))
            assert page.status_code == 200
            assert await live.hgetall("loss-monitor:fund:linear-fund")
        assert await running.finish() == 0
    for turn in (
        "an account is under water",
        "a breaker trips",
        "the insurance fund is not enough",
        "winners are to be deleveraged",
        "What happened, and when it was detected",
        "accounts that ended under water",
        "detection latency",
    ):
        assert turn in running.printed, running.printed


@pytest.mark.service
@pytest.mark.timeout(DEADLINE_S + 20)
async def test_an_interrupted_demo_tells_what_happened_and_ends_in_order() -> None:
    async with demo() as running:
        await running.read_until(r"metrics  http")
        await running.read_until("Redis")
        running.process.send_signal(signal.SIGINT)
        assert await running.finish() == 0
    assert "What happened, and when it was detected" in running.printed


@pytest.mark.service
@pytest.mark.timeout(DEADLINE_S + 20)
async def test_a_redis_that_is_not_there_does_not_stop_the_story() -> None:
    async with demo("--seconds", "2", "--redis", "redis://127.0.0.1:1/0") as running:
        assert await running.finish() == 0


async def test_a_kafka_that_is_no_address_is_said_in_one_line() -> None:
    async with demo("--kafka", "nonsense") as running:
        assert await running.finish() == 1
    assert "expected embedded, real or HOST:PORT, received 'nonsense'" in running.printed
    assert "Traceback" not in running.printed
