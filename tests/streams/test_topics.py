"""Topics: which partitions belong to a shard, and what a wrong topic is told."""

import secrets

import msgspec
import pytest

from monitor.config import KafkaSettings, TopicSettings
from monitor.streams.topics import TopicError, ensure_topics, own_partitions
from tests.services import MakeTopics


def test_shards_divide_the_partitions_without_rest_or_overlap() -> None:
    parts = [own_partitions(shard=each, shards=3, accounts_partitions=8) for each in range(3)]
    assert parts == [[0, 3, 6], [1, 4, 7], [2, 5]]


@pytest.mark.service
async def test_missing_topics_are_made_with_the_partitions_that_we_need(
    settings: KafkaSettings,
) -> None:
    prefix = f"test-{secrets.token_hex(4)}"
    names = ("accounts", "market", "decisions", "quarantine")
    topics = TopicSettings(**{each: f"{prefix}.{each}" for each in names})
    fresh = msgspec.structs.replace(settings, topics=topics, accounts_partitions=6)
    assert await ensure_topics(fresh, shards=2, create=True) == {
        topics.accounts: 6,
        topics.market: 1,
        topics.decisions: 2,
        topics.quarantine: 1,
    }
    assert await ensure_topics(fresh, shards=2, create=True), "expected a second run to agree"


@pytest.mark.service
async def test_fewer_decision_partitions_than_shards_are_refused(settings: KafkaSettings) -> None:
    with pytest.raises(TopicError, match="expected a partition for each of 2 shards, received 1"):
        await ensure_topics(settings, shards=2, create=False)


@pytest.mark.service
async def test_fewer_account_partitions_than_shards_are_refused(
    settings: KafkaSettings, make_topics: MakeTopics
) -> None:
    other = make_topics(shards=5, accounts_partitions=4)
    with pytest.raises(TopicError, match=r"expected at least 5 partitions .*received 4"):
        await ensure_topics(msgspec.structs.replace(settings, topics=other), shards=5, create=False)
