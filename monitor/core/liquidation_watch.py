"""Is the exchange's liquidation engine doing its job: overdue, unjustified and mispriced ones.

Each check compares what the exchange did with our own margin state. Every check is off until its
limit is configured; docs/model/liquidation_watch.md.
"""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from monitor.core.amounts import float_setting, rounded_text, to_fraction
from monitor.core.decisions import (
    Decision,
    LiquidationDecision,
    LiquidationMispriced,
    LiquidationOverdue,
    LiquidationUnjustified,
    State,
)
from monitor.core.events import Leg, LiquidationFilled, LiquidationStarted
from monitor.core.ledger import PositionKey
from monitor.core.liquidation import Liquidation
from monitor.core.margin.book import DUE_STATES, MarginRules, MarginUnit
from monitor.core.margin.prices import liquidation_price
from monitor.core.margin.totals import unit_totals
from monitor.core.market import Market
from monitor.core.settings import LiquidationWatchSettings

SECOND_NS = 1_000_000_000
UnitKey = tuple[str, PositionKey | None]  # account, and the position of an isolated unit
Timer = tuple[int, str, UnitKey]  # due_ns, name, unit


@dataclass(slots=True)
class Wait:
    """A unit that is liquidatable: since when, when it is looked at, and whether it is overdue."""

    since_ns: int
    due_ns: int
    overdue: bool = False


class LiquidationWatch:
    """What the exchange's liquidations are held to; one for all shards."""

    def __init__(self, settings: LiquidationWatchSettings) -> None:
        """Begin with nothing to watch."""
        self.waits: dict[UnitKey, Wait] = {}
        self.left: dict[UnitKey, int] = {}  # when a unit ceased to be liquidatable, a moment ago
        self._leavers: deque[tuple[int, UnitKey]] = deque()
        self._timers: list[Timer] = []
        self.overdue_count = 0
        self.use(settings)

    def use(self, settings: LiquidationWatchSettings) -> None:
        """Take settings; what waits is due by the new limit, nothing is overdue without one."""
        self.settings = settings
        overdue_s = settings.overdue_after_s
        self._overdue_ns = None if overdue_s is None else round(overdue_s * SECOND_NS)
        self._grace_ns = round(settings.unjustified_beyond_s * SECOND_NS)
        self._timers.clear()
        for key, wait in self.waits.items():
            if self._overdue_ns is None:
                self._set(wait, overdue=False)
            self._look_later(key, wait, wait.since_ns)

    # --- overdue --------------------------------------------------------------------------

    def follow(self, key: UnitKey, state: State, now_ns: int) -> None:
        """Take a change of a unit's known state."""
        if state in DUE_STATES:
            if key not in self.waits:
                self._wait(key, now_ns)
        elif key in self.waits:
            self._forget(key)
            self._leave(key, now_ns)

    def _wait(self, key: UnitKey, now_ns: int) -> None:
        """Wait for the liquidation of a unit from now on."""
        self._forget(key)
        wait = self.waits[key] = Wait(now_ns, now_ns)
        self._look_later(key, wait, now_ns)

    def _look_later(self, key: UnitKey, wait: Wait, from_ns: int) -> None:
        if self._overdue_ns is not None:
            wait.due_ns = from_ns + max(1, self._overdue_ns)
            heapq.heappush(self._timers, (wait.due_ns, _timer_name(key), key))

    def _set(self, wait: Wait, *, overdue: bool) -> None:
        self.overdue_count += overdue - wait.overdue
        wait.overdue = overdue

    def _forget(self, key: UnitKey) -> None:
        wait = self.waits.pop(key, None)
        if wait is not None:
            self._set(wait, overdue=False)

    def forget_account(self, account: str) -> None:
        """Forget the units of an account that is closed."""
        for key in [key for key in self.waits if key[0] == account]:
            self._forget(key)

    def _leave(self, key: UnitKey, now_ns: int) -> None:
        """Remember for a moment that a unit was liquidatable."""
        self.left[key] = now_ns
        self._leavers.append((now_ns, key))
        while self._leavers and self._leavers[0][0] < now_ns - self._grace_ns:
            left_ns, gone = self._leavers.popleft()
            if self.left.get(gone) == left_ns:
                del self.left[gone]

    def finished(self, key: UnitKey, now_ns: int) -> None:
        """Take the end of a unit's last open liquidation: if still liquidatable it waits anew."""
        if key in self.waits:
            self._wait(key, now_ns)

    def next_timer(self) -> Timer | None:
        """Return the first time at which a unit may be overdue."""
        while self._timers:
            due_ns, _, key = self._timers[0]
            wait = self.waits.get(key)
            if wait is not None and wait.due_ns == due_ns:
                return self._timers[0]
            heapq.heappop(self._timers)  # outdated
        return None

    def fire(self, key: UnitKey, unit: MarginUnit | None, now_ns: int) -> list[Decision]:
        """Look at a unit that is due (None: it is gone), and again after the same time."""
        wait = self.waits[key]
        if unit is None:
            self._forget(key)
            return []
        self._look_later(key, wait, now_ns)
        if unit.state == "unknown":
            return []
        was_overdue = wait.overdue
        self._set(wait, overdue=bool(unit.positions()) and not unit.liquidations)
        return [_overdue(wait, unit, now_ns)] if wait.overdue and not was_overdue else []

    def standing(self, find: Callable[[UnitKey], MarginUnit | None], now_ns: int) -> list[Decision]:
        """Return the decisions about all units that are overdue now."""
        units = [
            (wait, find(key))
            for key, wait in sorted(self.waits.items(), key=_order)
            if wait.overdue
        ]
        return [_overdue(wait, unit, now_ns) for wait, unit in units if unit is not None]

    # --- unjustified ----------------------------------------------------------------------

    def started(
        self,
        event: LiquidationStarted,
        unit: MarginUnit,
        terms: tuple[Market, MarginRules],
        now_ns: int,
    ) -> list[Decision]:
        """Take the start of a liquidation, before its step is judged."""
        key = unit.account.name, unit.key
        if key in self.waits:
            self._set(self.waits[key], overdue=False)
        beyond, left_ns = self.settings.unjustified_beyond_ratio, self.left.get(key)
        if beyond is None or unit.state in (*DUE_STATES, "unknown"):
            return []
        if left_ns is not None and now_ns - left_ns <= self._grace_ns:
            return []
        market, rules = terms
        position = unit.account.position((event.instrument, event.leg))
        quote = market.marks.get(event.instrument)
        totals = unit_totals(unit, market, rules)
        if quote is None or totals is None:
            return []
        price = None
        if position is not None and position.size:
            price = liquidation_price(unit, position, totals, market, rules)
        if price is not None and abs(price / quote.exact - 1) <= float_setting(beyond):
            return []
        nearest = "at no mark" if price is None else f"at a mark of {rounded_text(price)}"
        reason = f"{unit.state} at a mark of {quote.text}; liquidatable {nearest}"
        return [_about(LiquidationUnjustified, event, unit, reason, now_ns)]

    # --- mispriced ------------------------------------------------------------------------

    def filled(
        self, event: LiquidationFilled, unit: MarginUnit, liquidation: Liquidation, now_ns: int
    ) -> list[Decision]:
        """Take a fill; of one liquidation the first that is mispriced is told."""
        assert event.price is not None
        name = self.settings.fill_limit
        limit = {
            "none": None,
            "bankruptcy_price": liquidation.bankruptcy_price,
            "fillable_price": liquidation.fillable_price,
        }[name]
        if limit is None or liquidation.mispriced:
            return []
        price, buys = to_fraction(event.price), to_fraction(event.size) > 0
        if not (price > limit if buys else price < limit):
            return []
        liquidation.mispriced = True
        side = "at most" if buys else "at least"
        reason = f"filled at {event.price}; {name} when it began: {side} {rounded_text(limit)}"
        return [_about(LiquidationMispriced, event, unit, reason, now_ns)]

    # --- state ----------------------------------------------------------------------------

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order."""
        return {
            "waits": [
                [*key, wait.since_ns, wait.due_ns, wait.overdue]
                for key, wait in sorted(self.waits.items(), key=_order)
            ],
            "left": [[*key, left_ns] for key, left_ns in sorted(self.left.items(), key=_order)],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        for account, position, since_ns, due_ns, overdue in state["waits"]:
            key = _key(account, position)
            wait = self.waits[key] = Wait(since_ns, due_ns)
            self._set(wait, overdue=overdue)
            if self._overdue_ns is not None:
                heapq.heappush(self._timers, (due_ns, _timer_name(key), key))
        for account, position, left_ns in state["left"]:
            self.left[_key(account, position)] = left_ns
        self._leavers = deque(
            sorted(((ns, key) for key, ns in self.left.items()), key=lambda pair: pair[0])
        )


def _key(account: str, position: Sequence[str] | None) -> UnitKey:
    return account, None if position is None else (position[0], position[1])


def _order(item: tuple[UnitKey, object]) -> tuple[str, PositionKey]:
    (account, position), _ = item
    return account, position or ("", "")


def _timer_name(key: UnitKey) -> str:
    return "overdue:" + ":".join((key[0], *(key[1] or ())))


def _overdue(wait: Wait, unit: MarginUnit, now_ns: int) -> Decision:
    waited_s = rounded_text(Fraction(now_ns - wait.since_ns, SECOND_NS))
    return LiquidationOverdue(
        event_ns=now_ns,
        rule="liquidation_watch",
        suspect=unit.account.is_suspect,
        account=unit.account.name,
        instrument=None if unit.key is None else unit.key[0],
        leg=None if unit.key is None else cast("Leg", unit.key[1]),
        liquidation_id=None,
        reason=f"{unit.state} for {waited_s} s and no liquidation is under way",
    )


def _about(
    kind: type[LiquidationDecision],
    event: LiquidationStarted | LiquidationFilled,
    unit: MarginUnit,
    reason: str,
    now_ns: int,
) -> Decision:
    return kind(
        event_ns=now_ns,
        rule="liquidation_watch",
        suspect=unit.account.is_suspect,
        account=event.account,
        instrument=event.instrument,
        leg=event.leg,
        liquidation_id=event.liquidation_id,
        reason=reason,
    )
