"""`liquidation_rate`: how many liquidations began within a lookback, how large, of how much volume.

measure, of the last `lookback_s`, ends included: with `limit_count` the number of liquidations
that began; with `limit_usd` their notional at the mark; with `limit_volume_ratio` that / what was
traded, 0 while less than `volume_min_usd` was. Trades are kept in 60 steps of the lookback, each
counted as long as its beginning is inside. With three that began at 0, 4 and 9 s, a lookback of 5 s
counts 2 at 9 s; if each is of 40,000 USD, and 200,000 USD were traded, their share is 0.4.
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting
from monitor.core.breaker_settings import LiquidationRateSettings
from monitor.core.breakers.breaker import Measure
from monitor.core.breakers.windowed_sum import WindowedSum
from monitor.core.windows import SumWindow

ONE = Fraction(1)
STEPS = 60


class LiquidationRate(WindowedSum):
    """The liquidations of the venue, or of one instrument."""

    def __init__(self, settings: LiquidationRateSettings) -> None:
        """Begin without a liquidation."""
        self.counts = settings.limit_count is not None
        limit: float | None = settings.limit_volume_ratio
        release: float | None = settings.release_volume_ratio
        if settings.limit_count is not None:
            limit, release = settings.limit_count, settings.release_count
        elif settings.limit_usd is not None:
            limit, release = settings.limit_usd, settings.release_usd
        assert limit is not None, "expected one limit"
        super().__init__(
            settings.lookback_s,
            float_setting(limit),
            None if release is None else float_setting(release),
        )
        self.watches_volume = settings.limit_volume_ratio is not None
        self.trips_by_time = self.watches_volume  # trades may leave before liquidations
        self.traded = SumWindow(self.window.lookback_ns)
        self._step_ns = max(1, self.window.lookback_ns // STEPS)
        self._volume_min = float_setting(settings.volume_min_usd)

    def observe(self, now_ns: int, notional_usd: Fraction | None) -> None:
        """Take that a liquidation has begun; None: no price, its notional counts for nothing."""
        if self.counts:
            self.add(now_ns, ONE)
        elif notional_usd is not None:
            self.add(now_ns, notional_usd)

    def observe_trade(self, now_ns: int, notional_usd: Fraction) -> None:
        """Take a trade."""
        self.traded.move_to(now_ns)
        self.traded.add(now_ns - now_ns % self._step_ns, notional_usd)

    def measure(self, now_ns: int) -> Measure:
        """Return the count or the notional of the window, or its share of what was traded."""
        if not self.watches_volume:
            return super().measure(now_ns)
        self.window.move_to(now_ns)
        self.traded.move_to(now_ns)
        is_enough = self.traded.total > 0 and self.traded.total >= self._volume_min
        return self._against(self.window.total / self.traded.total if is_enough else Fraction(0))

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when the oldest liquidation or trade leaves the window."""
        times = [super().next_change_ns(now_ns)]
        if self.watches_volume:
            self.traded.move_to(now_ns)
            times.append(self.traded.next_expiry_ns)
        return min((time for time in times if time is not None), default=None)

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {**super().export_state(), "traded": self.traded.export_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        super().restore(state)
        self.traded.restore(state["traded"])
