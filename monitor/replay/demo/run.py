"""`loss-monitor demo`: services, daemon and exchange started together, told, and ended.

The daemon is a child process that runs `loss-monitor run --config FILE`, as an operator would;
the exchange runs here and reaches it only through Kafka, a websocket and its web address.
"""

import asyncio
import os
import secrets
import sys
import tempfile
import webbrowser
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from aiokafka.errors import KafkaError
from rich.console import Console

from monitor import embedded
from monitor.config import TopicSettings
from monitor.core.breaker_checks import HALT_S_MIN
from monitor.embedded.process import ServerProcess, ServiceError, free_port, port_open
from monitor.embedded.services import Services
from monitor.replay.demo import listing, report
from monitor.replay.demo.exchange import Exchange
from monitor.replay.demo.live import REFERENCE_SYMBOLS, LiveExchange, following, stopped_by_signals
from monitor.replay.demo.publisher import open_publisher, silence_client_logs
from monitor.replay.demo.reference_feed import ReferenceFeed, port_of
from monitor.replay.demo.scenario import cycle_seconds
from monitor.runtime.clock import Clock

HOST = "127.0.0.1"
PORT_DEFAULT = 8080
DAEMON_START_TIMEOUT_S = 30.0
DAEMON_STOP_TIMEOUT_S = 12.0
PROBE_TIMEOUT_S = 1.0
SETTLE_S = 1.0
REFRESH_S = 0.25
DAEMON_COMMAND = (sys.executable, "-m", "monitor", "run", "--config")


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line asked for; `seconds` null: until interrupted, `port` 0: a free one."""

    seconds: float | None
    browser: bool
    port: int
    kafka: str
    redis: str


def run_demo(
    seconds: float | None,
    browser: bool,  # noqa: FBT001 - a flag of the command line
    port: int | None,
    kafka: str,
    redis: str,
) -> int:
    """Play the demo; return the exit status (0: it played, 1: something could not be started)."""
    options = DemoOptions(seconds, browser, _port(port), kafka, redis)
    silence_client_logs()
    console = report.wide_enough(Console())
    try:
        asyncio.run(_play(options, console))
    except (ServiceError, KafkaError, TimeoutError, OSError) as error:
        sys.stderr.write(f"demo: {error or type(error).__name__}\n")
        return 1
    return 0


def _port(wanted: int | None) -> int:
    """Return the port to listen on: the usual one unless it is taken, or what was asked for."""
    if wanted is None:
        return free_port() if port_open(PORT_DEFAULT) else PORT_DEFAULT
    return wanted or free_port()


def configuration_text(
    services: Services, options: DemoOptions, reference_port: int, directory: Path
) -> str:
    """Return the daemon's configuration for the demo: breakers scaled to its crash."""
    cycle_s = cycle_seconds(options.seconds)
    symbols = ", ".join(f'"{symbol}={index}"' for symbol, index in REFERENCE_SYMBOLS.items())
    funds = "\n".join(
        f'[[funds]]\nname = "{name}"\nasset = "{asset.name}"'
        for name, asset in zip(listing.FUNDS, listing.ASSETS, strict=True)
    )
    return f"""\
[service]
state_directory = "{directory / "state"}"
snapshot_interval_s = 10
[kafka]
bootstrap_servers = "{services.bootstrap_servers}"
[redis]
url = "{services.redis_url}"
[http]
listen = "{HOST}:{options.port}"
[[feeds]]
name = "binance-reference"
venue = "binance-usdm"
symbols = [{symbols}]
url = "ws://{HOST}:{reference_port}"
{funds}
[[breakers]]
name = "fast-market"
kind = "price_velocity"
scope = "*"
lookback_s = {cycle_s * 0.08:.3f}
limit_ratio = 0.05
direction = "down"
halt_s = {max(HALT_S_MIN, cycle_s * 0.04):.3f}
cool_off_s = {cycle_s * 0.15:.3f}
action = "halt"
"""


async def _play(options: DemoOptions, console: Console) -> None:
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loss-demo-")))
        services = await stack.enter_async_context(
            embedded.start(kafka=options.kafka, redis=options.redis)
        )
        reference = ReferenceFeed()
        server = await stack.enter_async_context(reference.start())
        text = configuration_text(services, options, port_of(server), directory)
        (directory / "demo.toml").write_text(text, encoding="utf-8")
        publisher = await stack.enter_async_context(
            open_publisher(services.bootstrap_servers, TopicSettings())
        )
        clock = Clock()
        exchange = Exchange(
            seed=secrets.randbelow(2**31), cycle_s=cycle_seconds(options.seconds), start_ns=0
        )
        live = LiveExchange(exchange, publisher, reference, clock)
        stack.enter_context(stopped_by_signals(live))
        decisions = TopicSettings().decisions
        await stack.enter_async_context(following(services.bootstrap_servers, decisions, live))
        await stack.enter_async_context(_daemon(directory, options.port))
        _print_addresses(console, services, options)
        exchange.start_ns = clock.now_ns()
        await _tell_while_playing(console, live, options.seconds)
        report.print_end(console, live)


@asynccontextmanager
async def _daemon(directory: Path, port: int) -> AsyncIterator[None]:
    """Run the daemon; it serves its addresses when the context is entered."""
    process = ServerProcess(
        "daemon",
        [*DAEMON_COMMAND, str(directory / "demo.toml")],
        directory=directory,
        environment={"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    process.launch()
    try:
        await asyncio.to_thread(
            process.wait_ready, lambda: _is_alive(port), timeout_s=DAEMON_START_TIMEOUT_S
        )
        yield
    finally:
        await asyncio.to_thread(process.stop, timeout_s=DAEMON_STOP_TIMEOUT_S)


def _is_alive(port: int) -> bool:
    """Return whether the daemon answers on /livez."""
    connection = HTTPConnection(HOST, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _print_addresses(console: Console, services: Services, options: DemoOptions) -> None:
    console.print(f"[bold]console[/bold]  http://{HOST}:{options.port}/")
    console.print(f"[bold]metrics[/bold]  http://{HOST}:{options.port}/metrics")
    for line in services.description:
        console.print(line)
    if not services.recovery_available:
        console.print(
            "[dim]The embedded Kafka keeps 5 MiB a partition and forgets at its end: "
            "a restarted daemon could not recover from it. --kafka real can.[/dim]"
        )
    if options.browser and (os.environ.get("DISPLAY") or sys.platform == "darwin"):
        webbrowser.open(f"http://{HOST}:{options.port}/")


async def _tell_while_playing(console: Console, live: LiveExchange, seconds: float | None) -> None:
    """Play, and tell each turn of the story as it is detected."""
    playing = asyncio.create_task(live.run(seconds))
    with console.status(report.progress_line(live)) as status:
        while True:
            done, _ = await asyncio.wait({playing}, timeout=REFRESH_S)
            _print_moments(console, live)
            status.update(report.progress_line(live))
            if done:
                break
        await asyncio.sleep(SETTLE_S)  # the last decisions are on their way
        _print_moments(console, live)
    await playing


def _print_moments(console: Console, live: LiveExchange) -> None:
    fresh, live.fresh = live.fresh, []
    for moment in fresh:
        console.print(report.moment_line(moment, live.exchange.start_ns))
