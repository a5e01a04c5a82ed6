"""From what the inbox holds to what the engine is given: one function for live and recovery.

A batch is put together from slices (records of one partition, in order) and the monitor's own
events. `compose` passes every record through the gate with the batch's `received_ns`; recovery
composes the same batch again from its `BatchApplied` record and gets the same events.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

from monitor.core.decisions import Cause
from monitor.core.events import ConfigurationChanged, Event
from monitor.core.gate import Refusal, decode, is_array
from monitor.streams.codec import BatchApplied, Local, LocalEvent, Run


class Record(Protocol):
    """A Kafka record: what is used of it."""

    @property
    def offset(self) -> int:
        """Return its offset in the partition."""
        ...

    @property
    def value(self) -> bytes | None:
        """Return its value; None is a tombstone."""
        ...

    @property
    def timestamp(self) -> int:
        """Return its timestamp in milliseconds."""
        ...


class Slice(NamedTuple):
    """Records of one partition, one after the other; never empty.

    `fetched_ns` is when we had them: for measuring, not part of what is applied.
    """

    topic: str
    partition: int
    records: Sequence[Record]
    fetched_ns: int = 0


Item: TypeAlias = Slice | LocalEvent


class Origin(NamedTuple):
    """Where an event stands: a record, or (record None) the monitor's own running number.

    `element`: which element of the record's array, from 0; None when the record is one event.
    """

    topic: str
    partition: int
    number: int
    record: Record | None
    element: int | None = None

    @property
    def cause(self) -> Cause:
        """Return the `cause` of the envelope."""
        key = "local" if self.record is None else "offset"
        return {"topic": self.topic, "partition": self.partition, key: self.number}


class Refused(NamedTuple):
    """A record (or one element of it) that was not applied, and why."""

    origin: Origin
    reason: str
    detail: str


class Batch(NamedTuple):
    """What the engine is given in one call, and where each event comes from.

    `oldest_ns`: when its first records were fetched.
    """

    received_ns: int
    events: list[Event]
    origins: list[Origin]
    refused: list[Refused]
    runs: list[Run]
    local: list[Local]
    steps: list[tuple[int, int]]
    oldest_ns: int

    def record(self, *, epoch: int, state_hash: str | None = None) -> BatchApplied:
        """Return the log's record of this batch."""
        return BatchApplied(
            epoch=epoch,
            runs=self.runs,
            received_ns=self.received_ns,
            steps=self.steps,
            local=self.local,
            state_hash=state_hash,
        )


class LocalNumbers(NamedTuple):
    """How the monitor's own events are named as causes: in which log, counted from where."""

    topic: str
    partition: int
    next_number: int


def compose(items: Sequence[Item], *, received_ns: int, numbers: LocalNumbers) -> Batch:
    """Return the batch that applies the items in their order.

    A `ConfigurationChanged` is moved to the front: one batch has one configuration.
    """
    fetched = [item.fetched_ns for item in items if isinstance(item, Slice) and item.fetched_ns]
    batch = Batch(received_ns, [], [], [], [], [], [], min(fetched, default=received_ns))
    records = 0
    for item in sorted(items, key=lambda item: not isinstance(item, ConfigurationChanged)):
        if isinstance(item, Slice):
            _add_slice(batch, item)
            records += len(item.records)
        else:
            number = numbers.next_number + len(batch.local)
            batch.local.append(Local(before=records, event=item))
            batch.events.append(item)
            batch.origins.append(Origin(numbers.topic, numbers.partition, number, None))
    return batch


def _add_slice(batch: Batch, part: Slice) -> None:
    topic, partition, records, _ = part
    _add_run(batch.runs, topic, partition, records[0].offset, records[-1].offset)
    add_event, add_origin = batch.events.append, batch.origins.append
    received_ns = batch.received_ns
    for record in records:
        origin = record_origin = Origin(topic, partition, record.offset, record)
        value = record.value or b""
        in_array = value[:1] != b"{" and is_array(value)
        for element, outcome in enumerate(decode(value, received_ns=received_ns)):
            if in_array:
                origin = record_origin._replace(element=element)
            if isinstance(outcome, Refusal):
                place = record_origin._replace(element=outcome.element)
                batch.refused.append(Refused(place, outcome.reason, outcome.detail))
                if outcome.missing is not None:
                    add_event(outcome.missing)
                    add_origin(origin)
            else:
                add_event(outcome)
                add_origin(origin)


def _add_run(runs: list[Run], topic: str, partition: int, first: int, last: int) -> None:
    """Add a run, or lengthen the last one when it is of the same partition."""
    if runs and (runs[-1].topic, runs[-1].partition) == (topic, partition):
        first = runs.pop().first_offset
    runs.append(Run(topic=topic, partition=partition, first_offset=first, last_offset=last))


def items_of(record: BatchApplied, slices: Sequence[Slice]) -> list[Item]:
    """Return the items of a logged batch: its runs' slices with its local events in place.

    `slices` are the runs' records, one slice a run, in order.
    """
    items: list[Item] = []
    local = list(record.local)
    records = 0
    for part in slices:
        start = 0
        while local and local[0].before < records + len(part.records):
            cut = local[0].before - records
            if cut > start:
                items.append(part._replace(records=part.records[start:cut]))
                start = cut
            items.append(local.pop(0).event)
        items.append(part._replace(records=part.records[start:]))
        records += len(part.records)
    items.extend(each.event for each in local)
    return items
