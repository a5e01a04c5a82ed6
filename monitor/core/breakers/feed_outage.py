"""`feed_outage`: a feed lost, and not trusted for a cool-off after it is restored.

measure = seconds since the feed was lost, 0 while it is not. Lost at 10 s it measures 5 at 15 s: a
limit of 5 trips one nanosecond later. Armed again while still lost, it counts from then.
"""

from fractions import Fraction
from math import floor
from typing import Any

from monitor.core.amounts import float_setting, rounded_text
from monitor.core.breaker_settings import FeedOutageSettings
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure
from monitor.core.decisions import BreakerBound


class FeedOutage:
    """How long one feed has been lost."""

    trips_by_time = True

    def __init__(self, settings: FeedOutageSettings) -> None:
        """Begin with a feed that is not lost."""
        self.limit = float_setting(settings.limit_s)
        self._lost_ns: int | None = None

    def observe(self, now_ns: int, *, is_lost: bool) -> None:
        """Take that the feed is lost, or restored; lost twice is lost since the first time."""
        if not is_lost:
            self._lost_ns = None
        elif self._lost_ns is None:
            self._lost_ns = now_ns

    def pass_time(self) -> None:
        """Do nothing: `measure` reads the time."""

    def measure(self, now_ns: int) -> Measure:
        """Return for how long it has been lost."""
        if self._lost_ns is None:
            return Measure(Fraction(0), self.limit, is_beyond=False, is_back=True)
        seconds = Fraction(now_ns - self._lost_ns, SECOND_NS)
        return Measure(seconds, self.limit, seconds > self.limit, is_back=False)

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def bounding_events(self, now_ns: int) -> list[BreakerBound]:
        """Return when the feed was lost, with the seconds since."""
        if self._lost_ns is None:
            return []
        seconds = rounded_text(Fraction(now_ns - self._lost_ns, SECOND_NS))
        return [BreakerBound(role="first", event_ns=self._lost_ns, value=seconds)]

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Count an outage that goes on from now."""
        if self._lost_ns is not None:
            self._lost_ns = now_ns

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when an outage becomes longer than the limit, None when it is."""
        if self._lost_ns is None:
            return None
        due_ns = self._lost_ns + floor(self.limit * SECOND_NS) + 1
        return due_ns if due_ns > now_ns else None

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {"lost_ns": self._lost_ns}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self._lost_ns = state["lost_ns"]
