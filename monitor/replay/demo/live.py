"""The exchange in real time: paced by a clock, heard by Kafka, answering decisions.

`LiveExchange.run` plays until its time is over or it is told to stop. Event time is the wall
clock at the start plus the steps since: a step that comes late keeps its time.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any

from monitor.config import TopicSettings
from monitor.replay.demo import listing
from monitor.replay.demo.decimals import units_text
from monitor.replay.demo.exchange import Exchange
from monitor.replay.demo.follower import Follower
from monitor.replay.demo.publisher import Publisher, open_publisher
from monitor.replay.demo.reference_feed import ReferenceFeed
from monitor.replay.demo.scenario import STEP_NS, cycle_seconds
from monitor.replay.demo.story import Moment, Story
from monitor.runtime.clock import Clock

HALT_SHARE = 0.04
REFERENCE_EVERY_STEPS = 5
REFERENCE_SYMBOLS = {"BTCUSDT": "BTC-USD", "ETHUSDT": "ETH-USD"}
STEP_S = STEP_NS / 1e9


class LiveExchange:
    """Paces an exchange; `hear` is where its follower brings the monitor's decisions."""

    def __init__(
        self, exchange: Exchange, publisher: Publisher, reference: ReferenceFeed, clock: Clock
    ) -> None:
        self.exchange = exchange
        self.story = Story()
        self.halts = 0
        self.fund_low: list[int] = []
        self.fresh: list[Moment] = []
        self._publisher = publisher
        self._reference = reference
        self._clock = clock
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End the run after the current step."""
        self._stopped.set()

    def hear(self, decision: dict[str, Any]) -> None:
        """Remember a decision; a tripped breaker that asks for a halt halts its instrument."""
        self.fresh += self.story.add(decision, self._clock.now_ns())
        if decision["type"] == "breaker_tripped" and decision["action"] == "halt":
            cycle_s = self.exchange.cycle_steps * STEP_S
            self.halts += self.exchange.halt(decision["scope"], HALT_SHARE * cycle_s)

    async def run(self, seconds: float | None) -> None:
        """Open the exchange and play for `seconds` (null: until stopped).

        Raises TimeoutError or a KafkaError when the broker does not take the events.
        """
        if self._stopped.is_set():
            return
        began_s = self._clock.monotonic_s()
        await self._publisher.publish(self.exchange.open())
        self.fund_low = list(self.exchange.funds_at_start)
        while not self._stopped.is_set():
            due_s = began_s + self.exchange.steps * STEP_S
            if seconds is not None and due_s - began_s >= seconds:
                return
            await self._wait_until(due_s)
            await self._step()

    async def _wait_until(self, due_s: float) -> None:
        wait_s = due_s - self._clock.monotonic_s()
        try:
            async with asyncio.timeout(max(0.0, wait_s)):
                await self._stopped.wait()
        except TimeoutError:
            return

    async def _step(self) -> None:
        event_ns = self.exchange.event_ns
        await self._publisher.publish(self.exchange.step())
        funds = self.exchange.desk.funds.units
        self.fund_low = [min(low, now) for low, now in zip(self.fund_low, funds, strict=True)]
        if self.exchange.steps % REFERENCE_EVERY_STEPS == 0:
            prices = [units_text(units, listing.INDEX_DIGITS) for units in self.exchange.indices]
            await self._reference.publish(
                event_ns, dict(zip(REFERENCE_SYMBOLS, prices, strict=True))
            )


@asynccontextmanager
async def following(bootstrap_servers: str, topic: str, live: LiveExchange) -> AsyncIterator[None]:
    """Bring the decisions to the exchange for as long as the context lasts.

    Raises TimeoutError or a KafkaError when the broker is lost; the exchange stops then.
    """
    started = asyncio.Event()
    task = asyncio.create_task(Follower(bootstrap_servers, topic, live.hear).run(started))

    def ended(_: asyncio.Task[None]) -> None:
        started.set()
        live.stop()

    task.add_done_callback(ended)
    try:
        await started.wait()
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@contextmanager
def stopped_by_signals(live: LiveExchange) -> Iterator[None]:
    """Let an interrupt end the exchange after its current step."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, live.stop)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def play(bootstrap_servers: str, *, seed: int, seconds: float, port: int = 0) -> LiveExchange:
    """Play against a broker of yours and return what happened.

    `port` is where the reference prices are served (0: a free one). Raises TimeoutError or a
    KafkaError when the broker cannot be reached.
    """
    topics, clock, reference = TopicSettings(), Clock(), ReferenceFeed()
    exchange = Exchange(seed=seed, cycle_s=cycle_seconds(seconds), start_ns=0)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(reference.start(port=port))
        publisher = await stack.enter_async_context(open_publisher(bootstrap_servers, topics))
        live = LiveExchange(exchange, publisher, reference, clock)
        stack.enter_context(stopped_by_signals(live))
        await stack.enter_async_context(following(bootstrap_servers, topics.decisions, live))
        exchange.start_ns = clock.now_ns()
        await live.run(seconds)
    return live
