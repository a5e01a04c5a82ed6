"""The topics: are they there, do they have the partitions that we need, and make them.

The market topic has exactly one partition: with more, prices would have no order.
"""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from monitor.config import KafkaSettings
from monitor.streams.broker import RECORD_BYTES_MAX, BrokerError, deadline

REPLICAS_MAX = 3
NEW_TOPIC_WAIT_S = 3.0
NEW_TOPIC_POLL_S = 0.1


class TopicError(BrokerError):
    """A topic is missing or has the wrong form; the message says how to mend it."""


def wanted_partitions(settings: KafkaSettings, *, shards: int) -> dict[str, int]:
    """Return the partitions that each topic is created with."""
    topics = settings.topics
    return {
        topics.accounts: settings.accounts_partitions,
        topics.market: 1,
        topics.decisions: shards,
        topics.quarantine: 1,
    }


def own_partitions(*, shard: int, shards: int, accounts_partitions: int) -> list[int]:
    """Return the partitions of the accounts topic that belong to a shard."""
    return [partition for partition in range(accounts_partitions) if partition % shards == shard]


async def ensure_topics(settings: KafkaSettings, *, shards: int, create: bool) -> dict[str, int]:
    """Return the number of partitions of each topic, creating missing ones if `create`.

    Raises TopicError when a topic is missing or has the wrong number of partitions, and one of
    BROKER_ERRORS when the broker cannot be reached in time.
    """
    wanted = wanted_partitions(settings, shards=shards)
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.bootstrap_servers,
        request_timeout_ms=round(settings.request_timeout_s * 1000),
    )
    async with deadline(settings.request_timeout_s * 3):
        await admin.start()
        try:
            present = await _partitions(admin, list(wanted))
            missing = [name for name in wanted if name not in present]
            if missing and create:
                await _create(admin, {name: wanted[name] for name in missing})
            if missing:
                present = await _partitions_when_known(admin, list(wanted))
                missing = [name for name in wanted if name not in present]
        finally:
            await admin.close()
    _check(settings, present, missing, shards)
    return present


def _check(
    settings: KafkaSettings, present: dict[str, int], missing: list[str], shards: int
) -> None:
    if missing:
        raise TopicError(
            f"{settings.bootstrap_servers}: expected the topics {', '.join(missing)}, received a "
            "broker without them; create them, or start with --create-topics "
            "(or [kafka] create_topics = true)"
        )
    market, decisions = settings.topics.market, settings.topics.decisions
    if present[market] != 1:
        raise TopicError(
            f"{market}: expected 1 partition (the order of prices is the venue's), received "
            f"{present[market]}; recreate the topic with one"
        )
    if present[decisions] < shards:
        raise TopicError(
            f"{decisions}: expected a partition for each of {shards} shards, received "
            f"{present[decisions]}; add partitions"
        )
    if present[settings.topics.accounts] < shards:
        raise TopicError(
            f"{settings.topics.accounts}: expected at least {shards} partitions (one a shard), "
            f"received {present[settings.topics.accounts]}; add partitions or lower shards"
        )


async def _partitions(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    """Return the partition count of the topics that exist."""
    existing = set(await admin.list_topics())
    known = [name for name in names if name in existing]
    described = await admin.describe_topics(known) if known else []
    return {
        topic["topic"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0
    }


async def _partitions_when_known(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    """Return the counts, giving brokers a moment to tell each other of new topics."""
    present: dict[str, int] = {}
    for _ in range(round(NEW_TOPIC_WAIT_S / NEW_TOPIC_POLL_S)):
        present = await _partitions(admin, names)
        if len(present) == len(names):
            break
        await asyncio.sleep(NEW_TOPIC_POLL_S)
    return present


async def _create(admin: AIOKafkaAdminClient, topics: dict[str, int]) -> None:
    """Create topics on as many brokers as there are, at most REPLICAS_MAX."""
    brokers = len((await admin.describe_cluster())["brokers"])
    response = await admin.create_topics(
        [
            NewTopic(
                name=name,
                num_partitions=partitions,
                replication_factor=min(REPLICAS_MAX, brokers),
                topic_configs={"max.message.bytes": str(RECORD_BYTES_MAX)},
            )
            for name, partitions in topics.items()
        ]
    )
    for name, code, *rest in response.topic_errors:
        error = for_code(code)
        if code != 0 and error is not TopicAlreadyExistsError:
            raise TopicError(f"{name}: expected the topic to be created, received {error}: {rest}")
