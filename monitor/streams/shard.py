"""One shard: the engine, and where in the topics and in the log it stands.

`apply` is used by the live writer and by recovery alike, so both reach the same state and the
same decisions. A shard is only ever touched by one task.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from monitor.core.decisions import Decision
from monitor.core.events import AccountEvent, ConfigurationChanged, Event
from monitor.core.gate import encode
from monitor.core.identity import stamp
from monitor.core.refusals import Refused as EngineRefused
from monitor.streams.batch import Batch, Item, LocalNumbers, Origin, Refused, compose

WAITING_MAX = 20_000

Positions = dict[str, dict[int, int]]
Place = tuple[str, int, int, int | None]  # topic, partition, offset, element of the array


class Engine(Protocol):
    """What the streams need of the risk engine."""

    configuration_hash: str

    def apply(
        self, batch: Sequence[Event], *, received_ns: int | None = None
    ) -> list[tuple[int, Decision]]:
        """Return the decisions, each with the index of its cause."""
        ...

    def take_refused(self) -> list[EngineRefused]:
        """Return what could not be applied since the last call."""
        ...

    def held_back_ordinals(self) -> tuple[int, ...]:
        """Return the ordinals of the events kept back for later."""
        ...

    def state_hash(self) -> str:
        """Return the hash of the state."""
        ...

    def export_state(self) -> dict[str, Any]:
        """Return the whole state as plain values."""
        ...


class Applied(NamedTuple):
    """A batch after the engine had it: its decisions, stamped, and what was refused."""

    batch: Batch
    decisions: list[Decision]
    refused: list[Refused]


class Shard:
    """An engine with its place in the input topics (`positions`) and in the log (`log_offset`).

    `positions` and `log_offset` are the next offsets to read; `batch_offset` is that of the last
    `batch_applied`; `configuration_text` is the text of the configuration in force.
    """

    def __init__(
        self, engine: Engine, *, log_topic: str, number: int, export: dict[str, Any] | None = None
    ) -> None:
        state = export or {}
        self.engine = engine
        self.log_topic = log_topic
        self.number = number
        self.log_offset = 0
        self.batch_offset = int(state.get("batch_offset", -1))
        self.epoch = 0
        self.positions: Positions = {}
        self.locals_applied = int(state.get("locals_applied", 0))
        self.configuration_text = str(state.get("configuration_text", ""))
        self._hash: tuple[int, str] | None = None
        self.events_given = int(state.get("events_given", 0))
        self._waiting: dict[int, Place] = {
            ordinal: (topic, partition, offset, element)
            for ordinal, topic, partition, offset, element in state.get("waiting", [])
        }

    def export_state(self) -> dict[str, Any]:
        """Return what a snapshot keeps beside its header: plain values."""
        return {
            "engine": self.engine.export_state(),
            "batch_offset": self.batch_offset,
            "locals_applied": self.locals_applied,
            "configuration_text": self.configuration_text,
            "events_given": self.events_given,
            "waiting": [[ordinal, *place] for ordinal, place in sorted(self._waiting.items())],
        }

    def state_hash(self) -> str:
        """Return the engine's state hash; asked again before the next batch it costs nothing."""
        if self._hash is None or self._hash[0] != self.events_given:
            self._hash = (self.events_given, self.engine.state_hash())
        return self._hash[1]

    def compose(self, items: Sequence[Item], *, received_ns: int) -> Batch:
        """Return the batch of these items at this place."""
        numbers = LocalNumbers(self.log_topic, self.number, self.locals_applied)
        return compose(items, received_ns=received_ns, numbers=numbers)

    def apply(self, batch: Batch) -> Applied:
        """Apply a batch: the engine's state and the positions move on together."""
        outcome = self.engine.apply(batch.events, received_ns=batch.received_ns)
        for local in batch.local:
            if isinstance(local.event, ConfigurationChanged):
                self.configuration_text = local.event.text
        origins = batch.origins
        decisions = stamp(
            [(decision, origins[index].cause) for index, decision in outcome],
            configuration_hash=self.engine.configuration_hash,
            epoch=self.epoch,
        )
        refused = batch.refused + self._engine_refused(batch)
        self.locals_applied += len(batch.local)
        for run in batch.runs:
            self.positions.setdefault(run.topic, {})[run.partition] = run.last_offset + 1
        return Applied(batch, decisions, refused)

    def _engine_refused(self, batch: Batch) -> list[Refused]:
        """Return what the engine refused for good, with its origin.

        It may refuse an event of an earlier batch: one held back until its instrument is listed,
        or a part of a change that was never finished. Where those came from is remembered.
        """
        origins = batch.origins
        for index, event in enumerate(batch.events, start=self.events_given):
            if isinstance(event, AccountEvent) and event.more:
                self._waiting[index] = _place(origins[index - self.events_given])
        refused = []
        for each in self.engine.take_refused():
            if each.held:
                if each.index >= 0:
                    self._waiting[each.ordinal] = _place(origins[each.index])
                continue
            origin = origins[each.index] if each.index >= 0 else self._earlier(each)
            refused.append(Refused(origin, each.reason, each.detail))
        self.events_given += len(batch.events)
        if len(self._waiting) > WAITING_MAX:
            self._forget()
        return refused

    def _earlier(self, refused: EngineRefused) -> Origin:
        """Return where an event of an earlier batch came from; offset -1 when it is forgotten."""
        place = self._waiting.pop(refused.ordinal, ("", -1, -1, None))
        topic, partition, offset, element = place
        record = WaitingRecord(offset, encode(refused.event), 0)
        return Origin(topic, partition, offset, record, element)

    def _forget(self) -> None:
        """Keep the origins of the events still held back, and the newer half of the others."""
        held = set(self.engine.held_back_ordinals())
        others = [ordinal for ordinal in self._waiting if ordinal not in held]
        for ordinal in others[: WAITING_MAX // 2]:
            del self._waiting[ordinal]


def _place(origin: Origin) -> Place:
    return (origin.topic, origin.partition, origin.number, origin.element)


class WaitingRecord(NamedTuple):
    """A record of an earlier batch, as far as quarantine needs it."""

    offset: int
    value: bytes | None
    timestamp: int
