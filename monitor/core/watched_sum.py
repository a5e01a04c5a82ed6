"""A sum that should be 0, watched by differences: when it is not, and since when.

Both sides of a trade reach us at different times, so such a sum is off all the time for a moment.
It is clean whenever it is back within what is allowed, or has changed its sign: one leg came, then
the other. What stays on one side for longer is a leak.
"""

from dataclasses import dataclass
from typing import Any

BILLION = 1_000_000_000
ARMED_BY = 100  # returns to a clean point, after which a venue is known to send both sides


@dataclass(slots=True)
class WatchedSum:
    """One sum of whole units: `value` is judged against `reference`: what was told or absorbed.

    `gross`: how much was moved since the reference was set, in magnitudes. `since_ns`: when the sum
    left its last clean point, None while it is clean; `since_entry`: how many entries of the audit
    had been read by then. `floor` and `ratio_ppb` billionths of gross are allowed; of a venue that
    does not publish everything these have been learned.
    """

    ratio_ppb: int = 0
    floor: int = 0
    value: int = 0
    reference: int = 0
    gross: int = 0
    since_ns: int | None = None
    since_entry: int = 0
    returns: int = 0
    violations: int = 0
    is_above: bool = False

    @property
    def difference(self) -> int:
        """Return how far the sum is off."""
        return self.value - self.reference

    @property
    def allowed(self) -> int:
        """Return how far it may be off."""
        return self.floor + self.gross * self.ratio_ppb // BILLION

    @property
    def is_clean(self) -> bool:
        """Return whether it is within what is allowed, of its reference or of 0."""
        return min(abs(self.difference), abs(self.value)) <= self.allowed

    def add(self, amount: int) -> None:
        """Take what an event adds."""
        self.value += amount
        self.gross += abs(amount)

    def look(self, now_ns: int, entries: int) -> bool:
        """Follow the sum when `entries` have been read; return whether it has left a clean point.

        It may have done so at any of the entries that were read with the last.
        """
        if self.is_clean:
            self.returns += self.since_ns is not None
            self.settle(entries)
            return False
        is_above = self.difference > 0
        if self.since_ns is not None and is_above == self.is_above:
            return False
        self.returns += self.since_ns is not None  # it has changed sides
        self.is_above, self.since_ns = is_above, now_ns
        return True

    def settle(self, entries: int) -> None:
        """Begin anew from the sum as it is: a clean point, or one that has been told."""
        self.reference, self.gross = self.value, 0
        self.since_ns, self.since_entry = None, entries

    def learn(self, entries: int) -> None:
        """Allow twice what the sum is off now, as a share of what was moved."""
        if self.gross:
            learned = -(-2 * abs(self.difference) * BILLION // self.gross)
            self.ratio_ppb = max(self.ratio_ppb, learned)
        self.settle(entries)

    def export_state(self) -> list[Any]:
        """Return the sum as plain values; amounts as text: they may be wider than 64 bits."""
        return [
            *map(str, (self.ratio_ppb, self.floor, self.value, self.reference, self.gross)),
            *(self.since_ns, self.since_entry, self.returns, self.violations, self.is_above),
        ]

    @classmethod
    def from_state(cls, state: list[Any]) -> "WatchedSum":
        """Return the sum that `export_state` described."""
        ratio_ppb, floor, value, reference, gross = (int(text) for text in state[:5])
        return cls(ratio_ppb, floor, value, reference, gross, *state[5:])
