"""What an exchange does with the monitor's decisions: read them in order, act, remember.

The decisions topic is the monitor's log; `DecisionReceiver` picks the valid decisions out of it.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from monitor.streams.receiver import DecisionReceiver

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 3.0
POLL_MS = 50
FETCH_MAX_WAIT_MS = 20  # the embedded Kafka sits a fetch out, even when records come

Listener = Callable[[dict[str, Any]], None]


class Follower:
    """Reads the decisions of one shard from now on and gives each to `listener`."""

    def __init__(self, bootstrap_servers: str, topic: str, listener: Listener) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._partition = TopicPartition(topic, 0)
        self._listener = listener
        self._receiver = DecisionReceiver()
        self.records = 0

    async def run(self, started: asyncio.Event) -> None:
        """Read until cancelled; `started` is set when nothing can be missed any more.

        Raises TimeoutError or a KafkaError when the broker cannot be reached.
        """
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(_stop, consumer)
            async with asyncio.timeout(START_TIMEOUT_S):
                await consumer.start()
                consumer.assign([self._partition])
                await consumer.seek_to_end(self._partition)
            started.set()
            while True:
                received = await consumer.getmany(self._partition, timeout_ms=POLL_MS)
                for record in received.get(self._partition, []):
                    self.records += 1
                    decision = self._receiver.receive(record.value)
                    if decision is not None:
                        self._listener(decision)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    async with asyncio.timeout(STOP_TIMEOUT_S):
        await consumer.stop()
