"""`liquidation_rate`: how many liquidations began within a lookback.

measure = number of liquidations that began in the last `lookback_s`, ends included. With three
that began at 0, 4 and 9 s, a lookback of 5 s counts 2 at 9 s.
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import rounded_text
from monitor.core.breaker_settings import LiquidationRateSettings
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure
from monitor.core.decisions import BreakerBound
from monitor.core.windows import SumWindow

ONE = Fraction(1)


class LiquidationRate:
    """The liquidations of the venue, or of one instrument."""

    trips_by_time = False  # beginnings only leave the window

    def __init__(self, settings: LiquidationRateSettings) -> None:
        """Begin without a liquidation."""
        release = settings.release_count
        self.limit = Fraction(settings.limit_count)
        self.release = self.limit if release is None else Fraction(release)
        self.window = SumWindow(round(settings.lookback_s * SECOND_NS))

    def observe(self, now_ns: int) -> None:
        """Take that a liquidation has begun."""
        self.window.move_to(now_ns)
        self.window.add(now_ns, ONE)

    def pass_time(self) -> None:
        """Do nothing: a count is what was told."""

    def measure(self, now_ns: int) -> Measure:
        """Return the count of the window."""
        self.window.move_to(now_ns)
        count = self.window.total
        return Measure(count, self.limit, count > self.limit, count <= self.release)

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
        """Keep the count: it is the definition. By hand, forget it."""
        if by_hand:
            self.window.restart()

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when the oldest beginning leaves the window."""
        self.window.move_to(now_ns)
        return self.window.next_expiry_ns

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {"window": self.window.export_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.window.restore(state["window"])
