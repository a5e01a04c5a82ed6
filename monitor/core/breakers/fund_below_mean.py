"""`fund_below_mean`: a fund below its own mean of the last hours.

limit = mean - max(drop_ratio x mean, drop_min), the mean weighted by time over the last
`lookback_s` (over what is known of it at first); it trips when the balance is strictly below. A
fund that stood at 1,000 for 6 hours and at 700 for 2 has a mean of 925: with a `drop_ratio` of 0.3
its limit is 647.5.
"""

from fractions import Fraction
from math import ceil, floor
from typing import Any

from monitor.core.amounts import float_setting
from monitor.core.breaker_settings import FundBelowMeanSettings
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure
from monitor.core.windows import Area, MeanWindow


class FundBelowMean:
    """The balance of one fund against its mean."""

    trips_by_time = True  # the mean rises when lower balances leave the window

    def __init__(self, settings: FundBelowMeanSettings) -> None:
        """Begin without a report."""
        self.settings = settings
        self.kept_ratio = 1 - float_setting(settings.drop_ratio)
        self.drop_min = float_setting(settings.drop_min)
        self.lookback_ns = round(settings.lookback_s * SECOND_NS)
        self.window: MeanWindow | None = None

    def observe(self, now_ns: int, balance: Fraction, *, is_own_profit: bool) -> None:
        """Take the fund's balance."""
        if self.window is None:
            self.window = MeanWindow(self.lookback_ns, now_ns, balance)
        else:
            self.window.change(now_ns, balance)

    def pass_time(self) -> None:
        """Do nothing: a balance holds until the next one."""

    def measure(self, now_ns: int) -> Measure:
        """Return the balance and the lowest one that is not beyond."""
        if self.window is None:
            return Measure(Fraction(0), Fraction(0), is_beyond=False, is_back=True)
        balance, under = self.window.current, self.window.area(now_ns)
        mean = under.area / under.duration_ns if under.duration_ns else balance
        limit = min(self.kept_ratio * mean, mean - self.drop_min)
        return Measure(balance, limit, balance < limit, balance >= limit)

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Keep the mean: it is the definition. By hand, forget what was."""
        if by_hand and self.window is not None:
            self.window.restart(now_ns)

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when the balance may come to the other side of the limit, or the mean bends.

        Of area A and duration T it is beyond where kept_ratio x A > balance x T and A > (balance +
        drop_min) x T: two straight lines until the next bend.
        """
        if self.window is None:
            return None
        balance, under = self.window.current, self.window.area(now_ns)
        if under.until_ns is None:
            return None
        lines = (
            _line(under, self.kept_ratio, balance),
            _line(under, Fraction(1), balance + self.drop_min),
        )
        crossings = [now_ns + wait for line in lines if (wait := _crossing(*line)) is not None]
        return min([under.until_ns, *crossings])

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {"window": None if self.window is None else self.window.export_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        if state["window"] is not None:
            self.window = MeanWindow(self.lookback_ns, 0, Fraction(0))
            self.window.restore(state["window"])


def _line(under: Area, weight: Fraction, level: Fraction) -> tuple[Fraction, Fraction]:
    """Return weight x area - level x duration now, and what it grows by in a nanosecond."""
    value = weight * under.area - level * under.duration_ns
    return value, weight * under.area_slope - level * under.duration_slope


def _crossing(value: Fraction, slope: Fraction) -> int | None:
    """Return after how many nanoseconds (>= 1) a line begins or ceases to be > 0."""
    if value > 0 > slope:
        return ceil(-value / slope)
    if value <= 0 < slope:
        return floor(-value / slope) + 1
    return None
