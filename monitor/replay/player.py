"""Plays recordings through the engine as fast as possible, and writes down what it decided.

The same recording and configuration give the same bytes: nothing here reads a clock.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from monitor.core import gate
from monitor.core.decisions import Decision
from monitor.core.engine import RiskEngine
from monitor.core.events import Event
from monitor.core.identity import stamp
from monitor.replay.recording import lines
from monitor.replay.timeline import Timeline

BATCH_EVENTS = 2_000
STANDARD_INPUT = "<stdin>"


class _Refused(NamedTuple):
    """A line that could not be applied; `place` orders it within its batch."""

    place: int
    line: "Line"
    reason: str
    detail: str


class StrictError(Exception):
    """A line could not be applied and `--strict` was asked for."""


class OutputError(Exception):
    """The folder for the answers cannot be made or written into."""


@dataclass(slots=True, frozen=True)
class Line:
    """One event at its place in a recording, or the reason why there is none.

    `raw` are its own bytes; `element` is its place in an array of events, from 0.
    """

    file: str
    line: int
    event: Event | gate.Refusal
    raw: bytes
    element: int | None = None

    @property
    def position(self) -> dict[str, str | int]:
        """Return its place as quarantine tells it."""
        place: dict[str, str | int] = {"file": self.file, "line": self.line}
        return place if self.element is None else place | {"element": self.element}


@dataclass(slots=True)
class Outcome:
    """What a replay came to."""

    applied: int = 0
    quarantined: int = 0
    decisions: int = 0
    first_event_ns: int | None = None


def read(paths: Iterable[str]) -> Iterator[Line]:
    """Yield every event of several recordings, in order."""
    for path in paths:
        name = STANDARD_INPUT if path == "-" else path
        for number, raw in lines(path):
            outcomes = gate.decode(raw)
            first = outcomes[0] if outcomes else None
            whole = isinstance(first, gate.Refusal) and first.element is None
            if not gate.is_array(raw) or whole:
                yield from (Line(name, number, outcome, raw) for outcome in outcomes)
                continue
            for element, part in enumerate(gate.elements(raw)):
                yield Line(name, number, outcomes[element], part, element)


def from_events(events: Iterable[Event], name: str) -> Iterator[Line]:
    """Yield made events as the lines of a recording that was never written."""
    for number, event in enumerate(events, start=1):
        yield Line(name, number, event, b"")


class Player:
    """One replay into a directory: decisions, accounts, quarantine and a summary."""

    def __init__(
        self,
        engine: RiskEngine,
        output: Path,
        *,
        strict: bool = False,
        timeline: Timeline | None = None,
    ) -> None:
        """Write into `output`, which is made if it is missing; a timeline sees what happens."""
        self.engine = engine
        self.timeline = timeline
        self.output = output
        self.strict = strict
        self.outcome = Outcome()
        self._late: dict[int, Line] = {}  # by ordinal: held back, or in an open change
        self._ordinal = 0

    def play(self, source: Iterable[Line], *, batch_events: int = BATCH_EVENTS) -> Outcome:
        """Apply every line and write the four files.

        Raises StrictError at the first line that cannot be applied, if strict; OutputError if
        the files cannot be made.
        """
        with ExitStack() as stack:
            decisions, quarantine = self._open(stack)
            batch: list[Line] = []
            for line in source:
                # The events of one line stay together: its equal decisions are numbered.
                if len(batch) >= batch_events and line.line != batch[-1].line:
                    self._apply(batch, decisions, quarantine)
                    batch = []
                batch.append(line)
            self._apply(batch, decisions, quarantine)
            self._quarantine_rest(quarantine)
        self._write_accounts()
        self._write_summary()
        return self.outcome

    def _open(self, stack: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
        """Open the files of decisions and of quarantine in the output folder."""
        try:
            self.output.mkdir(parents=True, exist_ok=True)
            decisions = stack.enter_context((self.output / "decisions.ndjson").open("wb"))
            quarantine = stack.enter_context((self.output / "quarantine.ndjson").open("wb"))
        except OSError as error:
            raise OutputError(
                f"--output {self.output}: expected a folder to write into, received {error}"
            ) from error
        return decisions, quarantine

    def _apply(self, batch: list[Line], decisions: IO[bytes], quarantine: IO[bytes]) -> None:
        """Apply the events of a batch; write what was decided and what was refused, in order."""
        events: list[Event] = []
        accepted: list[Line] = []
        refused: list[_Refused] = []
        for line in batch:
            event = line.event
            if isinstance(event, gate.Refusal):
                refused.append(_Refused(len(events), line, event.reason, event.detail))
                if event.missing is None:
                    continue
                event = event.missing
            events.append(event)
            accepted.append(line)
        if self.outcome.first_event_ns is None:
            times = (line.event.event_ns for line in batch if isinstance(line.event, Event))
            self.outcome.first_event_ns = next(times, None)
        made = self.engine.apply(events)
        self.outcome.decisions += len(made)
        if self.timeline is not None:
            self.timeline.see(events, (decision for _, decision in made))
        for decision in _stamped(made, accepted, self.engine.configuration_hash):
            decisions.write(msgspec.json.encode(decision) + b"\n")
        refused += self._take_refused(accepted)
        refused.sort(key=lambda each: each.place)
        for each in refused:
            self._quarantine(quarantine, each)
        self._keep_waiting(accepted)
        self._ordinal += len(events)

    def _take_refused(self, accepted: list[Line]) -> list["_Refused"]:
        """Return what the engine refused for good; keep the lines of what it holds back."""
        refused = []
        for each in self.engine.take_refused():
            line = accepted[each.index] if each.index >= 0 else self._late[each.ordinal]
            if each.held:
                self._late[each.ordinal] = line
            else:
                refused.append(_Refused(each.cause, line, each.reason, each.detail))
        return refused

    def _keep_waiting(self, accepted: list[Line]) -> None:
        """Keep the lines of what waits for its change or its instrument, and of nothing else.

        They may still be refused.
        """
        unfinished = self.engine.open_change_ordinals()
        for ordinal in unfinished:
            if ordinal >= self._ordinal:
                self._late[ordinal] = accepted[ordinal - self._ordinal]
        if self._late:
            waiting = {*unfinished, *self.engine.held_back_ordinals()}
            self._late = {ordinal: self._late[ordinal] for ordinal in sorted(waiting)}

    def _quarantine_rest(self, quarantine: IO[bytes]) -> None:
        """Quarantine what still waits when the recording ends."""
        waiting = [
            (ordinal, "unknown_instrument", "its instrument to be listed")
            for ordinal in self.engine.held_back_ordinals()
        ]
        waiting += [
            (ordinal, "unfinished_change", "its change to end")
            for ordinal in self.engine.open_change_ordinals()
        ]
        for ordinal, reason, awaited in sorted(waiting):
            detail = f"expected {awaited} before the end of the recording"
            self._quarantine(quarantine, _Refused(0, self._late[ordinal], reason, detail))

    def _quarantine(self, quarantine: IO[bytes], refused: "_Refused") -> None:
        _, line, reason, detail = refused
        if self.strict:
            element = "" if line.element is None else f"[{line.element}]"
            raise StrictError(f"{line.file}:{line.line}{element}: {reason}: {detail}")
        self.outcome.quarantined += 1
        raw = line.raw
        if not raw and not isinstance(line.event, gate.Refusal):
            raw = gate.encode(line.event)
        record = {
            "position": line.position,
            "reason": reason,
            "detail": detail,
            "line": raw[:1_000_000].decode(errors="replace"),
        }
        quarantine.write(json.dumps(record).encode() + b"\n")

    def _write_accounts(self) -> None:
        with (self.output / "accounts.ndjson").open("wb") as stream:
            for report in self.engine.account_reports():
                stream.write(msgspec.json.encode(report) + b"\n")

    def _write_summary(self) -> None:
        summary: dict[str, Any] = self.engine.summary()
        summary["events"]["quarantined"] = self.outcome.quarantined
        summary["first_event_ns"] = self.outcome.first_event_ns
        self.outcome.applied = summary["events"]["applied"]
        if self.outcome.first_event_ns is None:
            summary["last_event_ns"] = None
        text = msgspec.json.format(msgspec.json.encode(summary), indent=2)
        (self.output / "summary.json").write_bytes(text + b"\n")


def _stamped(
    made: list[tuple[int, Decision]], batch: list[Line], configuration_hash: str
) -> list[Decision]:
    """Return the decisions with their envelopes, those of one line stamped together."""
    pairs = [
        (decision, {"file": batch[index].file, "line": batch[index].line})
        for index, decision in made
    ]
    return stamp(pairs, configuration_hash=configuration_hash, epoch=0)  # type: ignore[arg-type]
