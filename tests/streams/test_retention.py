"""A topic that forgets faster than snapshots are kept is noticed at the start."""

import pytest
from aiokafka import TopicPartition

from monitor.config import KafkaSettings
from monitor.streams.log import RetentionError
from monitor.streams.retention import KeptPlace, check_retention
from tests.topic_access import forget, write_records

pytestmark = pytest.mark.service


async def test_what_a_kept_snapshot_needs_must_still_be_there(settings: KafkaSettings) -> None:
    market = TopicPartition(settings.topics.market, 0)
    await write_records(settings, [(market.topic, b"", b"%d" % each) for each in range(100)])
    newest, oldest = KeptPlace(2, {market: 80}), KeptPlace(1, {market: 30})
    await check_retention(settings, [newest, oldest])
    await forget(settings, market, 50)
    await check_retention(settings, [newest])
    with pytest.raises(RetentionError, match=r"from offset 30 on, .* begins at 50: retention"):
        await check_retention(settings, [newest, oldest])


async def test_without_snapshots_there_is_nothing_to_check(settings: KafkaSettings) -> None:
    await check_retention(settings, [])
