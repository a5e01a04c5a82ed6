"""A Kafka with an exchange's events in it, for the benchmarks of the streams.

`KAFKA_VARIABLE` names a broker to use; otherwise a real Apache Kafka is started for the run.
"""

import asyncio
import contextlib
import os
import random
import secrets
from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.restart import account_facts
from monitor.config import KafkaSettings, TopicSettings
from monitor.core import events
from monitor.core.gate import encode
from monitor.embedded.real_kafka import RealKafka
from monitor.streams.topics import ensure_topics

KAFKA_VARIABLE = "LOSS_MONITOR_TEST_KAFKA"
INSTRUMENTS = 50
ACCOUNTS = 10_000
PARTITIONS = 4
MARK_SHARE = 0.1
BALANCES = (50, 10_000)  # a position needs up to 100: a few events in a hundred decide something


@contextlib.asynccontextmanager
async def exchange_topics() -> AsyncIterator[KafkaSettings]:
    """Give the settings of four fresh topics on a running broker."""
    given = os.environ.get(KAFKA_VARIABLE)
    node = None if given else RealKafka()
    if node is not None:
        await asyncio.to_thread(node.start)
    try:
        yield await fresh_topics(given or (node.bootstrap_servers if node else ""))
    finally:
        if node is not None:
            await asyncio.to_thread(node.close)


async def fresh_topics(servers: str, **kept: str) -> KafkaSettings:
    """Return settings with new topics, which exist; `kept` names topics to go on using."""
    prefix = f"bench-{secrets.token_hex(4)}"
    names = ("accounts", "market", "decisions", "quarantine")
    topics = TopicSettings(**({each: f"{prefix}.{each}" for each in names} | kept))
    settings = KafkaSettings(
        bootstrap_servers=servers, topics=topics, accounts_partitions=PARTITIONS
    )
    await ensure_topics(settings, shards=1, create=True)
    return settings


def inputs(settings: KafkaSettings) -> list[TopicPartition]:
    """Return the partitions that one shard reads."""
    accounts = [TopicPartition(settings.topics.accounts, number) for number in range(PARTITIONS)]
    return [TopicPartition(settings.topics.market, 0), *accounts]


def opening(now_ns: int) -> list[events.AnyEvent]:
    """Return the instruments, their marks, and 10,000 accounts with two positions each."""
    generator = random.Random(7)  # noqa: S311 - a benchmark, not a secret
    tiers = [events.RiskTier(initial_margin_rate="0.1", maintenance_margin_rate="0.05")]
    facts: list[events.AnyEvent] = []
    for number in range(INSTRUMENTS):
        facts.append(
            events.InstrumentListed(
                event_ns=now_ns,
                instrument=f"COIN{number}-PERP",
                kind="linear",
                base=f"COIN{number}",
                quote="USD",
                settlement_currency="USD",
                contract_size="1",
                lot_size="0.001",
                tick_size="0.01",
                risk_tiers=tiers,
            )
        )
        facts.append(mark(number, 10_000, now_ns))
    for number in range(ACCOUNTS):
        facts += account_facts(f"account-{number:06d}", generator)  # type: ignore[arg-type]
    return facts


def mark(number: int, cents: int, now_ns: int) -> events.AnyEvent:
    """Return a mark of instrument `number`."""
    return events.MarkPriceChanged(
        event_ns=now_ns, instrument=f"COIN{number}-PERP", price=f"{cents / 100:.2f}"
    )


def traffic(count: int, now_ns: int) -> list[events.AnyEvent]:
    """Return `count` events: 10 % marks, 90 % account events (positions and balances in turn).

    Marks wander by a few hundredths of a percent, as they do within seconds; an account trades
    one of its instruments.
    """
    generator = random.Random(11)  # noqa: S311 - a benchmark, not a secret
    sequences = dict.fromkeys(range(ACCOUNTS), 3)
    cents = dict.fromkeys(range(INSTRUMENTS), 10_000)
    facts: list[events.AnyEvent] = []
    for number in range(count):
        event_ns = now_ns + number * 1_000
        if generator.random() < MARK_SHARE:
            instrument = generator.randrange(INSTRUMENTS)
            cents[instrument] += generator.randint(-2, 2)
            facts.append(mark(instrument, cents[instrument], event_ns))
            continue
        account = generator.randrange(ACCOUNTS)
        sequences[account] += 1
        facts.append(account_event(account, sequences[account], event_ns, generator))
    return facts


def account_event(
    account: int, seq: int, event_ns: int, generator: random.Random
) -> events.AnyEvent:
    """Return a position or a balance of an account."""
    name = f"account-{account:06d}"
    if seq % 2:
        return events.PositionChanged(
            event_ns=event_ns,
            account=name,
            seq=seq,
            instrument=f"COIN{account % INSTRUMENTS}-PERP",
            size=f"{generator.choice((-1, 1)) * generator.randrange(1, 20)}.5",
            entry_price="100.5",
        )
    return events.BalanceChanged(
        event_ns=event_ns,
        account=name,
        seq=seq,
        asset="USD",
        balance=f"{generator.randrange(*BALANCES)}.25",
        reason="trade",
    )


async def write(settings: KafkaSettings, facts: Sequence[events.AnyEvent]) -> None:
    """Write events, one a record, accounts by their key."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap_servers, linger_ms=5, max_batch_size=262_144
    )
    await producer.start()
    try:
        sent = []
        for fact in facts:
            account = getattr(fact, "account", None)
            topic = settings.topics.accounts if account else settings.topics.market
            key = account.encode() if account else None
            sent.append(await producer.send(topic, value=encode(fact), key=key))
            if len(sent) >= 10_000:
                await asyncio.gather(*sent)
                sent.clear()
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def ends(settings: KafkaSettings) -> dict[TopicPartition, int]:
    """Return the next offset of every input partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.bootstrap_servers)
    await consumer.start()
    try:
        offsets: dict[TopicPartition, int] = await consumer.end_offsets(inputs(settings))
        return offsets
    finally:
        await consumer.stop()
