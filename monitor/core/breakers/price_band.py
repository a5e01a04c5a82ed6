"""`price_band`: a mark far from the mean of the marks before it.

distance = max(high now / mean - 1, 1 - low now / mean), the mean of the marks of the last
`lookback_s` before the newest one, each counted once; a first mark has nothing to be measured
against. After marks of 100, 101 and 102 the mean is 101: a mark of 111.1 is 0.1 away.
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import exact_text, float_setting, to_fraction
from monitor.core.breaker_settings import PriceBandSettings
from monitor.core.breakers.breaker import ESTIMATE_BAND, SECOND_NS, Estimate, Measure
from monitor.core.windows import PointMeanWindow

Newest = tuple[int, str, str, str]  # event_ns, mark, its high, its low


class PriceBand:
    """The distance of one instrument's mark from its own mean."""

    trips_by_time = False  # a mark is measured against what was before it

    def __init__(self, settings: PriceBandSettings) -> None:
        """Begin without a price."""
        release = settings.release_ratio
        self.limit = float_setting(settings.limit_ratio)
        self.release = self.limit if release is None else float_setting(release)
        self._limit_number = settings.limit_ratio
        self._clear = settings.limit_ratio * (1 - ESTIMATE_BAND)
        self.lookback_ns = round(settings.lookback_s * SECOND_NS)
        self.window = PointMeanWindow(self.lookback_ns)
        self._newest: Newest | None = None
        self._mean: tuple[int, int] | None = None  # of the marks before it: numerator, denominator

    def observe(self, now_ns: int, price: str, high: str | None, low: str | None) -> None:
        """Take one mark, with the extremes that were coalesced into it."""
        self.window.move_to(now_ns)
        self._mean = self.window.mean
        highest = lowest = price
        if high is not None:
            highest = max(price, high, key=to_fraction)
        if low is not None:
            lowest = min(price, low, key=to_fraction)
        self._newest = (now_ns, price, highest, lowest)
        self.window.add(now_ns, price)

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
                distance = max(to_fraction(highest) / mean - 1, 1 - to_fraction(lowest) / mean)
        return Measure(distance, self.limit, distance > self.limit, distance <= self.release)

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        distance = 0.0
        if self._newest is not None and self._mean is not None:
            told_ns, _, highest, lowest = self._newest
            if now_ns <= told_ns + self.lookback_ns:
                mean = self._mean[0] / self._mean[1]
                distance = max(float(highest) / mean - 1.0, 1.0 - float(lowest) / mean)
        return Estimate(distance, self._limit_number, distance < self._clear)

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
        mean = None if self._mean is None else Fraction(*self._mean)
        return {
            "window": self.window.export_state(),
            "newest": newest
            and [newest[0], *(exact_text(to_fraction(text)) for text in newest[1:])],
            "mean": None if mean is None else [str(mean.numerator), str(mean.denominator)],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.window.restore(state["window"])
        if state["newest"] is not None:
            told_ns, mark, highest, lowest = state["newest"]
            self._newest = (told_ns, mark, highest, lowest)
        if state["mean"] is not None:
            numerator, denominator = (int(part) for part in state["mean"])
            self._mean = (numerator, denominator)
