"""When each of several sets of rules would have tripped on one recording."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from monitor.core import gate
from monitor.core.decisions import BreakerCooling, BreakerTripped, Decision
from monitor.core.engine import RiskEngine
from monitor.replay.player import BATCH_EVENTS, Line

SECOND_NS = 1_000_000_000
Key = tuple[str, str]  # breaker, scope


class Trip(NamedTuple):
    """One trip, and when the breaker began to cool; None: not before the end."""

    tripped: BreakerTripped
    ended_ns: int | None


class RuleSet:
    """The breakers of one configuration on their way through a recording."""

    def __init__(self, name: str, engine: RiskEngine) -> None:
        """Begin without a trip."""
        self.name = name
        self.trips: list[Trip] = []
        self.engine = engine
        self._open: dict[Key, int] = {}  # place in `trips`

    def see(self, decisions: Iterable[Decision]) -> None:
        """Take what the engine has decided."""
        for decision in decisions:
            if isinstance(decision, BreakerTripped):
                self._open[decision.breaker, decision.scope] = len(self.trips)
                self.trips.append(Trip(decision, None))
            elif isinstance(decision, BreakerCooling):
                place = self._open.pop((decision.breaker, decision.scope))
                self.trips[place] = self.trips[place]._replace(ended_ns=decision.event_ns)

    def tripped_s(self, breaker: str, end_ns: int) -> float:
        """Return how long one breaker stood tripped, over all its scopes."""
        spans = [
            (trip.ended_ns or end_ns) - trip.tripped.event_ns
            for trip in self.trips
            if trip.tripped.breaker == breaker
        ]
        return sum(spans) / SECOND_NS


def compare(source: Iterable[Line], sets: Sequence[RuleSet]) -> dict[str, Any]:
    """Play a recording through every set; return the answer as plain values.

    Lines that no engine can apply are passed over and counted: `replay` alone quarantines them.
    """
    batch: list[Line] = []
    passed_over, begin_ns = 0, None
    for line in source:
        if isinstance(line.event, gate.Refusal):
            passed_over += 1
            continue
        begin_ns = line.event.event_ns if begin_ns is None else begin_ns
        batch.append(line)
        if len(batch) >= BATCH_EVENTS:
            passed_over += _apply(batch, sets)
            batch = []
    passed_over += _apply(batch, sets)
    end_ns = max(one.engine.engine_ns for one in sets)
    return {
        "first_event_ns": begin_ns,
        "last_event_ns": None if begin_ns is None else end_ns,
        "passed_over": passed_over,
        "breakers": _breakers(sets, end_ns),
        "trips": _trips(sets),
    }


def _apply(batch: Sequence[Line], sets: Sequence[RuleSet]) -> int:
    """Apply a batch to every set; return how many of its events were refused."""
    events = [line.event for line in batch if not isinstance(line.event, gate.Refusal)]
    refused = 0
    for one in sets:
        one.see(decision for _, decision in one.engine.apply(events))
        refused = max(refused, sum(not each.held for each in one.engine.take_refused()))
    return refused


def _breakers(sets: Sequence[RuleSet], end_ns: int) -> list[dict[str, Any]]:
    """Return every configured breaker by name, with what it did in each set."""
    configured = [{rule.name: rule for rule in one.engine.settings.breakers} for one in sets]
    rows = []
    for name in sorted({name for names in configured for name in names}):
        sides: list[dict[str, Any] | None] = []
        for one, names in zip(sets, configured, strict=True):
            if name not in names:
                sides.append(None)
                continue
            own = [trip for trip in one.trips if trip.tripped.breaker == name]
            sides.append(
                {
                    "trips": len(own),
                    "first_ns": own[0].tripped.event_ns if own else None,
                    "first_scope": own[0].tripped.scope if own else None,
                    "tripped_s": one.tripped_s(name, end_ns),
                }
            )
        rows.append({"breaker": name, "sets": sides})
    return rows


def _trips(sets: Sequence[RuleSet]) -> list[dict[str, Any]]:
    """Return all trips in time, each with the number of its set, from 0."""
    found = [
        {
            "event_ns": trip.tripped.event_ns,
            "set": number,
            "breaker": trip.tripped.breaker,
            "scope": trip.tripped.scope,
            "measured": trip.tripped.measured,
            "limit": trip.tripped.limit,
            "action": trip.tripped.action,
            "ended_ns": trip.ended_ns,
        }
        for number, one in enumerate(sets)
        for trip in one.trips
    ]
    return sorted(found, key=lambda each: (each["event_ns"], each["set"]))
