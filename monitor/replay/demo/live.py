"""The exchange in real time: paced by a clock, heard by Kafka, answering decisions.

`LiveExchange.run` plays until its time is over or it is told to stop. Event time is the wall
clock at the start plus the steps since: a step that comes late keeps its time.
"""

import asyncio
from typing import Any

from monitor.replay.demo import listing
from monitor.replay.demo.decimals import units_text
from monitor.replay.demo.exchange import Exchange
from monitor.replay.demo.publisher import Publisher
from monitor.replay.demo.reference_feed import ReferenceFeed
from monitor.replay.demo.scenario import STEP_NS
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
