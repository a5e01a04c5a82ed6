"""The only reader of time.

Everybody who needs a clock is given one, so that a test can hold it still. `now_ns` tells the
time of day, but moves like the monotonic clock: when a bad time server makes the system's clock
jump, ours goes on as before until somebody says `adopt`. `monotonic_s` is what timers and
deadlines are measured with.
"""

import time


class Clock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self._anchor_ns = 0
        self.adopt()

    def now_ns(self) -> int:
        """Return the time of day: nanoseconds since the epoch, UTC; never jumps."""
        return self._anchor_ns + time.monotonic_ns()

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""
        return time.monotonic()

    def deviation_s(self) -> float:
        """Return how far the system's clock is ahead of ours; a jump shows here."""
        return (self.system_ns() - self.now_ns()) / 1e9

    def adopt(self) -> None:
        """Take over the system's time of day."""
        self._anchor_ns = self.system_ns() - time.monotonic_ns()

    def system_ns(self) -> int:
        """Return the system's time of day, which may jump."""
        return time.time_ns()


class ManualClock(Clock):
    """A clock that moves only when told to: the double to test with."""

    def __init__(self, *, now_ns: int = 0, monotonic_s: float = 0.0) -> None:
        self._now_ns = now_ns
        self._system_ns = now_ns
        self._monotonic_s = monotonic_s

    def now_ns(self) -> int:
        """Return the time of day as last set."""
        return self._now_ns

    def monotonic_s(self) -> float:
        """Return the seconds advanced so far."""
        return self._monotonic_s

    def system_ns(self) -> int:
        """Return the system's time of day as last set."""
        return self._system_ns

    def adopt(self) -> None:
        """Take over the system's time of day."""
        self._now_ns = self._system_ns

    def advance(self, seconds: float) -> None:
        """Move all clocks on by `seconds`, >= 0."""
        assert seconds >= 0, f"expected seconds >= 0, received {seconds}"
        self._monotonic_s += seconds
        self._now_ns += round(seconds * 1e9)
        self._system_ns += round(seconds * 1e9)

    def jump(self, seconds: float) -> None:
        """Move only the system's clock, in either direction: what a bad time server does."""
        self._system_ns += round(seconds * 1e9)
