"""The only reader of time.

Everybody who needs a clock is given one, so that a test can hold it still. `now_ns` is the wall
clock (it may jump: only for stamping records); `monotonic_s` never goes back and is what timers
and deadlines are measured with.
"""

import time


class Clock:
    """The machine's clocks."""

    def now_ns(self) -> int:
        """Return the wall clock: nanoseconds since the epoch, UTC."""
        return time.time_ns()

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""
        return time.monotonic()


class ManualClock(Clock):
    """A clock that moves only when told to: the double to test with."""

    def __init__(self, *, now_ns: int = 0, monotonic_s: float = 0.0) -> None:
        self._now_ns = now_ns
        self._monotonic_s = monotonic_s

    def now_ns(self) -> int:
        """Return the wall clock as last set."""
        return self._now_ns

    def monotonic_s(self) -> float:
        """Return the seconds advanced so far."""
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Move both clocks on by `seconds`, >= 0."""
        assert seconds >= 0, f"expected seconds >= 0, received {seconds}"
        self._monotonic_s += seconds
        self._now_ns += round(seconds * 1e9)

    def jump(self, seconds: float) -> None:
        """Move only the wall clock, in either direction: what a bad time server does."""
        self._now_ns += round(seconds * 1e9)
