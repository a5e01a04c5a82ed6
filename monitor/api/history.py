"""The past minutes for charts: one bounded column a line, a point each SAMPLE_INTERVAL_S.

A fresh console shows what happened before it was opened. Points are engine time; a point is
taken only when engine time has moved.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping

from monitor.api.records import HistoryRecord
from monitor.core.view import RiskView

SAMPLE_INTERVAL_S = 1.0
SAMPLES_KEPT = 900
SAMPLES_DROPPED_AT_ONCE = 60
RECENT_S = 300
INSTRUMENTS_CHARTED = 24
STATES = ("healthy", "margin_call", "liquidatable", "bankrupt", "unknown")


class Columns:
    """Named columns of one length: who comes late has null for the time before."""

    def __init__(self) -> None:
        self._columns: dict[str, list[float | None]] = {}

    def append(self, values: Mapping[str, float | None], *, length: int) -> None:
        """Add one value to each column, of which all have `length` so far."""
        for name in values:
            if name not in self._columns:
                self._columns[name] = [None] * length
        for name, column in self._columns.items():
            column.append(values.get(name))

    def drop(self, count: int) -> None:
        """Forget the oldest values."""
        for column in self._columns.values():
            del column[:count]

    def since(self, start: int) -> dict[str, list[float | None]]:
        """Return a copy of each column from a place on, by name."""
        return {name: self._columns[name][start:] for name in sorted(self._columns)}


class History:
    """The last SAMPLES_KEPT samples, as columns, and the highest balance of each fund."""

    def __init__(self) -> None:
        self._engine_ns: list[int] = []
        self._mark_price = Columns()
        self._open_interest_usd = Columns()
        self._fund_balance_usd = Columns()
        self._accounts = Columns()
        self._socialized_loss_usd: list[float] = []
        self._charted: set[str] = set()
        self._peaks_usd: dict[str, float] = {}
        self.last_number = 0

    def sample(self, view: RiskView) -> bool:
        """Take a sample of a view; return whether engine time had moved, so that it was kept."""
        for fund in view.funds:
            if fund.balance_usd is not None:
                peak = self._peaks_usd.get(fund.fund, -math.inf)
                self._peaks_usd[fund.fund] = max(peak, fund.balance_usd)
        if view.engine_ns <= (self._engine_ns[-1] if self._engine_ns else 0):
            return False
        self._chart_the_largest(view)
        self._append(view)
        if len(self._engine_ns) > SAMPLES_KEPT + SAMPLES_DROPPED_AT_ONCE:
            self._drop(SAMPLES_DROPPED_AT_ONCE)
        self.last_number += 1
        return True

    def peak_usd(self, fund: str) -> float | None:
        """Return the highest balance of a fund that was sampled."""
        return self._peaks_usd.get(fund)

    def recent_socialized_loss_usd(self, view: RiskView) -> float:
        """Return what was socialized in the last RECENT_S of engine time, as far as sampled."""
        place = bisect_left(self._engine_ns, view.engine_ns - RECENT_S * 1_000_000_000)
        if place == len(self._engine_ns):
            return 0.0
        return _socialized_loss_usd(view) - self._socialized_loss_usd[place]

    def after(self, number: int) -> HistoryRecord:
        """Return the samples with a higher number, oldest first: at most SAMPLES_KEPT."""
        count = min(SAMPLES_KEPT, max(0, self.last_number - number))
        start = max(0, len(self._engine_ns) - count)
        return HistoryRecord(
            seconds=[engine_ns / 1e9 for engine_ns in self._engine_ns[start:]],
            mark_price=self._mark_price.since(start),
            open_interest_usd=self._open_interest_usd.since(start),
            fund_balance_usd=self._fund_balance_usd.since(start),
            accounts=self._accounts.since(start),
        )

    def _append(self, view: RiskView) -> None:
        length = len(self._engine_ns)
        charted = [one for one in view.instruments if one.instrument in self._charted]
        self._engine_ns.append(view.engine_ns)
        self._socialized_loss_usd.append(_socialized_loss_usd(view))
        for columns, values in (
            (self._mark_price, {one.instrument: one.mark_price for one in charted}),
            (self._open_interest_usd, {one.instrument: one.open_interest_usd for one in charted}),
            (self._fund_balance_usd, {fund.fund: fund.balance_usd for fund in view.funds}),
            (self._accounts, {state: view.accounts.get(state, 0) for state in STATES}),
        ):
            columns.append(values, length=length)

    def _drop(self, count: int) -> None:
        del self._engine_ns[:count]
        del self._socialized_loss_usd[:count]
        for columns in (
            self._mark_price,
            self._open_interest_usd,
            self._fund_balance_usd,
            self._accounts,
        ):
            columns.drop(count)

    def _chart_the_largest(self, view: RiskView) -> None:
        """Choose what is charted: the largest instruments first; a choice is never taken back."""
        free = INSTRUMENTS_CHARTED - len(self._charted)
        if free > 0 and len(view.instruments) > len(self._charted):
            unseen = [one for one in view.instruments if one.instrument not in self._charted]
            unseen.sort(key=lambda one: (-(one.open_interest_usd or 0), one.instrument))
            self._charted.update(one.instrument for one in unseen[:free])


def _socialized_loss_usd(view: RiskView) -> float:
    return sum(fund.socialized_loss_usd for fund in view.funds)
