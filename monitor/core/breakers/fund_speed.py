"""`fund_speed`: how soon a fund is empty at its present pace of loss.

measure = balance / (what was lost in the last `lookback_s` / lookback_s), in seconds; at most
1,000,000,000, which also stands for a fund that loses nothing. Deposits, withdrawals, transfers
and adjustments are no loss. A fund of 900 that lost 100 in the last hour is empty in 9 hours.
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import exact_text, float_setting, to_fraction
from monitor.core.breaker_settings import FundSpeedSettings
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure
from monitor.core.windows import SumWindow

LONGEST_S = Fraction(1_000_000_000)


class FundSpeed:
    """The balance of one fund against its pace of loss."""

    trips_by_time = True  # a gain may leave the window before a loss

    def __init__(self, settings: FundSpeedSettings) -> None:
        """Begin without a report."""
        self.limit = float_setting(settings.limit_s)
        self.lookback_s = float_setting(settings.lookback_s)
        self.profit = SumWindow(round(settings.lookback_s * SECOND_NS))
        self._balance: Fraction | None = None

    def observe(self, now_ns: int, balance: Fraction, *, is_own_profit: bool) -> None:
        """Take the fund's balance, and whether what moved it is profit."""
        self.profit.move_to(now_ns)
        if is_own_profit and self._balance is not None and balance != self._balance:
            self.profit.add(now_ns, balance - self._balance)
        self._balance = balance

    def pass_time(self) -> None:
        """Do nothing: a balance holds until the next one."""

    def measure(self, now_ns: int) -> Measure:
        """Return after how many seconds the fund is empty."""
        self.profit.move_to(now_ns)
        left_s, lost = LONGEST_S, -self.profit.total
        if self._balance is not None and lost > 0:
            left_s = min(LONGEST_S, max(Fraction(0), self._balance * self.lookback_s / lost))
        return Measure(left_s, self.limit, left_s < self.limit, left_s >= self.limit)

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Keep the pace: it is the definition. By hand, forget what was."""
        if by_hand:
            self.profit.restart()

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when the oldest gain or loss leaves the window."""
        self.profit.move_to(now_ns)
        return self.profit.next_expiry_ns

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        balance = None if self._balance is None else exact_text(self._balance)
        return {"balance": balance, "profit": self.profit.export_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self._balance = None if state["balance"] is None else to_fraction(state["balance"])
        self.profit.restore(state["profit"])
