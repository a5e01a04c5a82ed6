"""The reference receiver: how to read the decisions topic correctly.

Whoever acts on decisions reads one partition in order and gives every record's value to one
`DecisionReceiver`. It leaves out what is not a decision (`batch_applied`, `leader_started`,
heartbeats), what is void (written by a writer after its successor started) and what was seen
before. Copy it into your own program, or import it.

>>> receiver = DecisionReceiver()
>>> receiver.receive(b'{"type":"leader_started","epoch":2,"instance":"b"}')
>>> receiver.receive(b'{"type":"breaker_tripped","epoch":1,"decision_id":"d"}')
>>> receiver.void
1
"""

from typing import Any

import msgspec

from monitor.streams.codec import BATCH_APPLIED, HEARTBEAT, LEADER_STARTED, LeaderStarted
from monitor.streams.epochs import EpochGuard

REMEMBERED_MAX = 100_000


class DecisionReceiver:
    """Reads the records of one shard's log in order and gives out valid decisions, each once.

    `remembered_max` bounds how many decision ids are kept to recognize a repetition: a writer
    repeats at most its last batch.
    """

    def __init__(self, *, remembered_max: int = REMEMBERED_MAX) -> None:
        self._guard = EpochGuard()
        self._seen: dict[str, None] = {}
        self._remembered_max = remembered_max
        self.void = 0
        self.repeated = 0
        self.heartbeat_ns = 0

    @property
    def epoch(self) -> int:
        """Return the epoch in force."""
        return self._guard.epoch

    def receive(self, value: bytes) -> dict[str, Any] | None:
        """Return the decision in a record, or None if there is none to act on.

        `heartbeat_ns` is the writer's last sign of life: its silence is an alarm.
        """
        record: dict[str, Any] = msgspec.json.decode(value)
        kind, epoch = record["type"], record["epoch"]
        if kind == LEADER_STARTED:
            self._guard.leader_started(LeaderStarted(epoch=epoch, instance=record["instance"]))
            return None
        if not self._guard.admits(epoch):
            self.void += 1
            return None
        if kind == HEARTBEAT:
            self.heartbeat_ns = record["event_ns"]
            return None
        if kind == BATCH_APPLIED or self._is_repeated(record["decision_id"]):
            return None
        return record

    def _is_repeated(self, decision_id: str) -> bool:
        if decision_id in self._seen:
            self.repeated += 1
            return True
        self._seen[decision_id] = None
        if len(self._seen) > self._remembered_max:
            del self._seen[next(iter(self._seen))]
        return False
