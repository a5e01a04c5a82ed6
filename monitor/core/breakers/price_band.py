"""`price_band`: a mark far from the mean of the marks before it.

distance = max(high now / mean - 1, 1 - low now / mean), the mean of the marks of the last
`lookback_s` before the newest one, each counted once; a first mark has nothing to be measured
against. After marks of 100, 101 and 102 the mean is 101: a mark of 111.1 is 0.1 away.
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import exact_text, float_setting, to_fraction
from monitor.core.breaker_settings import PriceBandSettings
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure
from monitor.core.windows import PointMeanWindow

Newest = tuple[int, Fraction, Fraction, Fraction]  # event_ns, mark, its high, its low


class PriceBand:
    """The distance of one instrument's mark from its own mean."""

    trips_by_time = False  # a mark is measured against what was before it

    def __init__(self, settings: PriceBandSettings) -> None:
        """Begin without a price."""
        release = settings.release_ratio
        self.limit = float_setting(settings.limit_ratio)
        self.release = self.limit if release is None else float_setting(release)
        self.lookback_ns = round(settings.lookback_s * SECOND_NS)
        self.window = PointMeanWindow(self.lookback_ns)
        self._newest: Newest | None = None
        self._mean: tuple[int, int] | None = None  # of the marks before it: numerator, denominator

    def observe(self, now_ns: int, price: str, high: str | None, low: str | None) -> None:
        """Take one mark, with the extremes that were coalesced into it."""
        self.window.move_to(now_ns)
        mean = self.window.mean
        self._mean = None if mean is None else (mean.numerator, mean.denominator)
        mark = to_fraction(price)
        highest = max(mark, to_fraction(high or price))
        lowest = min(mark, to_fraction(low or price))
        self._newest = (now_ns, mark, highest, lowest)
        self.window.add(now_ns, mark)

    def pass_time(self) -> None:
        """Count the newest mark by its price alone."""
        if self._newest is not None:
            now_ns, mark, _, _ = self._newest
            self._newest = (now_ns, mark, mark, mark)

    def measure(self, now_ns: int) -> Measure:
        """Return the distance of the newest mark from the mean before it.

        0 without marks before it, and when the newest one has left the lookback itself.
        """
        distance = Fraction(0)
        if self._newest is not None and self._mean is not None:
            told_ns, _, highest, lowest = self._newest
            if now_ns <= told_ns + self.lookback_ns:
                mean = Fraction(*self._mean)
                distance = max(highest / mean - 1, 1 - lowest / mean)
        return Measure(distance, self.limit, distance > self.limit, distance <= self.release)

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Measure from the present mark on."""
        self.window.restart()
        self._mean = None
        if self._newest is not None:
            _, mark, _, _ = self._newest
            self._newest = (now_ns, mark, mark, mark)
            self.window.add(now_ns, mark)

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when the newest mark leaves the lookback."""
        return None if self._newest is None else self._newest[0] + self.lookback_ns + 1

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        newest = self._newest
        return {
            "window": self.window.export_state(),
            "newest": newest and [newest[0], *(exact_text(price) for price in newest[1:])],
            "mean": self._mean and [str(part) for part in self._mean],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.window.restore(state["window"])
        if state["newest"] is not None:
            told_ns, *prices = state["newest"]
            mark, highest, lowest = (to_fraction(text) for text in prices)
            self._newest = (told_ns, mark, highest, lowest)
        if state["mean"] is not None:
            numerator, denominator = (int(part) for part in state["mean"])
            self._mean = (numerator, denominator)
