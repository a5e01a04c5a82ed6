"""What rules are made of that add up what happened within a lookback, exactly."""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import rounded_text
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure
from monitor.core.decisions import BreakerBound
from monitor.core.windows import SumWindow


class WindowedSum:
    """measure = sum of what was added in the last `lookback_s`, ends included."""

    def __init__(self, lookback_s: float, limit: Fraction, release: Fraction | None) -> None:
        """Begin with nothing; without a release the limit is one."""
        self.trips_by_time = False  # amounts only leave the window
        self.limit = limit
        self.release = limit if release is None else release
        self.window = SumWindow(round(lookback_s * SECOND_NS))

    def add(self, now_ns: int, amount: Fraction) -> None:
        """Take an amount (> 0)."""
        self.window.move_to(now_ns)
        self.window.add(now_ns, amount)

    def pass_time(self) -> None:
        """Do nothing: a sum is what was told."""

    def measure(self, now_ns: int) -> Measure:
        """Return the sum of the window."""
        self.window.move_to(now_ns)
        return self._against(self.window.total)

    def _against(self, value: Fraction) -> Measure:
        return Measure(value, self.limit, value > self.limit, value <= self.release)

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def bounding_events(self, now_ns: int) -> list[BreakerBound]:
        """Return the first and the last instant of the window, with what each of them added."""
        self.window.move_to(now_ns)
        if self.window.ends is None:
            return []
        (first_ns, first), (last_ns, last) = self.window.ends
        return [
            BreakerBound(role="first", event_ns=first_ns, value=rounded_text(first)),
            BreakerBound(role="last", event_ns=last_ns, value=rounded_text(last)),
        ]

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Keep the sum: it is the definition. By hand, forget it."""
        if by_hand:
            self.window.restart()

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when the oldest amount leaves the window."""
        self.window.move_to(now_ns)
        return self.window.next_expiry_ns

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {"window": self.window.export_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.window.restore(state["window"])
