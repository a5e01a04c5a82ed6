"""`fund_drawdown`: what a fund, or one instrument of it, has lost of the fund's highest balance.

measure = (peak of the profit - profit now) / highest balance, both over the last `lookback_s`.
Profit is what moved the balance but deposits, withdrawals, transfers and adjustments. With a
highest balance of 1,000, a profit that peaked at 50 and is at -260 now: 310 / 1,000 = 0.31.
Source: Bybit, "ADL alert" (profit against its 8 h peak, by the highest pool balance; 30 %, 25 %).
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting
from monitor.core.breaker_settings import FundDrawdownSettings
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure
from monitor.core.windows import MaximumWindow


class FundDrawdown:
    """The drawdown of one fund, or of what one instrument has made of it."""

    trips_by_time = True  # a higher balance may leave the window before the peak of the profit

    def __init__(self, settings: FundDrawdownSettings) -> None:
        """Begin without a report."""
        self.settings = settings
        release = settings.release_ratio
        self.limit = float_setting(settings.limit_ratio)
        self.release = self.limit if release is None else float_setting(release)
        self.balance_min = float_setting(settings.balance_min)
        lookback_ns = round(settings.lookback_s * SECOND_NS)
        self.profit = MaximumWindow(lookback_ns, Fraction(0))
        self.balance = MaximumWindow(lookback_ns, Fraction(0))
        self._is_known = False

    def observe(self, now_ns: int, balance: Fraction, *, is_own_profit: bool) -> None:
        """Take the fund's balance, and whether what moved it is profit of this scope."""
        change = balance - self.balance.current if self._is_known else Fraction(0)
        if is_own_profit and change:
            self.profit.change(now_ns, self.profit.current + change)
        self.balance.change(now_ns, balance)
        self._is_known = True

    def pass_time(self) -> None:
        """Do nothing: a balance holds until the next one."""

    def measure(self, now_ns: int) -> Measure:
        """Return the drawdown as a share of the highest balance."""
        self.profit.move_to(now_ns)
        self.balance.move_to(now_ns)
        highest = self.balance.maximum
        lost = self.profit.maximum - self.profit.current
        drawdown = lost / highest if highest > 0 else Fraction(0)
        is_above = self.balance.current > self.balance_min
        return Measure(
            drawdown, self.limit, drawdown > self.limit and is_above, drawdown < self.release
        )

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Keep the peak: it is the definition. By hand, forget what was."""
        if by_hand:
            self.profit.restart()
            self.balance.restart()

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when a peak leaves the window."""
        self.profit.move_to(now_ns)
        self.balance.move_to(now_ns)
        expiries = (self.profit.next_expiry_ns, self.balance.next_expiry_ns)
        return min((ns for ns in expiries if ns is not None), default=None)

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {
            "is_known": self._is_known,
            "profit": self.profit.export_state(),
            "balance": self.balance.export_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self._is_known = state["is_known"]
        self.profit.restore(state["profit"])
        self.balance.restore(state["balance"])
