"""Unjustified: a liquidation of a unit that was healthy at every mark near its start.

The evidence is bounded: the lowest and the highest mark seen within the tolerance and the present
one, each with the unit's exact equity and requirement at it, every other price held.
"""

from collections import deque
from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting, rounded_text, to_fraction
from monitor.core.decisions import Decision, LiquidationUnjustified, MarkSeen
from monitor.core.events import LiquidationStarted, MarkPriceChanged
from monitor.core.liquidation_watch.waits import (
    DUE_STATES,
    SECOND_NS,
    UnitKey,
    key_from,
    key_of,
    order_of,
)
from monitor.core.margin.book import MarginRules, MarginUnit
from monitor.core.margin.exact import UnitTotals
from monitor.core.margin.prices import liquidation_price
from monitor.core.margin.totals import unit_totals
from monitor.core.market import Market, Quote
from monitor.core.settings import LiquidationWatchSettings
from monitor.core.windows import ExtremesWindow

SEEN_MAX_S = 60.0  # marks that are older are no evidence, whatever the tolerance in time


class Justification:
    """Which units were liquidatable a moment ago, and which marks were seen."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.left: dict[UnitKey, int] = {}  # when a unit ceased to be liquidatable, a moment ago
        self._leavers: deque[tuple[int, UnitKey]] = deque()
        self._marks: dict[str, ExtremesWindow] = {}
        self._beyond: Fraction | None = None
        self._grace_ns = self._lookback_ns = 0

    def use(self, settings: LiquidationWatchSettings) -> None:
        """Take settings; marks seen over another window are forgotten."""
        beyond, lookback_ns = settings.unjustified_beyond_ratio, self._lookback_ns
        self._beyond = None if beyond is None else float_setting(beyond)
        self._grace_ns = round(settings.unjustified_beyond_s * SECOND_NS)
        self._lookback_ns = round(min(settings.unjustified_beyond_s, SEEN_MAX_S) * SECOND_NS)
        if self._beyond is None or self._lookback_ns != lookback_ns:
            self._marks.clear()

    def leave(self, key: UnitKey, now_ns: int) -> None:
        """Remember for a moment that a unit was liquidatable."""
        self.left[key] = now_ns
        self._leavers.append((now_ns, key))
        while self._leavers and self._leavers[0][0] < now_ns - self._grace_ns:
            left_ns, gone = self._leavers.popleft()
            if self.left.get(gone) == left_ns:
                del self.left[gone]

    def note_mark(self, event: MarkPriceChanged, now_ns: int) -> None:
        """See a mark, and the extremes of those that it stands for."""
        if self._beyond is None:
            return
        window = self._marks.get(event.instrument)
        if window is None:
            window = self._marks[event.instrument] = ExtremesWindow(self._lookback_ns)
        window.move_to(now_ns)
        for price in (event.high, event.low, event.price):
            if price is not None:
                window.add(now_ns, price)

    def forget_instrument(self, instrument: str) -> None:
        """Forget the marks of a delisted instrument."""
        self._marks.pop(instrument, None)

    def started(
        self,
        event: LiquidationStarted,
        unit: MarginUnit,
        terms: tuple[Market, MarginRules],
        now_ns: int,
    ) -> list[Decision]:
        """Take the start of a liquidation, before its step is judged."""
        left_ns = self.left.get(key_of(unit))
        if self._beyond is None or unit.state in (*DUE_STATES, "unknown"):
            return []
        if left_ns is not None and now_ns - left_ns <= self._grace_ns:
            return []
        market, rules = terms
        quote = market.marks.get(event.instrument)
        totals = unit_totals(unit, market, rules)
        if quote is None or totals is None:
            return []
        position = unit.account.position((event.instrument, event.leg))
        price = None
        if position is not None and position.size:
            price = liquidation_price(unit, position, totals, market, rules)
        seen = self._seen(event.instrument, quote, now_ns)
        low, high = to_fraction(seen[0]), to_fraction(seen[-1])
        if price is not None and low * (1 - self._beyond) <= price <= high * (1 + self._beyond):
            return []
        at = [(text, _at(text, unit, terms, event.instrument)) for text in dict.fromkeys(seen)]
        if any(_is_due(found, rules) for _, found in at):
            return []
        nearest = "at no mark" if price is None else f"at a mark of {rounded_text(price)}"
        return [
            LiquidationUnjustified(
                event_ns=now_ns,
                rule="liquidation_watch",
                suspect=unit.account.is_suspect,
                account=event.account,
                instrument=event.instrument,
                leg=event.leg,
                liquidation_id=event.liquidation_id,
                reason=f"{unit.state} at a mark of {quote.text}; liquidatable {nearest}",
                evidence=[
                    MarkSeen(
                        mark_price=text,
                        equity=rounded_text(found.equity),
                        maintenance_margin=rounded_text(found.maintenance_margin),
                    )
                    for text, found in at
                ],
            )
        ]

    def _seen(self, instrument: str, quote: Quote, now_ns: int) -> list[str]:
        """Return the lowest mark seen, the present one and the highest."""
        low = high = quote.text
        window = self._marks.get(instrument)
        if window is not None:
            window.move_to(now_ns)
            if window.next_expiry_ns is not None:
                low = min(low, window.low, key=to_fraction)
                high = max(high, window.high, key=to_fraction)
        return [low, quote.text, high]

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order."""
        return {
            "left": [[*key, left_ns] for key, left_ns in sorted(self.left.items(), key=order_of)],
            "lookback_ns": self._lookback_ns,
            "marks": [[name, self._marks[name].export_state()] for name in sorted(self._marks)],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        for account, position, left_ns in state["left"]:
            self.left[key_from(account, position)] = left_ns
        self._leavers = deque(
            sorted(((ns, key) for key, ns in self.left.items()), key=lambda pair: pair[0])
        )
        if self._beyond is not None and state["lookback_ns"] == self._lookback_ns:
            for name, told in state["marks"]:
                self._marks[name] = ExtremesWindow(self._lookback_ns)
                self._marks[name].restore(told)


def _at(
    text: str, unit: MarginUnit, terms: tuple[Market, MarginRules], instrument: str
) -> UnitTotals:
    """Return a unit's totals at another mark of one instrument."""
    market, rules = terms
    present = market.marks[instrument]
    market.marks[instrument] = Quote(text, present.event_ns)
    try:
        totals = unit_totals(unit, market, rules)
    finally:
        market.marks[instrument] = present
    assert totals is not None, "known at the present mark"
    return totals


def _is_due(totals: UnitTotals, rules: MarginRules) -> bool:
    return (
        rules.state(totals.equity, totals.maintenance_margin, has_position=totals.has_position)
        in DUE_STATES
    )
