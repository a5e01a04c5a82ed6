"""The order of one account's events: sequence numbers, and changes of several events.

`seq` increases by one; a repeated one is ignored, a skipped one leaves a gap. Events with `more`
wait until the change is whole; a change that stays open too long is given up.
"""

import heapq
from dataclasses import dataclass, field
from typing import Any

import msgspec

from monitor.core.events import AccountEvent, AccountSnapshot, AnyEvent
from monitor.core.ledger import Account
from monitor.core.plain import plain

CHANGE_EVENTS_MAX = 100
CHANGE_OPEN_MAX_NS = 1_000_000_000

Numbered = tuple[int, AccountEvent]  # ordinal of the event, the event


@dataclass(slots=True)
class Admission:
    """What may be booked now, what is given up, and whether a sequence number is missing."""

    ready: list[Numbered] = field(default_factory=list)
    given_up: list[Numbered] = field(default_factory=list)
    expected: int | None = None
    repeated: bool = False


class OpenChanges:
    """The changes that are not whole yet, by account."""

    def __init__(self) -> None:
        """Begin with none."""
        self.buffers: dict[str, list[Numbered]] = {}
        self.opened_ns: dict[str, int] = {}  # in engine time
        self._oldest: list[tuple[int, str]] = []  # a heap; changes that have ended are passed over

    def is_plain(self, account: Account, event: AccountEvent) -> bool:
        """Return whether an event is the next one and a change of its own: the commonest case."""
        return (
            event.seq == account.sequence + 1
            and not event.more
            and account.name not in self.buffers
        )

    def admit(self, account: Account, ordinal: int, event: AccountEvent, now_ns: int) -> Admission:
        """Check an event's sequence and add it to its change."""
        admission = Admission()
        if event.seq <= account.sequence:
            admission.repeated = True
            return admission
        if event.seq != account.sequence + 1 and not isinstance(event, AccountSnapshot):
            admission.expected = account.sequence + 1
        account.sequence = event.seq
        buffer = self.buffers.get(account.name)
        if event.more:
            if buffer is None:
                buffer = self.buffers[account.name] = []
                self._open(account.name, now_ns)
            buffer.append((ordinal, event))
            if len(buffer) > CHANGE_EVENTS_MAX:
                admission.given_up = self.give_up(account.name)
            return admission
        if buffer is not None:
            admission.ready = self.give_up(account.name)
        admission.ready = [*admission.ready, (ordinal, event)]
        return admission

    def _open(self, name: str, now_ns: int) -> None:
        self.opened_ns[name] = now_ns
        heapq.heappush(self._oldest, (now_ns, name))

    def is_open(self, name: str) -> bool:
        """Return whether a change of the account waits for its end."""
        return name in self.buffers

    def next_timer(self) -> tuple[int, str, str] | None:
        """Return the first time at which a change is given up: (due_ns, name, account)."""
        if not self.buffers:
            return None
        while self.opened_ns.get(self._oldest[0][1]) != self._oldest[0][0]:
            heapq.heappop(self._oldest)  # it has ended
        opened_ns, name = self._oldest[0]
        return opened_ns + CHANGE_OPEN_MAX_NS + 1, f"change:{name}", name

    def give_up(self, name: str) -> list[Numbered]:
        """Return the events of an open change, which is open no more."""
        del self.opened_ns[name]
        return self.buffers.pop(name)

    def export_state(self) -> list[Any]:
        """Return everything as plain values, in a canonical order."""
        return [
            [
                self.opened_ns[name],
                name,
                [[ordinal, plain(event)] for ordinal, event in self.buffers[name]],
            ]
            for name in sorted(self.buffers, key=lambda name: (self.opened_ns[name], name))
        ]

    @classmethod
    def from_state(cls, state: list[Any]) -> "OpenChanges":
        """Return what `export_state` described."""
        changes = cls()
        for opened_ns, name, buffer in state:
            changes._open(name, opened_ns)
            changes.buffers[name] = [
                (ordinal, msgspec.convert(record, AnyEvent)) for ordinal, record in buffer
            ]
        return changes
