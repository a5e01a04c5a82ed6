"""How long from an event produced to its decision consumed, at 5,000 events a second.

The daemon runs in a process of its own (without Redis and HTTP); this process produces the load
of `bench.ingest` at a steady pace and, 50 times a second, the balance of a probe account that
makes it liquidatable or well again, each of which is a decision. The peer is the bare round trip
under the same load: the same record, read back from the accounts topic by a plain consumer in
this process. `small`: 10 s; `full`: 60 s. Ratios are peer / ours at the same percentile.
"""

import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.exchange_topics import exchange_topics, inputs, opening, traffic, write
from bench.measure import Figure, Scale, main, quantile
from monitor.config import KafkaSettings
from monitor.core import events
from monitor.core.gate import encode
from monitor.runtime.clock import Clock

SECONDS: dict[Scale, int] = {"small": 10, "full": 60}
EVENTS_PER_SECOND = 5_000
TURN_S = 0.01
PROBE_TURNS = 2
PROBE = "probe"
PERCENTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
SETTLE_S = 2.0
Place = tuple[int, int]  # partition and offset of a probe's record


class Times:
    """When each probe was produced, read back, and decided, by the place of its record."""

    def __init__(self) -> None:
        self.produced: dict[Place, float] = {}
        self.read_back: dict[Place, float] = {}
        self.decided: dict[Place, float] = {}

    def latencies(self, ended: dict[Place, float]) -> list[float]:
        """Return the seconds from produced to ended, of the probes that ended."""
        return [ended[place] - since for place, since in self.produced.items() if place in ended]


async def pace(settings: KafkaSettings, seconds: int, times: Times) -> float:
    """Produce at the pace for so long; return the events a second that were reached."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers)
    await producer.start()
    per_turn = round(EVENTS_PER_SECOND * TURN_S)
    turns = round(seconds / TURN_S)
    load = iter(load_records(settings, per_turn * turns))
    started_s = time.perf_counter()
    sent: list[asyncio.Future[Any]] = []
    for turn in range(turns):
        if turn % PROBE_TURNS == 0:
            sent.append(await send_probe(producer, settings, turn // PROBE_TURNS + 3, times))
        for _ in range(per_turn):
            topic, key, value = next(load)
            sent.append(await producer.send(topic, value=value, key=key))
        await asyncio.sleep(max(0.0, started_s + (turn + 1) * TURN_S - time.perf_counter()))
    await asyncio.gather(*sent)
    elapsed_s = time.perf_counter() - started_s
    await producer.stop()
    return per_turn * turns / elapsed_s


def load_records(settings: KafkaSettings, count: int) -> Iterator[tuple[str, bytes | None, bytes]]:
    """Yield the records of the load, encoded beforehand."""
    topics = settings.topics
    records = []
    for fact in traffic(count, Clock().now_ns()):
        account = getattr(fact, "account", None)
        key = account.encode() if account else None
        records.append((topics.accounts if account else topics.market, key, encode(fact)))
    yield from records


async def send_probe(
    producer: AIOKafkaProducer, settings: KafkaSettings, seq: int, times: Times
) -> "asyncio.Future[Any]":
    """Send the probe's next balance; its time is noted under the place that it gets."""
    fact = events.BalanceChanged(
        event_ns=Clock().now_ns(),
        account=PROBE,
        seq=seq,
        asset="USD",
        balance="1" if seq % 2 else "100000",
        reason="adjustment",
    )
    since = time.perf_counter()
    future: asyncio.Future[Any] = await producer.send(
        settings.topics.accounts, value=encode(fact), key=PROBE.encode()
    )

    def note(done: "asyncio.Future[Any]") -> None:
        metadata = done.result()
        times.produced[(metadata.partition, metadata.offset)] = since

    future.add_done_callback(note)
    return future


def probe_opening(now_ns: int) -> list[events.AnyEvent]:
    """Return the probe's balance and position."""
    return [
        events.BalanceChanged(
            event_ns=now_ns,
            account=PROBE,
            seq=1,
            asset="USD",
            balance="100000",
            reason="deposit",
        ),
        events.PositionChanged(
            event_ns=now_ns,
            account=PROBE,
            seq=2,
            instrument="COIN0-PERP",
            size="1000",
            entry_price="100",
        ),
    ]


@asynccontextmanager
async def consumer_at_end(settings: KafkaSettings, partitions: list[TopicPartition]) -> Any:  # noqa: ANN401
    """Give a plain consumer at the end of its partitions."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.bootstrap_servers)
    await consumer.start()
    consumer.assign(partitions)
    await consumer.seek_to_end(*partitions)
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read_back(consumer: AIOKafkaConsumer, times: Times) -> None:
    """Note when the probes' own records come back."""
    while True:
        for records in (await consumer.getmany(timeout_ms=100)).values():
            now_s = time.perf_counter()
            for record in records:
                if record.key == PROBE.encode():
                    times.read_back[(record.partition, record.offset)] = now_s


async def read_decisions(consumer: AIOKafkaConsumer, times: Times) -> None:
    """Note when the probes' decisions come."""
    while True:
        for records in (await consumer.getmany(timeout_ms=100)).values():
            now_s = time.perf_counter()
            for record in records:
                decision = msgspec.json.decode(record.value)
                if decision.get("account") == PROBE:
                    cause = decision["cause"]
                    times.decided[(cause["partition"], cause["offset"])] = now_s


def configuration(settings: KafkaSettings, directory: Path) -> Path:
    """Write the daemon's configuration and return its path."""
    topics = "\n".join(
        f'{name} = "{topic}"' for name, topic in msgspec.structs.asdict(settings.topics).items()
    )
    path = directory / "monitor.toml"
    path.write_text(
        f'[service]\nstate_directory = "{directory / "state"}"\n'
        f'[kafka]\nbootstrap_servers = "{settings.bootstrap_servers}"\n'
        f'[kafka.topics]\n{topics}\n[redis]\nurl = ""\n[http]\nlisten = ""\n',
        encoding="utf-8",
    )
    return path


@asynccontextmanager
async def running_daemon(settings: KafkaSettings) -> Any:  # noqa: ANN401
    """Run the daemon in a process of its own, caught up."""
    with tempfile.TemporaryDirectory() as directory:
        path = configuration(settings, Path(directory))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "monitor", "run", "--config", str(path)),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        async with asyncio.timeout(120):
            while b"caught_up" not in (line := await process.stderr.readline()):
                assert line, "expected the daemon to catch up, received its end"
        draining = asyncio.create_task(process.stderr.read())
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            await process.wait()
            await draining


async def run(seconds: int) -> tuple[Times, float]:
    """Return the times of all probes and the pace that was reached."""
    times = Times()
    async with exchange_topics() as settings:
        now_ns = Clock().now_ns()
        await write(settings, [*opening(now_ns), *probe_opening(now_ns)])
        decisions = [TopicPartition(settings.topics.decisions, 0)]
        async with (
            running_daemon(settings),
            consumer_at_end(settings, inputs(settings)[1:]) as accounts_consumer,
            consumer_at_end(settings, decisions) as decisions_consumer,
        ):
            readers = [
                asyncio.create_task(read_back(accounts_consumer, times)),
                asyncio.create_task(read_decisions(decisions_consumer, times)),
            ]
            reached = await pace(settings, seconds, times)
            await asyncio.sleep(SETTLE_S)
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
    return times, reached


def measure(scale: Scale) -> list[Figure]:
    """Return the percentiles, ours and the bare round trip's."""
    times, reached = asyncio.run(run(SECONDS[scale]))
    ours = times.latencies(times.decided)
    bare = times.latencies(times.read_back)
    figures = [
        Figure(
            name=f"event_to_decision_{name}",
            value=quantile(ours, share) * 1e3,
            unit="ms",
            peer=quantile(bare, share) * 1e3,
            peer_name="bare produce and consume",
            ratio=quantile(bare, share) / quantile(ours, share),
        )
        for name, share in PERCENTILES.items()
    ]
    return [
        *figures,
        Figure(name="pace_reached", value=reached, unit="events/s"),
        Figure(name="probes_decided", value=len(ours), unit="decisions"),
        Figure(name="probes_produced", value=len(times.produced), unit="events"),
    ]


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
