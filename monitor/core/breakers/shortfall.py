"""`shortfall`: what liquidations have left unpaid within a lookback, in USD.

measure = sum of the shortfalls of the last `lookback_s`, each valued when it was incurred. After
shortfalls of 40,000 and 70,000 inside the window it is 110,000.
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting, rounded_text
from monitor.core.breaker_settings import ShortfallSettings
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure
from monitor.core.decisions import BreakerBound
from monitor.core.windows import SumWindow


class ShortfallSum:
    """The shortfalls of the venue, or of one instrument."""

    trips_by_time = False  # amounts only leave the window

    def __init__(self, settings: ShortfallSettings) -> None:
        """Begin without a shortfall."""
        release = settings.release_usd
        self.limit = float_setting(settings.limit_usd)
        self.release = self.limit if release is None else float_setting(release)
        self.window = SumWindow(round(settings.lookback_s * SECOND_NS))

    def observe(self, now_ns: int, amount_usd: Fraction) -> None:
        """Take a shortfall (> 0)."""
        self.window.move_to(now_ns)
        self.window.add(now_ns, amount_usd)

    def pass_time(self) -> None:
        """Do nothing: a sum is what was told."""

    def measure(self, now_ns: int) -> Measure:
        """Return the sum of the window."""
        self.window.move_to(now_ns)
        total = self.window.total
        return Measure(total, self.limit, total > self.limit, total <= self.release)

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
        """Return when the oldest shortfall leaves the window."""
        self.window.move_to(now_ns)
        return self.window.next_expiry_ns

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {"window": self.window.export_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.window.restore(state["window"])
