"""A sum that should be 0, watched by differences: when it is not, since when, and who moved it.

Both sides of a trade reach us at different times, so such a sum is off all the time for a moment.
It is clean whenever it is back within what is allowed, or has changed its sign: one leg came, then
the other. What stays on one side for longer is a leak.
"""

from dataclasses import dataclass, field
from typing import Any

CONTRIBUTORS_MAX = 1_000  # that are kept of a sum between two clean points
BILLION = 1_000_000_000
ARMED_BY = 100  # returns to a clean point, after which a venue is known to send both sides


@dataclass(slots=True)
class Contribution:
    """What one account did to a sum since its last clean point; `events`: how many, by seq."""

    amount: int
    events: int
    first_seq: int
    last_seq: int


@dataclass(slots=True)
class WatchedSum:
    """One sum of whole units: `value` is judged against `reference`: what was told or absorbed.

    `gross`: how much was moved since the reference was set, in magnitudes. `since_ns`: when the sum
    left its last clean point, None while it is clean. `floor` and `ratio_ppb` billionths of gross
    are allowed; of a venue that does not publish everything these have been learned.
    """

    ratio_ppb: int = 0
    floor: int = 0
    value: int = 0
    reference: int = 0
    gross: int = 0
    since_ns: int | None = None
    returns: int = 0
    violations: int = 0
    contributions: dict[str, Contribution] = field(default_factory=dict)
    left_out: int = 0
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

    def contribute(self, account: str, amount: int, seq: int) -> None:
        """Take what an event of an account adds."""
        self.value += amount
        self.gross += abs(amount)
        own = self.contributions.get(account)
        if own is not None:
            own.amount += amount
            own.events += 1
            own.last_seq = seq
        elif len(self.contributions) < CONTRIBUTORS_MAX:
            self.contributions[account] = Contribution(amount, 1, seq, seq)
        else:
            self.left_out += 1

    def look(self, now_ns: int) -> bool:
        """Follow the sum at the end of a step; return whether it has left a clean point now."""
        if self.is_clean:
            if self.since_ns is not None:
                self.returns += 1
            self.settle()
            return False
        is_above = self.difference > 0
        if self.since_ns is not None and is_above == self.is_above:
            return False
        self.returns += self.since_ns is not None  # it has changed sides
        self.is_above, self.since_ns = is_above, now_ns
        return True

    def settle(self) -> None:
        """Begin anew from the sum as it is: a clean point, or one that has been told."""
        self.reference, self.gross, self.since_ns = self.value, 0, None
        self.contributions.clear()
        self.left_out = 0

    def learn(self) -> None:
        """Allow twice what the sum is off now, as a share of what was moved."""
        if self.gross:
            learned = -(-2 * abs(self.difference) * BILLION // self.gross)
            self.ratio_ppb = max(self.ratio_ppb, learned)
        self.settle()

    def export_state(self) -> list[Any]:
        """Return the sum as plain values; amounts as text: they may be wider than 64 bits."""
        told = [
            [name, str(one.amount), one.events, one.first_seq, one.last_seq]
            for name, one in self.contributions.items()
        ]
        return [
            *map(str, (self.ratio_ppb, self.floor, self.value, self.reference, self.gross)),
            *(self.since_ns, self.returns, self.violations, told, self.left_out, self.is_above),
        ]

    @classmethod
    def from_state(cls, state: list[Any]) -> "WatchedSum":
        """Return the sum that `export_state` described."""
        ratio_ppb, floor, value, reference, gross = (int(text) for text in state[:5])
        since_ns, returns, violations, told, left_out, is_above = state[5:]
        return cls(
            ratio_ppb=ratio_ppb,
            floor=floor,
            value=value,
            reference=reference,
            gross=gross,
            since_ns=since_ns,
            returns=returns,
            violations=violations,
            contributions={name: Contribution(int(amount), *rest) for name, amount, *rest in told},
            left_out=left_out,
            is_above=is_above,
        )
