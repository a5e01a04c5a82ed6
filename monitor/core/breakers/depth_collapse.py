"""`depth_collapse`: how much can be traded near the mid of a visible book.

depth = what is offered within `within_ratio` of the mid (best bid + best ask) / 2, ends included,
on the thinner side, in USD, to the millionth; 0 if a side is empty. measure = depth (`limit_usd`),
or depth / its time-weighted mean of the last `lookback_s` until then (`limit_ratio`); trips
strictly below. A side of 50 levels, all of them near, may go on unseen: such a book counts only
where it is deep enough. Bids of 10 at 99.5 and 20 at 98, asks of 8 at 100.5, within 1 % of 100:
995 and 804, so the depth is 804.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting
from monitor.core.breaker_settings import DepthCollapseSettings
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure
from monitor.core.windows import MeanWindow

ZERO, ONE = Fraction(0), Fraction(1)
LEVELS_MAX = 50  # of a side, as a book is told
MILLION = 1_000_000
Level = tuple[Fraction, Fraction]  # price, what it offers in USD


def depth_of(
    bids: Sequence[Level], asks: Sequence[Level], within: Fraction
) -> tuple[Fraction, bool]:
    """Return the depth of the thinner side to the millionth, and whether all of it is seen."""
    if not bids or not asks:
        return ZERO, True
    middle = (max(bids)[0] + min(asks)[0]) / 2
    found = []
    for side in (bids, asks):
        near = [worth for price, worth in side if abs(price - middle) <= middle * within]
        found.append((sum(near, ZERO), len(near) < LEVELS_MAX))
    depth, is_whole = min(found)
    return Fraction(int(depth * MILLION), MILLION), is_whole


class DepthCollapse:
    """The visible book of one instrument."""

    trips_by_time = False  # a book holds until the next one

    def __init__(self, settings: DepthCollapseSettings) -> None:
        """Begin without a book."""
        self.is_relative = settings.limit_ratio is not None
        limit = settings.limit_ratio if self.is_relative else settings.limit_usd
        release = settings.release_ratio if self.is_relative else settings.release_usd
        assert limit is not None, "expected one limit"
        self.limit = float_setting(limit)
        self.release = self.limit if release is None else float_setting(release)
        self.within = float_setting(settings.within_ratio)
        self._lookback_ns = round(settings.lookback_s * SECOND_NS)
        self._mean: MeanWindow | None = None
        self._value = self.release  # neither below nor above: nothing is known

    def observe(self, now_ns: int, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Take a whole book: levels with something on them."""
        depth, is_whole = depth_of(bids, asks, self.within)
        known = depth
        if self.is_relative:
            mean = self._mean_before(now_ns)
            known = depth / mean if mean else ONE
        if is_whole or known >= self.limit:
            self._value = known
            self._keep(now_ns, depth)

    def _mean_before(self, now_ns: int) -> Fraction | None:
        """Return the mean of the depth until now, None where nothing was known, or no depth."""
        if self._mean is None:
            return None
        area = self._mean.area(now_ns)
        mean = area.area / area.duration_ns if area.duration_ns else self._mean.current
        return mean or None

    def _keep(self, now_ns: int, depth: Fraction) -> None:
        if not self.is_relative:
            return
        if self._mean is None:
            self._mean = MeanWindow(self._lookback_ns, now_ns, depth)
        else:
            self._mean.change(now_ns, depth)

    def pass_time(self) -> None:
        """Do nothing: a book holds until the next one."""

    def measure(self, now_ns: int) -> Measure:
        """Return the depth of the newest book that counts."""
        del now_ns
        return Measure(
            self._value, self.limit, self._value < self.limit, self._value >= self.release
        )

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Keep what was seen; by hand, the present depth is the only reference."""
        if by_hand and self._mean is not None:
            self._mean.restart(now_ns)
            self._value = max(self._value, ONE)

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return None: time alone changes nothing."""
        return None

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {
            "value": str(self._value),
            "mean": None if self._mean is None else self._mean.export_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self._value = Fraction(state["value"])
        if state["mean"] is not None:
            self._mean = MeanWindow(self._lookback_ns, 0, ZERO)
            self._mean.restore(state["mean"])
