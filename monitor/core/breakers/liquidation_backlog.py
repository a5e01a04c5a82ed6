"""`liquidation_backlog`: what is liquidatable, and nobody has begun to liquidate.

measure = the number of such margin units (`limit_count`), or their notional in USD (`limit_usd`),
now. Three units of 50,000 USD each that wait are 3, and 150,000.
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting
from monitor.core.breaker_settings import LiquidationBacklogSettings
from monitor.core.breakers.breaker import Estimate, Measure

MILLIONTHS = 1_000_000


class LiquidationBacklog:
    """What waits on the venue."""

    trips_by_time = False  # what waits is told

    def __init__(self, settings: LiquidationBacklogSettings) -> None:
        """Begin without work."""
        self.counts = settings.limit_count is not None
        limit = settings.limit_count if self.counts else settings.limit_usd
        release = settings.release_count if self.counts else settings.release_usd
        assert limit is not None, "expected one limit"
        self.limit = float_setting(limit)
        self.release = self.limit if release is None else float_setting(release)
        self._waiting = 0

    def observe(self, count: int, notional_millionths: int) -> None:
        """Take what waits."""
        self._waiting = count if self.counts else notional_millionths

    def pass_time(self) -> None:
        """Do nothing: what waits is told."""

    def measure(self, now_ns: int) -> Measure:
        """Return what waits."""
        del now_ns
        value = Fraction(self._waiting, 1 if self.counts else MILLIONTHS)
        return Measure(value, self.limit, value > self.limit, value <= self.release)

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Keep what waits: it is told again only when it changes."""

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return None: time alone changes nothing."""
        return None

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {"waiting": self._waiting}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self._waiting = state["waiting"]
