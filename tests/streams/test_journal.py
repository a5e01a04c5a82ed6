"""The journal: in order, each record once, whatever the broker answers."""

from collections.abc import Sequence

import pytest

from monitor.config import KafkaSettings
from monitor.core.decisions import Heartbeat
from monitor.runtime.vitals import Vitals
from monitor.streams.broker import BrokerError
from monitor.streams.codec import (
    BATCH_APPLIED,
    LEADER_STARTED,
    BatchApplied,
    LeaderStarted,
    decode_header,
    encode_record,
)
from monitor.streams.epochs import EpochGuard
from monitor.streams.journal import Journal, LeadershipLostError, Pending
from tests.topic_access import read_values, write_records

pytestmark = pytest.mark.service


class Unanswered(Journal):
    """A journal whose broker fails to answer once, after it has taken some records of a batch."""

    taken = 0
    failures = 1

    async def _send(self, values: Sequence[bytes]) -> int:
        if len(values) > 1 and self.failures:
            self.failures -= 1
            if self.taken:
                await super()._send(values[: self.taken])
            raise TimeoutError
        return await super()._send(values)


def journal(settings: KafkaSettings, kind: type[Journal] = Journal, name: str = "a") -> Journal:
    """Return a journal of this kind."""
    return kind(settings, shard=0, instance=name, vitals=Vitals())


def pending(*ids: str) -> Pending:
    """Return a batch with these decisions."""

    def encode(epoch: int) -> list[bytes]:
        batch = encode_record(BatchApplied(epoch=epoch, runs=[], received_ns=1))
        decisions = [
            b'{"type":"breaker_tripped","decision_id":"%s","epoch":%d}' % (each.encode(), epoch)
            for each in ids
        ]
        return [batch, *decisions, encode_record(Heartbeat(event_ns=1, epoch=epoch))]

    return Pending([BATCH_APPLIED, *ids], encode)


async def valid(settings: KafkaSettings) -> list[str]:
    """Return the valid records of the log in order: ids of decisions, else types."""
    guard = EpochGuard()
    names = []
    for value in await read_values(settings, settings.topics.decisions):
        header = decode_header(value)
        if header.type == LEADER_STARTED:
            guard.leader_started(LeaderStarted(epoch=header.epoch, instance=""))
        elif guard.admits(header.epoch) and header.type != "heartbeat":
            names.append(header.decision_id or header.type)
    return names


async def test_records_stand_in_the_log_in_order_at_the_offset_it_says(
    settings: KafkaSettings,
) -> None:
    writer = journal(settings)
    assert await writer.announce(epoch_seen=6) == 0
    assert writer.epoch == 7
    assert await writer.append(pending("a", "b")) == 1
    assert await writer.append(pending("c")) == 5
    await writer.close()
    assert await valid(settings) == [BATCH_APPLIED, "a", "b", BATCH_APPLIED, "c"]
    assert writer.end_offset == 8


@pytest.mark.parametrize("taken", [0, 1, 2, 3, 4])
async def test_an_answer_that_is_not_known_neither_doubles_nor_loses(
    settings: KafkaSettings, taken: int
) -> None:
    writer = journal(settings, Unanswered)
    assert isinstance(writer, Unanswered)
    writer.taken = taken
    await writer.announce(epoch_seen=0)
    await writer.append(pending("a", "b"))
    await writer.append(pending("c"))
    await writer.close()
    assert await valid(settings) == [BATCH_APPLIED, "a", "b", BATCH_APPLIED, "c"]
    assert writer.epoch == 2, "expected a new lead after the unknown answer"


async def test_a_batch_larger_than_a_request_stays_in_order(settings: KafkaSettings) -> None:
    writer = journal(settings)
    await writer.announce(epoch_seen=0)
    ids = [f"{number:06d}" + "x" * 3_000 for number in range(1_000)]
    await writer.append(pending(*ids))
    await writer.close()
    assert await valid(settings) == [BATCH_APPLIED, *ids]


async def test_another_writer_is_met_when_leading_anew(settings: KafkaSettings) -> None:
    writer = journal(settings, Unanswered)
    await writer.announce(epoch_seen=0)
    usurper = journal(settings, name="usurper")
    await usurper.announce(epoch_seen=1)
    with pytest.raises(LeadershipLostError, match="leader_started of usurper with epoch 2"):
        await writer.append(pending("a"))
    await writer.close()
    await usurper.close()
    assert await valid(settings) == []


async def test_records_of_a_stranger_with_our_epoch_are_noticed(settings: KafkaSettings) -> None:
    writer = journal(settings, Unanswered)
    await writer.announce(epoch_seen=0)
    stranger = b'{"type":"breaker_tripped","decision_id":"strange","epoch":1}'
    await write_records(settings, [(settings.topics.decisions, b"", stranger)])
    with pytest.raises(LeadershipLostError, match="expected only our own records"):
        await writer.append(pending("a"))
    await writer.close()


async def test_a_record_that_the_broker_will_never_take_ends_the_writer(
    settings: KafkaSettings,
) -> None:
    writer = journal(settings)
    await writer.announce(epoch_seen=0)
    with pytest.raises(BrokerError, match=r"max\.message\.bytes"):
        await writer.append(pending("x" * 3_000_000))
    await writer.close()
