"""The time-weighted mean of a price, in bounded memory whatever the number of reports."""

from collections import deque
from fractions import Fraction
from typing import Any

from monitor.core.amounts import exact_text, to_fraction

PARTS = 256  # the window slides by whole parts: the mean may reach back 1/256 further than asked


class TimeMean:
    """The mean that a price had over about the last `lookback_ns`, each price by its duration.

    While less is known, over what is known; a first price is its own mean. Prices that follow each
    other within 1/256 of the window are one part of it: at most 514 parts, O(1) amortized a price.
    """

    __slots__ = ("_area", "_parts", "current", "lookback_ns", "since_ns")

    def __init__(self, lookback_ns: int, now_ns: int, price: Fraction) -> None:
        """Begin at a first price."""
        self.lookback_ns = lookback_ns
        self.current, self.since_ns = price, now_ns
        self._parts: deque[tuple[int, int, Fraction]] = deque()  # from, until, price x time
        self._area = Fraction(0)

    def change(self, now_ns: int, price: Fraction) -> None:
        """Replace the price; a time before the last one counts as the last one."""
        now_ns = max(now_ns, self.since_ns)
        if now_ns > self.since_ns:
            self._add(self.since_ns, now_ns)
        self.current, self.since_ns = price, now_ns

    def _add(self, begin_ns: int, until_ns: int) -> None:
        area = self.current * (until_ns - begin_ns)
        self._area += area
        if self._parts and until_ns - self._parts[-1][0] < self.lookback_ns // PARTS:
            begin_ns, _, before = self._parts.pop()
            area += before
        self._parts.append((begin_ns, until_ns, area))
        while self._parts and self._parts[0][1] <= until_ns - self.lookback_ns:
            self._area -= self._parts.popleft()[2]

    def mean(self, now_ns: int) -> Fraction:
        """Return the mean of the window that ends now."""
        now_ns = max(now_ns, self.since_ns)
        start_ns = now_ns - self.lookback_ns
        first_ns = max(self.since_ns, start_ns)
        area = self.current * (now_ns - first_ns)
        past = self._area
        for begin_ns, until_ns, part in self._parts:
            if until_ns > start_ns:
                # The oldest part counts by the share of it that lies in the window.
                first_ns = max(begin_ns, start_ns)
                outside = Fraction(first_ns - begin_ns, until_ns - begin_ns)
                area += past - part * outside
                break
            past -= part
        return area / (now_ns - first_ns) if now_ns > first_ns else self.current

    def export_state(self) -> list[Any]:
        """Return everything as plain values."""
        parts = [[begin, until, exact_text(area)] for begin, until, area in self._parts]
        return [exact_text(self.current), self.since_ns, parts]

    @classmethod
    def from_state(cls, lookback_ns: int, state: list[Any]) -> "TimeMean":
        """Return the mean that `export_state` described; its window may have another length."""
        current, since_ns, parts = state
        found = cls(lookback_ns, since_ns, to_fraction(current))
        found._parts = deque((begin, until, to_fraction(text)) for begin, until, text in parts)
        found._area = sum((area for _, _, area in found._parts), Fraction(0))
        return found
