"""The reference receiver: valid decisions only, each once."""

import json
from typing import Any

from monitor.streams.codec import BatchApplied, LeaderStarted, encode_record
from monitor.streams.receiver import DecisionReceiver


def decision(decision_id: str, epoch: int) -> bytes:
    """Return a decision as a writer with this epoch publishes it."""
    record = {"type": "breaker_tripped", "decision_id": decision_id, "epoch": epoch}
    return json.dumps(record).encode()


def leader(epoch: int) -> bytes:
    """Return the start of a writer."""
    return encode_record(LeaderStarted(epoch=epoch, instance=f"writer-{epoch}"))


def received(receiver: DecisionReceiver, *values: bytes) -> list[str]:
    """Return the ids of the decisions that the receiver gives out."""
    given: list[dict[str, Any]] = [each for value in values if (each := receiver.receive(value))]
    return [each["decision_id"] for each in given]


def test_decisions_of_the_leader_come_out_in_order() -> None:
    receiver = DecisionReceiver()
    assert received(receiver, leader(1), decision("a", 1), decision("b", 1)) == ["a", "b"]


def test_a_writer_that_was_succeeded_is_not_heard() -> None:
    receiver = DecisionReceiver()
    values = (leader(1), decision("a", 1), leader(2), decision("b", 1), decision("c", 2))
    assert received(receiver, *values) == ["a", "c"]
    assert receiver.void == 1
    assert receiver.epoch == 2


def test_a_decision_made_again_by_the_successor_is_given_once() -> None:
    receiver = DecisionReceiver()
    values = (leader(1), decision("a", 1), leader(2), decision("a", 2), decision("b", 2))
    assert received(receiver, *values) == ["a", "b"]
    assert receiver.repeated == 1


def test_a_void_decision_is_given_when_the_successor_makes_it() -> None:
    receiver = DecisionReceiver()
    assert received(receiver, leader(2), decision("a", 1), decision("a", 2)) == ["a"]


def test_batches_and_heartbeats_are_no_decisions() -> None:
    receiver = DecisionReceiver()
    batch = encode_record(BatchApplied(epoch=1, runs=[], received_ns=1))
    beat = b'{"type":"heartbeat","event_ns":77,"epoch":1}'
    assert received(receiver, leader(1), batch, beat) == []
    assert receiver.heartbeat_ns == 77


def test_the_memory_for_ids_is_bounded() -> None:
    receiver = DecisionReceiver(remembered_max=10)
    ids = [f"d{number}" for number in range(100)]
    assert received(receiver, *(decision(each, 1) for each in ids)) == ids
    assert received(receiver, decision("d99", 1)) == []
    assert received(receiver, decision("d0", 1)) == ["d0"]
