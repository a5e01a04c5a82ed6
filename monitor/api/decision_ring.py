"""The newest decisions, numbered, in memory: what /v1/decisions and the console show.

The log on Kafka holds all of them; this is a window for people.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from monitor.core.decisions import Decision

DECISIONS_KEPT = 2_000


class NumberedDecision(NamedTuple):
    """A decision and its number, counted from 1 since the process started."""

    number: int
    decision: Decision


class DecisionRing:
    """The last `kept` decisions, oldest first."""

    def __init__(self, kept: int = DECISIONS_KEPT) -> None:
        self._ring: deque[NumberedDecision] = deque(maxlen=kept)
        self.last_number = 0

    def extend(self, decisions: Iterable[Decision]) -> None:
        """Append stamped decisions in the order in which they were published."""
        for decision in decisions:
            self.last_number += 1
            self._ring.append(NumberedDecision(self.last_number, decision))

    def newest(
        self, *, limit: int, before: int | None = None, kind: str | None = None
    ) -> list[NumberedDecision]:
        """Return up to `limit` decisions, newest first: numbers below `before`, of one kind."""
        found = []
        for numbered in reversed(self._ring):
            if before is not None and numbered.number >= before:
                continue
            if kind is not None and numbered.decision.kind != kind:
                continue
            found.append(numbered)
            if len(found) == limit:
                break
        return found

    def after(self, number: int, *, limit: int) -> list[NumberedDecision]:
        """Return the decisions with a higher number, oldest first: the newest `limit` of them."""
        return list(reversed(list(self._newer(number, limit))))

    def _newer(self, number: int, limit: int) -> Iterator[NumberedDecision]:
        for count, numbered in enumerate(reversed(self._ring)):
            if count == limit or numbered.number <= number:
                return
            yield numbered
