"""The end of a liquidation: was it enough, was it too much, and did its fees bankrupt the account.

What is judged as the account stands afterwards waits `incomplete_after_s`: position and balance
arrive as their own events.
"""

import heapq
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core.amounts import ceil_units, float_setting, rounded_text
from monitor.core.contracts import notional, unrealized_pnl
from monitor.core.decisions import (
    Decision,
    LiquidationAttemptsExhausted,
    LiquidationDecision,
    LiquidationFeeExcessive,
    LiquidationIncomplete,
    LiquidationOversized,
)
from monitor.core.events import Leg, LiquidationFinished, LiquidationStarted
from monitor.core.instruments import Instrument
from monitor.core.liquidation_watch.execution import Execution, Outcome
from monitor.core.liquidation_watch.fills import about
from monitor.core.liquidation_watch.visible_book import Levels
from monitor.core.liquidation_watch.waits import (
    DUE_STATES,
    SECOND_NS,
    Timer,
    UnitKey,
    key_from,
    order_of,
    timer_name,
)
from monitor.core.margin.book import MarginRules, MarginUnit
from monitor.core.margin.exact import maintenance_at, position_amounts
from monitor.core.margin.totals import unit_totals
from monitor.core.market import Market
from monitor.core.settings import LiquidationWatchSettings

ZERO = Fraction(0)


def begin(
    event: LiquidationStarted,
    unit: MarginUnit,
    terms: tuple[Market, MarginRules],
    book: Levels | None,
) -> Execution | None:
    """Return a liquidation as it begins, None where an amount or a price is missing."""
    market, rules = terms
    position = unit.account.position((event.instrument, event.leg))
    quote = market.marks.get(event.instrument)
    totals = unit_totals(unit, market, rules)
    if position is None or not position.size or quote is None or totals is None:
        return None
    value = market.exact_value(position.instrument.settlement)
    assert value is not None, "the totals rest on it"
    kept = level = ZERO
    sums_up = True
    others = [each for each in unit.positions() if each.key != position.key]
    for each in (position, *others):
        sums_up &= not (each.instrument.larger_leg or each.instrument.fee_at_bankruptcy)
    for each in others:
        amounts = position_amounts(each, market)
        assert amounts is not None, "the totals rest on it"
        kept += maintenance_at(each, amounts.mark) * amounts.value
        level += each.instrument.buffer_rate * amounts.notional * amounts.value
    entry = position.entry_text
    return Execution(
        started_ns=event.event_ns,
        mark=quote.exact,
        worst_mark=quote.exact,
        equity=totals.equity,
        rest=max(kept, kept / rules.end_ratio) + level if sums_up else None,
        size=position.instrument.contracts(position.size),
        entry=Fraction(entry) if entry is not None else quote.exact,
        book=book,
        has_others=bool(others),
    )


def needed_contracts(
    execution: Execution, outcome: Outcome, value: Fraction, rules: MarginRules
) -> Fraction | None:
    """Return the fewest contracts, in lots, whose closing would have restored margin.

    At the least favorable mark that was seen, at the cost of the fills that there were, from the
    amounts of the start. None: not even all of them restored it, or it cannot be said.
    """
    rest, instrument, all_closed = execution.rest, outcome.instrument, outcome.contracts
    if rest is None or not all_closed or all_closed > abs(execution.size):
        return None
    paid = (outcome.cost(execution.mark) + outcome.fees) / all_closed
    side = 1 if execution.size > 0 else -1

    def is_restored(closed: Fraction) -> bool:
        left = side * (abs(execution.size) - closed) * instrument.contract_size
        equity = execution.equity - paid * closed * value
        equity += value * unrealized_pnl(
            instrument.kind, left, execution.mark, execution.worst_mark
        )
        if not left and not execution.has_others:
            return equity >= 0
        level = rest + value * _level(instrument, left, execution, rules)
        return equity >= level if rules.strictly_below else equity > level

    lot = instrument.lot_size
    low, high = 0, ceil_units(all_closed, lot)
    if not is_restored(all_closed):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if is_restored(min(middle * lot, all_closed)):
            high = middle
        else:
            low = middle
    return min(high * lot, all_closed)


def _level(
    instrument: Instrument, left: Fraction, execution: Execution, rules: MarginRules
) -> Fraction:
    """Return what the rest of the position needs to end a liquidation, in its settlement."""
    mark = execution.worst_mark
    worth = notional(instrument.kind, left, mark)
    based = notional(
        instrument.kind, left, execution.entry if instrument.margins_at_entry else mark
    )
    kept = instrument.model.maintenance(based, based if instrument.inverse else abs(left))
    if instrument.fee_at_mark:
        kept += instrument.fee_rate * worth
    return max(kept, kept / rules.end_ratio) + instrument.buffer_rate * worth


def judge(
    event: LiquidationFinished,
    unit: MarginUnit,
    followed: tuple[Execution, Outcome],
    terms: tuple[Market, MarginRules, LiquidationWatchSettings],
    now_ns: int,
) -> list[Decision]:
    """Return what was too much: contracts closed, or fees."""
    execution, outcome = followed
    market, rules, settings = terms
    value = market.exact_value(outcome.instrument.settlement)
    if value is None:
        return []
    found: list[Decision] = []
    beyond = settings.oversized_beyond_ratio
    needed = None if beyond is None else needed_contracts(execution, outcome, value, rules)
    most = None if needed is None else needed * (1 + float_setting(beyond or 0.0))
    if needed is not None and most is not None and outcome.contracts > most:
        reason = (
            f"closed {rounded_text(outcome.contracts)} contracts; "
            f"{rounded_text(needed)} would have restored margin"
        )
        found.append(about(LiquidationOversized, event, unit, reason, now_ns))
    left = execution.equity - outcome.cost(execution.mark) * value
    fees = outcome.fees * value
    if not settings.fee_may_bankrupt and left >= 0 > left - fees:
        reason = f"fees of {rounded_text(fees)} USD; {rounded_text(left)} USD were left before them"
        found.append(about(LiquidationFeeExcessive, event, unit, reason, now_ns))
    return found


@dataclass(slots=True)
class _Ended:
    """A unit's last open liquidation has ended: when it is looked at, and which attempt it was."""

    due_ns: int
    attempts: int
    instrument: str
    leg: Leg
    liquidation_id: str


class Endings:
    """Units whose last open liquidation has just ended; at most one entry a unit."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ended: dict[UnitKey, _Ended] = {}
        self._timers: list[Timer] = []
        self._grace_ns: int | None = None
        self._attempts_max: int | None = None

    def use(self, settings: LiquidationWatchSettings) -> None:
        """Take settings; they hold for what ends from now on."""
        grace_s = settings.incomplete_after_s
        self._attempts_max = settings.attempts_max
        self._grace_ns = None if grace_s is None else round(grace_s * SECOND_NS)
        if grace_s is None:
            self._ended.clear()

    def begun(self, key: UnitKey) -> None:
        """Judge no end of a unit with another liquidation."""
        self._ended.pop(key, None)

    def finished(
        self, event: LiquidationFinished, key: UnitKey, attempts: int, now_ns: int
    ) -> None:
        """Look at a unit after the time that its position and balance may take."""
        if self._grace_ns is None:
            return
        due_ns = now_ns + max(1, self._grace_ns)
        self._ended[key] = _Ended(
            due_ns, attempts, event.instrument, event.leg, event.liquidation_id
        )
        heapq.heappush(self._timers, (due_ns, timer_name("incomplete", key), key))

    def next_timer(self) -> Timer | None:
        """Return the first time at which a unit is looked at."""
        while self._timers:
            ended = self._ended.get(self._timers[0][2])
            if ended is not None and ended.due_ns == self._timers[0][0]:
                return self._timers[0]
            heapq.heappop(self._timers)  # outdated
        return None

    def fire(self, key: UnitKey, unit: MarginUnit | None, now_ns: int) -> list[Decision]:
        """Look at a unit; it is gone if None."""
        ended = self._ended.pop(key)
        if unit is None or unit.state not in DUE_STATES or unit.liquidations:
            return []
        if not unit.positions():
            return []
        found = [_about(LiquidationIncomplete, ended, unit, f"{unit.state} after its end", now_ns)]
        attempts_max = self._attempts_max
        if attempts_max is not None and ended.attempts >= attempts_max and unit.state == "bankrupt":
            reason = f"bankrupt after {ended.attempts} liquidations; the venue makes {attempts_max}"
            found.append(_about(LiquidationAttemptsExhausted, ended, unit, reason, now_ns))
        return found

    def export_state(self) -> list[Any]:
        """Return everything as plain values, in a canonical order."""
        return [
            [*key, one.due_ns, one.attempts, one.instrument, one.leg, one.liquidation_id]
            for key, one in sorted(self._ended.items(), key=order_of)
        ]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described."""
        for account, position, due_ns, *told in state if self._grace_ns is not None else ():
            key = key_from(account, position)
            self._ended[key] = _Ended(due_ns, *told)
            heapq.heappush(self._timers, (due_ns, timer_name("incomplete", key), key))


def _about(
    kind: type[LiquidationDecision], ended: _Ended, unit: MarginUnit, reason: str, now_ns: int
) -> Decision:
    return kind(
        event_ns=now_ns,
        rule="liquidation_watch",
        suspect=unit.account.is_suspect,
        account=unit.account.name,
        instrument=ended.instrument,
        leg=ended.leg,
        liquidation_id=ended.liquidation_id,
        reason=reason,
    )
