"""Recovery on a real broker: whatever the moment of the end, the log and the topics are enough."""

import pytest

from monitor.config import KafkaSettings
from monitor.streams.codec import BATCH_APPLIED, BatchApplied, Run, decode_header, encode_record
from monitor.streams.journal import Journal, Pending
from monitor.streams.log import RetentionError
from monitor.streams.receiver import DecisionReceiver
from monitor.streams.recovery import RecoveryError
from tests.streams.node import Node, Saved
from tests.topic_access import (
    opening,
    present_journal,
    read_values,
    trading,
    wait_until,
    write_events,
    write_records,
)

pytestmark = pytest.mark.service
ACCOUNTS = 20


class DiedError(Exception):
    """The process ends here."""


class DiesBeforeAppending(Journal):
    """A journal whose process ends between apply and append."""

    async def append(self, pending: Pending) -> int:
        """End at the first batch that has decisions."""
        if len(pending.keys) > 3:
            raise DiedError
        return await super().append(pending)


class DiesInTheMiddle(Journal):
    """A journal whose process ends when half of a batch's decisions are in the log."""

    async def append(self, pending: Pending) -> int:
        """Append a part of the first batch that has some decisions, and end."""
        if len(pending.keys) > 3:
            await self._send(pending.encode(self.epoch)[: len(pending.keys) // 2])
            raise DiedError
        return await super().append(pending)


class DiesBeforeKnowing(Journal):
    """A journal whose process ends when the log has acknowledged but nobody has heard of it."""

    async def append(self, pending: Pending) -> int:
        """Append the first batch that has some decisions, and end."""
        offset = await super().append(pending)
        if len(pending.keys) > 3:
            raise DiedError
        return offset


async def run_to(node: Node, events: int) -> None:
    """Run a node until it has applied so many events."""
    await node.start()
    await wait_until(lambda: node.events_applied >= events, what=f"{events} events applied")
    await node.stop()


async def valid_decisions(settings: KafkaSettings) -> list[str]:
    """Return the ids of the valid decisions as the reference receiver gives them."""
    receiver = DecisionReceiver()
    values = await read_values(settings, settings.topics.decisions)
    decisions = [receiver.receive(value) for value in values]
    assert receiver.repeated == 0, "expected no decision twice in the log"
    return [each["decision_id"] for each in decisions if each]


async def rebuilt(settings: KafkaSettings) -> Node:
    """Return a node that has replayed the log and the topics from the start."""
    node = Node(settings, instance="auditor")
    recovered = await node.recover()
    assert not recovered.missing, "expected every batch's decisions in the log"
    await node.drop()
    return node


async def test_a_restart_from_nothing_replays_the_log_and_publishes_nothing_again(
    settings: KafkaSettings,
) -> None:
    journal = present_journal()
    events = opening(journal, accounts=ACCOUNTS)
    events += trading(journal, steps=200, accounts=ACCOUNTS, seed=1)
    await write_events(settings, events)
    first = Node(settings)
    await run_to(first, len(events))
    before = await valid_decisions(settings)
    assert len(before) > 10

    second = await rebuilt(settings)
    assert second.shard.engine.state_hash() == first.shard.engine.state_hash()
    assert second.shard.positions == first.shard.positions
    assert await valid_decisions(settings) == before


@pytest.mark.parametrize(
    ("journal_kind", "left"),
    [
        pytest.param(DiesBeforeAppending, "nothing of the batch", id="between apply and append"),
        pytest.param(DiesInTheMiddle, "half of the batch", id="in the middle of the append"),
        pytest.param(DiesBeforeKnowing, "the whole batch", id="between append and snapshot"),
    ],
)
async def test_a_process_that_dies_loses_no_decision_and_doubles_none(
    settings: KafkaSettings, journal_kind: type[Journal], left: str
) -> None:
    journal = present_journal()
    events = opening(journal, accounts=ACCOUNTS)
    await write_events(settings, events)
    calm = Node(settings)
    await run_to(calm, len(events))
    saved = Saved(calm.shard)

    dying = Node(settings, instance="dying", saved=saved, journal_kind=journal_kind)
    await dying.start()
    more = trading(journal, steps=60, accounts=ACCOUNTS, seed=2)
    await write_events(settings, more)
    with pytest.raises(DiedError):
        await dying.tasks[0]
    await dying.drop()

    heir = Node(settings, instance="heir", saved=saved)
    recovered = await heir.start()
    assert bool(recovered.missing) == (left == "half of the batch")
    total = len(events) + len(more)
    await wait_until(lambda: heir.events_applied >= total, what="all events applied")
    await heir.stop()

    ids = await valid_decisions(settings)
    auditor = await rebuilt(settings)
    assert auditor.shard.engine.state_hash() == heir.shard.engine.state_hash()
    assert auditor.events_applied == total
    assert len(ids) == len(set(ids)) > 0


async def test_a_snapshot_and_the_log_s_tail_give_the_state_of_the_whole_log(
    settings: KafkaSettings,
) -> None:
    journal = present_journal()
    events = opening(journal, accounts=ACCOUNTS)
    await write_events(settings, events)
    first = Node(settings)
    await run_to(first, len(events))
    saved = Saved(first.shard)
    more = trading(journal, steps=80, accounts=ACCOUNTS, seed=3)
    await write_events(settings, more)
    second = Node(settings, instance="second", saved=saved)
    await run_to(second, len(events) + len(more))

    third = Node(settings, instance="third", saved=saved)
    recovered = await third.recover()
    await third.drop()
    assert recovered.batches > 0
    assert third.shard.engine.state_hash() == second.shard.engine.state_hash()
    assert third.shard.export_state() == second.shard.export_state()


async def test_a_log_that_contradicts_the_engine_is_refused_with_its_place(
    settings: KafkaSettings,
) -> None:
    journal = present_journal()
    events = opening(journal, accounts=2)
    await write_events(settings, events)
    node = Node(settings)
    await run_to(node, len(events))
    values = await read_values(settings, settings.topics.decisions)
    batch = next(value for value in values if decode_header(value).type == BATCH_APPLIED)
    forged = batch[:-1].split(b',"state_hash"')[0].rstrip(b"}")
    forged += b',"state_hash":"0000"}'
    forged = forged.replace(b'"runs":[', b'"runs":[],"ignored":[', 1)
    await write_records(settings, [(settings.topics.decisions, b"", forged)])
    with pytest.raises(RecoveryError, match=r"decisions/0 offset \d+: expected state hash 0000"):
        await Node(settings, instance="heir").recover()


async def test_a_log_shorter_than_the_snapshot_is_refused(settings: KafkaSettings) -> None:
    node = Node(settings)
    await node.recover()
    await node.drop()
    saved = Saved(node.shard)
    saved.log_offset = 1_000
    with pytest.raises(RetentionError, match="another cluster, or the topic was recreated"):
        await Node(settings, instance="heir", saved=saved).recover()


async def test_a_topic_that_lost_what_the_snapshot_needs_is_refused(
    settings: KafkaSettings,
) -> None:
    await write_events(settings, opening(present_journal(), accounts=2))
    node = Node(settings)
    await node.recover()
    await node.drop()
    saved = Saved(node.shard)
    saved.positions = {settings.topics.market: {0: 1_000}}
    heir = Node(settings, instance="heir", saved=saved)
    record = record_of_a_market_run(settings)
    await write_records(settings, [(settings.topics.decisions, b"", record)])
    with pytest.raises(RetentionError, match="expected the record"):
        await heir.recover()


def record_of_a_market_run(settings: KafkaSettings) -> bytes:
    """Return a batch that says it applied market records that do not exist."""
    run = Run(topic=settings.topics.market, partition=0, first_offset=1_000, last_offset=1_001)
    return encode_record(BatchApplied(epoch=9, runs=[run], received_ns=1))
