"""The past minutes for charts: one bounded column a line, a point each SAMPLE_INTERVAL_S.

A fresh console shows what happened before it was opened. Points are engine time; a point is
taken only when engine time has moved.
"""

import math
from collections import deque

from monitor.api.records import HistoryRecord
from monitor.core.view import RiskView

SAMPLE_INTERVAL_S = 1.0
SAMPLES_KEPT = 900
RECENT_S = 300
INSTRUMENTS_CHARTED = 24
STATES = ("healthy", "margin_call", "liquidatable", "bankrupt", "unknown")


class Sample:
    """The numbers of one moment that the charts show; `number` counts from 1."""

    def __init__(self, number: int, view: RiskView, charted: set[str]) -> None:
        self.number = number
        self.engine_ns = view.engine_ns
        instruments = [one for one in view.instruments if one.instrument in charted]
        self.mark_price = {one.instrument: one.mark_price for one in instruments}
        self.open_interest_usd = {one.instrument: one.open_interest_usd for one in instruments}
        self.fund_balance_usd = {fund.fund: fund.balance_usd for fund in view.funds}
        self.accounts = {state: view.accounts.get(state, 0) for state in STATES}
        self.socialized_loss_usd = sum(fund.socialized_loss_usd for fund in view.funds)


class History:
    """The last SAMPLES_KEPT samples and the highest balance of each fund."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=SAMPLES_KEPT)
        self._charted: set[str] = set()
        self._peaks_usd: dict[str, float] = {}
        self.last_number = 0

    def sample(self, view: RiskView) -> bool:
        """Take a sample of a view; return whether engine time had moved, so that it was kept."""
        for fund in view.funds:
            if fund.balance_usd is not None:
                peak = self._peaks_usd.get(fund.fund, -math.inf)
                self._peaks_usd[fund.fund] = max(peak, fund.balance_usd)
        newest_ns = self._samples[-1].engine_ns if self._samples else 0
        if view.engine_ns <= newest_ns:
            return False
        self._chart_the_largest(view)
        self.last_number += 1
        self._samples.append(Sample(self.last_number, view, self._charted))
        return True

    def peak_usd(self, fund: str) -> float | None:
        """Return the highest balance of a fund that was sampled."""
        return self._peaks_usd.get(fund)

    def recent_socialized_loss_usd(self, view: RiskView) -> float:
        """Return what was socialized in the last RECENT_S of engine time, as far as sampled."""
        now = sum(fund.socialized_loss_usd for fund in view.funds)
        since_ns = view.engine_ns - RECENT_S * 1_000_000_000
        before = next((one for one in self._samples if one.engine_ns >= since_ns), None)
        return now - before.socialized_loss_usd if before else 0.0

    def after(self, number: int) -> HistoryRecord:
        """Return the samples with a higher number, oldest first, as columns."""
        samples = [sample for sample in self._samples if sample.number > number]
        instruments = sorted(set().union(*(sample.mark_price for sample in samples)))
        funds = sorted(set().union(*(sample.fund_balance_usd for sample in samples)))
        return HistoryRecord(
            seconds=[sample.engine_ns / 1e9 for sample in samples],
            mark_price={
                name: [sample.mark_price.get(name) for sample in samples] for name in instruments
            },
            open_interest_usd={
                name: [sample.open_interest_usd.get(name) for sample in samples]
                for name in instruments
            },
            fund_balance_usd={
                name: [sample.fund_balance_usd.get(name) for sample in samples] for name in funds
            },
            accounts={state: [sample.accounts[state] for sample in samples] for state in STATES},
        )

    def _chart_the_largest(self, view: RiskView) -> None:
        """Choose what is charted: the largest instruments first; a choice is never taken back."""
        free = INSTRUMENTS_CHARTED - len(self._charted)
        if free > 0 and len(view.instruments) > len(self._charted):
            unseen = [one for one in view.instruments if one.instrument not in self._charted]
            unseen.sort(key=lambda one: (-(one.open_interest_usd or 0), one.instrument))
            self._charted.update(one.instrument for one in unseen[:free])
