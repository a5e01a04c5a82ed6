"""Aggregation and the stable price again, from their definitions: docs/model/oracles.md.

Slow and obvious: every price is kept, a median counts what lies on either side, the ring of delayed
prices is a list that is searched by time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from monitor.core.oracle_settings import StablePriceSettings

Weighted = Sequence[tuple[Fraction, Fraction]]


def weighted_median(values: Weighted) -> Fraction:
    """Return the middle of the set of points with at most half the weight strictly on each side."""
    half = sum(weight for _, weight in values) / Fraction(2)
    middle = [
        point
        for point, _ in values
        if sum(w for v, w in values if v < point) <= half
        and sum(w for v, w in values if v > point) <= half
    ]
    return (min(middle) + max(middle)) / 2


def median(values: Sequence[Fraction]) -> Fraction:
    """Return the weighted median with equal weights."""
    return weighted_median([(value, Fraction(1)) for value in values])


def time_mean(steps: Sequence[tuple[int, Fraction]], now_ns: int, lookback_ns: int) -> Fraction:
    """Return the mean of a step function over [now - lookback, now], over what is known of it."""
    area, known_ns = Fraction(0), 0
    ends = [begin for begin, _ in steps[1:]] + [now_ns]
    for (begin, value), end in zip(steps, ends, strict=True):
        inside = max(0, end - max(begin, now_ns - lookback_ns))
        area += value * inside
        known_ns += inside
    return area / known_ns if known_ns else steps[-1][1]


@dataclass
class StablePrice:
    """The stable price with every delayed price written down by the interval it belongs to."""

    settings: StablePriceSettings
    price: float
    updated_s: int
    delayed: dict[int, float] = field(default_factory=dict)  # by place in the ring
    place: int = 0
    taken: list[tuple[float, float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.delayed = dict.fromkeys(range(self.settings.delay_count), self.price)

    def update(self, now_s: int, price: float) -> None:
        """Take a price."""
        passed = now_s - self.updated_s
        if passed < 10:
            return
        counted = float(min(passed, 600))
        self.updated_s = now_s
        self.taken.append((price, counted, passed))
        count = self.settings.delay_count
        place = math.floor(now_s / self.settings.delay_s) % count
        if place != self.place:
            self._note_mean(place, whole=passed > count * self.settings.delay_s)
        delayed, before = self.delayed[place], self.price
        share = min(before / delayed, delayed / before)
        limit = self.settings.growth_ratio_per_s * share * share * counted
        self.price = sorted((before * (1 - limit), price, before * (1 + limit)))[1]

    def _note_mean(self, place: int, *, whole: bool) -> None:
        count = self.settings.delay_count
        area = 0.0
        for taken, counted, _ in self.taken:
            area += taken * counted
        mean = area / sum(passed for _, _, passed in self.taken)
        last = self.delayed[(self.place - 1) % count]
        growth = self.settings.delay_growth_ratio
        newest = sorted((last * (1 - growth), mean, last * (1 + growth)))[1]
        written = self.place
        while True:
            self.delayed[written] = newest
            written = (written + 1) % count
            if written == (self.place if whole else place):
                break
        self.taken, self.place = [], place
