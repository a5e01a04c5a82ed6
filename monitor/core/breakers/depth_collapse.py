"""`depth_collapse`: how much can be traded near the mid of a visible book.

depth = what is offered within `within_ratio` of the mid (best bid + best ask) / 2, ends included,
on the thinner side, in USD, to the millionth; 0 if a side is empty. measure = depth (`limit_usd`),
or depth / its time-weighted mean of the last `lookback_s` until then (`limit_ratio`); trips
strictly below. A side of 50 levels, all of them near, may go on unseen: such a book counts only
where it is deep enough. Bids of 10 at 99.5 and 20 at 98, asks of 8 at 100.5, within 1 % of 100:
995 and 804, so the depth is 804.
"""

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from monitor.core.amounts import float_setting
from monitor.core.breaker_settings import DepthCollapseSettings
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure
from monitor.core.windows import MeanWindow

ZERO, ONE, TWO = Fraction(0), Fraction(1), Decimal(2)
LEVELS_MAX = 50  # of a side, as a book is told
MILLION = 1_000_000
Level = tuple[Decimal, Decimal]  # price, contracts
EXACT = Context(prec=80)  # sums of products of 36 digits each


class Book(NamedTuple):
    """A whole visible book, its levels with something on them.

    `unit_usd`: what a contract is worth per 1 of price; of an inverse one at a price of 1.
    """

    bids: Sequence[Level]
    asks: Sequence[Level]
    unit_usd: Fraction
    is_inverse: bool = False


def depth_of(book: Book, within: Decimal) -> tuple[Fraction, bool]:
    """Return the depth of the thinner side to the millionth, and whether all of it is seen.

    Inverse contracts are valued at the mid, all others at the price of their level.
    """
    if not book.bids or not book.asks:
        return ZERO, True
    best = max(price for price, _ in book.bids), min(price for price, _ in book.asks)
    middle = EXACT.divide(EXACT.add(*best), TWO)
    reach = EXACT.multiply(middle, within)
    low, high = EXACT.subtract(middle, reach), EXACT.add(middle, reach)
    found = []
    for side in (book.bids, book.asks):
        total, count = Decimal(0), 0
        for price, contracts in side:
            if low <= price <= high:
                count += 1
                worth = contracts if book.is_inverse else EXACT.multiply(price, contracts)
                total = EXACT.add(total, worth)
        found.append((Fraction(total), count < LEVELS_MAX))
    depth, is_whole = min(found)
    usd = depth * book.unit_usd / (Fraction(middle) if book.is_inverse else 1)
    return Fraction(int(usd * MILLION), MILLION), is_whole


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
        self.within = Decimal(str(settings.within_ratio))
        self._lookback_ns = round(settings.lookback_s * SECOND_NS)
        self._mean: MeanWindow | None = None
        self._value = self.release  # neither below nor above: nothing is known

    def observe(self, now_ns: int, book: Book) -> None:
        """Take a whole book."""
        depth, is_whole = depth_of(book, self.within)
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
