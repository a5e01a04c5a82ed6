"""`mark_index_divergence`: a mark far from the index of its instrument.

measure = max(|high / index - 1|, |low / index - 1|), high and low of the newest mark; the first
pair of both has nothing before it. With an index of 100 a mark of 97 is 0.03 away.
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import exact_text, float_setting, to_fraction
from monitor.core.breaker_settings import MarkIndexDivergenceSettings
from monitor.core.breakers.breaker import Estimate, Measure


class MarkIndexDivergence:
    """The distance of one instrument's mark from its index; each holds until it is told anew."""

    trips_by_time = False

    def __init__(self, settings: MarkIndexDivergenceSettings) -> None:
        """Begin without prices."""
        release = settings.release_ratio
        self.limit = float_setting(settings.limit_ratio)
        self.release = self.limit if release is None else float_setting(release)
        self._mark: tuple[Fraction, Fraction, Fraction] | None = None  # price, high, low
        self._index: Fraction | None = None
        self._pairs = 0  # seen so far: 0, 1, or 2 for more

    def observe(self, now_ns: int, price: str, high: str | None, low: str | None) -> None:
        """Take one mark, with the extremes that were coalesced into it."""
        mark = to_fraction(price)
        highest = max(mark, to_fraction(high or price))
        self._mark = (mark, highest, min(mark, to_fraction(low or price)))
        self._count()

    def observe_index(self, price: str) -> None:
        """Take the exchange's price of the index."""
        self._index = to_fraction(price)
        self.pass_time()
        self._count()

    def _count(self) -> None:
        if self._mark is not None and self._index is not None:
            self._pairs = min(2, self._pairs + 1)

    def pass_time(self) -> None:
        """Count the newest mark by its price alone."""
        if self._mark is not None:
            self._mark = (self._mark[0],) * 3

    def measure(self, now_ns: int) -> Measure:
        """Return the distance, 0 until a second pair of mark and index."""
        distance = Fraction(0)
        if self._mark is not None and self._index is not None and self._pairs > 1:
            _, highest, lowest = self._mark
            distance = max(abs(highest / self._index - 1), abs(lowest / self._index - 1))
        return Measure(distance, self.limit, distance > self.limit, distance <= self.release)

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Keep the prices; by hand, the present pair counts as a first one."""
        self.pass_time()
        if by_hand:
            self._pairs = min(1, self._pairs)

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return None: only a price changes the distance."""
        return None

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {
            "mark": self._mark and [exact_text(price) for price in self._mark],
            "index": None if self._index is None else exact_text(self._index),
            "pairs": self._pairs,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        if state["mark"] is not None:
            mark, highest, lowest = (to_fraction(text) for text in state["mark"])
            self._mark = (mark, highest, lowest)
        self._index = None if state["index"] is None else to_fraction(state["index"])
        self._pairs = state["pairs"]
