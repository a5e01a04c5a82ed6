"""`shortfall`: what liquidations have left unpaid within a lookback, in USD.

measure = sum of the shortfalls of the last `lookback_s`, each valued when it was incurred. After
shortfalls of 40,000 and 70,000 inside the window it is 110,000.
"""

from fractions import Fraction

from monitor.core.amounts import float_setting
from monitor.core.breaker_settings import ShortfallSettings
from monitor.core.breakers.windowed_sum import WindowedSum


class ShortfallSum(WindowedSum):
    """The shortfalls of the venue, or of one instrument."""

    def __init__(self, settings: ShortfallSettings) -> None:
        """Begin without a shortfall."""
        release = settings.release_usd
        super().__init__(
            settings.lookback_s,
            float_setting(settings.limit_usd),
            None if release is None else float_setting(release),
        )

    def observe(self, now_ns: int, amount_usd: Fraction) -> None:
        """Take a shortfall (> 0)."""
        self.add(now_ns, amount_usd)
