"""Where a source or an index stands: worse at once, better only when it has been so for a while.

So a price that oscillates around a limit is rejected once, not a thousand times a second.
"""

from typing import Any

from monitor.core.oracles.validity import RANKS, VALID, Verdict


class Standing:
    """A verdict in force; `since_ns`: when its level was entered."""

    __slots__ = ("_better_since_ns", "since_ns", "verdict")

    def __init__(self) -> None:
        """Begin valid."""
        self.verdict = VALID
        self.since_ns = 0
        self._better_since_ns: int | None = None

    def take(self, verdict: Verdict, restore_ns: int, now_ns: int) -> bool:
        """Take what is true now; return whether the level in force has changed."""
        before, after = RANKS[self.verdict.validity], RANKS[verdict.validity]
        if after > before:
            if self._better_since_ns is None:
                self._better_since_ns = now_ns
            if now_ns - self._better_since_ns < restore_ns:
                return False
        self._better_since_ns = None
        self.verdict = verdict
        if after != before:
            self.since_ns = now_ns
        return after != before

    def next_change_ns(self, restore_ns: int) -> int | None:
        """Return when a better verdict comes into force by time alone."""
        return None if self._better_since_ns is None else self._better_since_ns + restore_ns

    def export_state(self) -> list[Any]:
        """Return everything as plain values."""
        return [*self.verdict, self.since_ns, self._better_since_ns]

    @classmethod
    def from_state(cls, state: list[Any]) -> "Standing":
        """Return the standing that `export_state` described."""
        standing = cls()
        *verdict, standing.since_ns, standing._better_since_ns = state
        standing.verdict = Verdict(*verdict)
        return standing
