"""The watch over our own log: another writer's start ends ours, our own does not."""

import asyncio

import pytest

from monitor.config import KafkaSettings
from monitor.runtime.clock import Clock
from monitor.runtime.vitals import Vitals
from monitor.streams.journal import Journal, LeadershipLostError
from monitor.streams.leadership import watch_leadership

pytestmark = pytest.mark.service


async def leading(settings: KafkaSettings, name: str, *, epoch_seen: int) -> Journal:
    """Return a journal that has announced itself."""
    journal = Journal(settings, shard=0, instance=name, vitals=Vitals())
    await journal.announce(epoch_seen=epoch_seen)
    return journal


async def test_another_writer_s_start_is_noticed_at_once(settings: KafkaSettings) -> None:
    ours = await leading(settings, "ours", epoch_seen=0)
    watch = asyncio.create_task(
        watch_leadership(settings, ours, start=ours.end_offset, clock=Clock())
    )
    other = await leading(settings, "other", epoch_seen=1)
    with pytest.raises(LeadershipLostError, match="leader_started of other with epoch 2"):
        async with asyncio.timeout(5):
            await watch
    await ours.close()
    await other.close()


async def test_our_own_new_lead_and_an_old_epoch_are_no_reason_to_end(
    settings: KafkaSettings,
) -> None:
    ours = await leading(settings, "ours", epoch_seen=6)
    start = ours.end_offset
    await ours.announce(epoch_seen=7)
    late = await leading(settings, "late", epoch_seen=0)
    watch = asyncio.create_task(watch_leadership(settings, ours, start=start, clock=Clock()))
    done, _ = await asyncio.wait({watch}, timeout=1.0)
    assert not done
    watch.cancel()
    await ours.close()
    await late.close()
