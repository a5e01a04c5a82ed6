"""What one event has moved, as the audit keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from monitor.core.ledger.moves import Move

Key: TypeAlias = tuple[str, str]  # check, scope
OwnMove: TypeAlias = tuple[Key, int]  # what moves one sum alone


class Entry(NamedTuple):
    """What one event of an account has moved; `replaces`: it sets the account as a whole."""

    account: str
    seq: int
    moves: Sequence[Move | OwnMove]
    replaces: bool


@dataclass(slots=True)
class Contribution:
    """What one account did to a sum since its last clean point."""

    account: str
    first_seq: int
    last_seq: int = 0
    amount: int = 0
    events: int = 0

    def add(self, amount: int, seq: int) -> None:
        """Take one more event."""
        self.amount += amount
        self.events += 1
        self.last_seq = seq


def plain_entry(entry: Entry) -> list[Any]:
    """Return an entry as plain values; amounts as text: they may be wider than 64 bits."""
    moves = [
        [str(part) if isinstance(part, int) else part for part in move] for move in entry.moves
    ]
    return [entry.account, entry.seq, moves, entry.replaces]


def entry_from(plain: list[Any]) -> Entry:
    """Return the entry that `plain_entry` described."""
    account, seq, moves, replaces = plain
    return Entry(account, seq, [_move(move) for move in moves], replaces)


def _move(plain: list[Any]) -> Move | OwnMove:
    if len(plain) == 2:
        return (plain[0][0], plain[0][1]), int(plain[1])
    name, units, third, fourth = plain
    if third.lstrip("-").isdigit():
        return name, int(units), int(third), int(fourth)
    return name, int(units), third, fourth
