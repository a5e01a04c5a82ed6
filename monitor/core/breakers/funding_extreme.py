"""`funding_extreme`: a predicted funding rate beyond a limit.

measure = |rate|, or the rate upwards or downwards only; the first report has nothing before it. A
rate of -0.004 is 0.004 downwards: longs receive 0.4 % of their notional.
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import exact_text, float_setting, to_fraction
from monitor.core.breaker_settings import FundingExtremeSettings
from monitor.core.breakers.breaker import Estimate, Measure


class FundingExtreme:
    """The funding rate of one instrument, per notional; > 0: longs pay shorts."""

    trips_by_time = False

    def __init__(self, settings: FundingExtremeSettings) -> None:
        """Begin without a rate."""
        release = settings.release_ratio
        self.direction = settings.direction
        self.limit = float_setting(settings.limit_ratio)
        self.release = self.limit if release is None else float_setting(release)
        self._rate: Fraction | None = None
        self._is_first = True

    def observe(self, rate: str) -> None:
        """Take the rate of the next payment."""
        self._is_first = self._rate is None
        self._rate = to_fraction(rate)

    def pass_time(self) -> None:
        """Do nothing: a rate holds until the next one."""

    def measure(self, now_ns: int) -> Measure:
        """Return how far the rate is from 0 in the watched direction."""
        rate = Fraction(0) if self._rate is None or self._is_first else self._rate
        if self.direction == "both":
            rate = abs(rate)
        size = max(Fraction(0), -rate if self.direction == "down" else rate)
        return Measure(size, self.limit, size > self.limit, size <= self.release)

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Keep the rate; by hand, the present one counts as a first one."""
        self._is_first = by_hand or self._is_first

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return None: only a report changes the rate."""
        return None

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        rate = None if self._rate is None else exact_text(self._rate)
        return {"rate": rate, "is_first": self._is_first}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self._rate = None if state["rate"] is None else to_fraction(state["rate"])
        self._is_first = state["is_first"]
