"""All breakers: one for each configured rule and scope, with their timers."""

import heapq
from collections.abc import Callable, Container, Sequence
from fractions import Fraction
from typing import Any, TypeGuard

import msgspec

from monitor.core import events
from monitor.core.amounts import to_fraction
from monitor.core.breaker_settings import (
    BreakerSettings,
    FundBreakerSettings,
    LiquidationRateSettings,
    OpenInterestSettings,
)
from monitor.core.breakers import (
    BACKLOG_RULES,
    DEPTH_RULES,
    FEED_RULES,
    FUND_RULES,
    FUNDING_RULES,
    INDEX_RULES,
    INTEREST_RULES,
    LIQUIDATION_RULES,
    ORACLE_RULES,
    PRICE_RULES,
    RULES,
    SHORTFALL_RULES,
    TRADE_RULES,
    FundRule,
    PriceRule,
)
from monitor.core.breakers.breaker import Breaker
from monitor.core.breakers.depth_collapse import Level
from monitor.core.breakers.open_interest import Interest, OpenInterest
from monitor.core.decisions import Decision

BreakerKey = tuple[str, str]  # name, scope
BY_WORTH = frozenset({"notional", "fund_ratio"})  # what marks move
# What moves a fund without being its profit.
NOT_PROFIT = frozenset({"deposit", "withdrawal", "transfer", "adjustment"})


class BreakerBoard:
    """The breakers by (name, scope); a breaker is made when its scope is first seen."""

    def __init__(self, settings: Sequence[BreakerSettings]) -> None:
        """Begin with every breaker armed."""
        self.settings = tuple(settings)
        self.breakers: dict[BreakerKey, Breaker] = {}
        # Timers as a heap: one is outdated when its breaker has another due time by now.
        self._timers: list[tuple[int, str, BreakerKey]] = []
        self._noted: dict[BreakerKey, int] = {}
        self._watching_marks: dict[str, list[tuple[Breaker, PriceRule]]] = {}
        self.interest_measures = _interest_measures(self.settings)
        self._interest_moved: set[str] = set()  # in this step
        self._backlog = (0, 0)  # as last seen

    def mark_changed(self, event: events.MarkPriceChanged, now_ns: int) -> list[Decision]:
        """Let the breakers of an instrument see its new mark."""
        if self.interest_measures & BY_WORTH:
            self._interest_moved.add(event.instrument)
        decisions: list[Decision] = []
        for breaker, rule in self._watching_mark(event.instrument):
            rule.observe(now_ns, event.price, event.high, event.low)
            if found := breaker.look(now_ns):
                decisions += found
            if breaker.status.due_ns is not None:
                self._note_timer((breaker.settings.name, event.instrument))
        return decisions

    def _watching_mark(self, instrument: str) -> list[tuple[Breaker, PriceRule]]:
        """Return the breakers that see the mark of an instrument: found once, for every mark."""
        watching = self._watching_marks.get(instrument)
        if watching is None:
            watching = self._watching_marks[instrument] = []
            for settings, scope in self._watching(PRICE_RULES, [instrument]):
                breaker = self._breaker(settings, scope)
                assert isinstance(breaker.rule, PriceRule)
                watching.append((breaker, breaker.rule))
        return watching

    def trade_printed(
        self, event: events.TradePrinted, tick_size: str, now_ns: int
    ) -> list[Decision]:
        """Let the breakers of an instrument that watch trades see one."""
        watching = self._watching(TRADE_RULES, [event.instrument])
        return self._show(
            watching, now_ns, lambda rule: rule.observe_trade(now_ns, event.price, tick_size)
        )

    @property
    def watches_indices(self) -> bool:
        """Return whether a rule sees the prices of indices."""
        return any(type(settings) in INDEX_RULES for settings in self.settings)

    def index_changed(self, price: str, instruments: Sequence[str], now_ns: int) -> list[Decision]:
        """Let the breakers of the instruments of an index see its price."""
        watching = self._watching(INDEX_RULES, instruments)
        return self._show(watching, now_ns, lambda rule: rule.observe_index(price))

    def funding_rate_changed(self, event: events.FundingRateChanged, now_ns: int) -> list[Decision]:
        """Let the breakers of an instrument see its funding rate."""
        watching = self._watching(FUNDING_RULES, [event.instrument])
        return self._show(watching, now_ns, lambda rule: rule.observe(event.rate))

    def feed_changed(
        self, event: events.FeedLost | events.FeedRestored, now_ns: int
    ) -> list[Decision]:
        """Let the breakers of a feed see that it is lost, or restored."""
        watching, is_lost = self._watching(FEED_RULES, [event.feed]), type(event) is events.FeedLost
        return self._show(watching, now_ns, lambda rule: rule.observe(now_ns, is_lost=is_lost))

    def source_reported(
        self, report: events.OracleReported | events.IndexPriceChanged, own: Fraction, now_ns: int
    ) -> list[Decision]:
        """Let the breakers of an index see an outside price, beside the exchange's `own`."""
        if isinstance(report, events.OracleReported):
            source = "oracle:" + report.oracle
        else:
            source = "source:" + report.source
        price = to_fraction(report.price)
        watching = self._watching(ORACLE_RULES, [report.index])
        return self._show(watching, now_ns, lambda rule: rule.observe(source, price, own))

    def liquidation_started(
        self, instrument: str, notional_usd: Fraction | None, now_ns: int
    ) -> list[Decision]:
        """Let the breakers of the venue and of an instrument see that a liquidation begins."""
        watching = self._watching_either(LIQUIDATION_RULES, instrument)
        return self._show(watching, now_ns, lambda rule: rule.observe(now_ns, notional_usd))

    @property
    def watches_volume(self) -> bool:
        """Return whether a rule sees what trades are worth."""
        rules = (one for one in self.settings if isinstance(one, LiquidationRateSettings))
        return any(settings.limit_volume_ratio is not None for settings in rules)

    def volume_traded(self, instrument: str, notional_usd: Fraction, now_ns: int) -> list[Decision]:
        """Let the breakers of the venue and of an instrument see what a trade was worth."""
        watching = self._watching_either(LIQUIDATION_RULES, instrument)
        return self._show(watching, now_ns, lambda rule: rule.observe_trade(now_ns, notional_usd))

    def backlog_changed(self, count: int, notional_millionths: int, now_ns: int) -> list[Decision]:
        """Let the breakers of the venue see what waits to be liquidated."""
        if (count, notional_millionths) == self._backlog:
            return []
        self._backlog = count, notional_millionths
        watching = self._watching_either(BACKLOG_RULES, "venue")
        return self._show(watching, now_ns, lambda rule: rule.observe(count, notional_millionths))

    @property
    def watches_depth(self) -> bool:
        """Return whether a rule sees visible books."""
        return any(type(settings) in DEPTH_RULES for settings in self.settings)

    def depth_changed(
        self, instrument: str, bids: Sequence[Level], asks: Sequence[Level], now_ns: int
    ) -> list[Decision]:
        """Let the breakers of an instrument see its visible book, in USD, best levels first."""
        watching = self._watching(DEPTH_RULES, [instrument])
        return self._show(watching, now_ns, lambda rule: rule.observe(now_ns, bids, asks))

    def shortfall_incurred(
        self, instrument: str, amount_usd: Fraction, now_ns: int
    ) -> list[Decision]:
        """Let the breakers of the venue and of an instrument see a shortfall."""
        watching = self._watching_either(SHORTFALL_RULES, instrument)
        return self._show(watching, now_ns, lambda rule: rule.observe(now_ns, amount_usd))

    def note_moves(self, moves: Sequence[tuple[Any, ...]]) -> None:
        """Note the instruments in which positions have moved, among what a ledger has moved."""
        if self.interest_measures:
            # the third of a move in size is its entry value, that of one in cash its reason
            self._interest_moved.update(move[0] for move in moves if isinstance(move[2], int))

    def take_interest_moved(self) -> Sequence[str]:
        """Return the instruments of this step whose open interest breakers must see."""
        if not self._interest_moved:
            return ()
        moved, self._interest_moved = sorted(self._interest_moved), set()
        return moved

    def interest_changed(self, instrument: str, interest: Interest, now_ns: int) -> list[Decision]:
        """Let the breakers of the venue and of an instrument see what is open in it."""
        watching = self._watching_either(INTEREST_RULES, instrument)
        return self._show(watching, now_ns, lambda rule: rule.observe(now_ns, instrument, interest))

    def _show(
        self,
        watching: Sequence[tuple[BreakerSettings, str]],
        now_ns: int,
        show: Callable[[Any], object],
    ) -> list[Decision]:
        """Show rules what has happened; return what their breakers decide."""
        decisions: list[Decision] = []
        for settings, scope in watching:
            show(self._breaker(settings, scope).rule)
            decisions += self._look((settings.name, scope), now_ns)
        return decisions

    def _watching_either(
        self, kinds: Container[type], instrument: str
    ) -> list[tuple[BreakerSettings, str]]:
        """Return the rules of some kinds that watch an instrument, or the whole venue."""
        return [
            (settings, "venue" if settings.scope == "venue" else instrument)
            for settings in self.settings
            if type(settings) in kinds
            and settings.scope in ("*", "instrument", "venue", instrument)
        ]

    def _watching(
        self, kinds: Container[type], names: Sequence[str]
    ) -> list[tuple[BreakerSettings, str]]:
        """Return the rules of some kinds with those of the named scopes that they watch."""
        return [
            (settings, name)
            for settings in self.settings
            if type(settings) in kinds
            for name in names
            if settings.scope in ("*", name)
        ]

    def fund_changed(
        self, event: events.InsuranceFundChanged, instruments: Sequence[str], now_ns: int
    ) -> list[Decision]:
        """Let the breakers of a fund, and of the instruments that it covers, see its balance."""
        if "fund_ratio" in self.interest_measures:
            self._interest_moved.update(instruments)
        balance, is_profit = to_fraction(event.balance), event.reason not in NOT_PROFIT
        decisions: list[Decision] = []
        for settings in self.settings:
            if not _watches_fund(settings) or settings.fund != event.fund:
                continue
            by_instrument = settings.scope == "instrument"
            for scope in instruments if by_instrument else [event.fund]:
                rule = self._breaker(settings, scope).rule
                assert isinstance(rule, FundRule)
                is_own = is_profit and (not by_instrument or scope == event.instrument)
                rule.observe(now_ns, balance, is_own_profit=is_own)
                decisions += self._look((settings.name, scope), now_ns)
        return decisions

    def _look(self, key: BreakerKey, now_ns: int) -> list[Decision]:
        decisions = self.breakers[key].look(now_ns)
        self._note_timer(key)
        return decisions

    def _note_timer(self, key: BreakerKey) -> None:
        breaker = self.breakers[key]
        due_ns = breaker.status.due_ns
        if due_ns is not None and self._noted.get(key) != due_ns:
            heapq.heappush(self._timers, (due_ns, breaker.timer_name, key))
            self._noted[key] = due_ns

    def _breaker(self, settings: BreakerSettings, scope: str) -> Breaker:
        key = (settings.name, scope)
        if key not in self.breakers:
            self.breakers[key] = Breaker(settings, scope, RULES[type(settings)](settings))
        return self.breakers[key]

    def next_timer(self) -> tuple[int, str, BreakerKey] | None:
        """Return the first timer as (due_ns, name, breaker key), None without one."""
        while self._timers:
            due_ns, _, key = self._timers[0]
            breaker = self.breakers.get(key)
            if breaker is not None and breaker.status.due_ns == due_ns:
                return self._timers[0]
            heapq.heappop(self._timers)  # outdated
            if self._noted.get(key) == due_ns:
                del self._noted[key]
        return None

    def fire(self, key: BreakerKey, due_ns: int) -> list[Decision]:
        """Let a breaker look at its timer."""
        breaker = self.breakers[key]
        breaker.rule.pass_time()
        if breaker.status.state == "tripped":
            breaker.status.due_ns = None
        return self._look(key, due_ns)

    def scopes_of(self, name: str) -> list[str]:
        """Return the scopes that a configured breaker has seen, in order."""
        return sorted(scope for breaker, scope in self.breakers if breaker == name)

    def reset_breaker(self, event: events.BreakerReset, now_ns: int) -> list[Decision]:
        """Arm a breaker by hand, on one scope or on all."""
        decisions = []
        for key in sorted(self.breakers):
            if key[0] == event.breaker and event.scope in (None, key[1]):
                decisions += self.breakers[key].reset(now_ns, event.by)
                self._note_timer(key)
        return decisions

    def forget(self, instrument: str) -> None:
        """Forget the breakers of a delisted instrument, with their windows."""
        gone = [
            key
            for key, breaker in self.breakers.items()
            if key[1] == instrument and not _is_of_another_kind(breaker.settings)
        ]
        for key in gone:
            del self.breakers[key]
        for breaker in self.breakers.values():
            if isinstance(breaker.rule, OpenInterest):
                breaker.rule.forget(instrument)
        self._watching_marks.pop(instrument, None)

    def is_tripped(self, names: Container[str], scopes: Container[str | None]) -> bool:
        """Return whether any of these breakers stands tripped for such a scope, not on trial."""
        return any(
            name in names
            and scope in scopes
            and breaker.status.state == "tripped"
            and not breaker.settings.dry_run
            for (name, scope), breaker in self.breakers.items()
        )

    def standing(self, now_ns: int) -> list[Decision]:
        """Return the trips that stand now."""
        return [
            self.breakers[key].tripped(now_ns)
            for key in sorted(self.breakers)
            if self.breakers[key].status.state == "tripped"
        ]

    def configure(self, settings: Sequence[BreakerSettings]) -> None:
        """Take new settings; a breaker whose rule is unchanged keeps its state and window."""
        unchanged = {rule.name for rule in settings if rule in self.settings}
        self.breakers = {key: b for key, b in self.breakers.items() if key[0] in unchanged}
        self.settings = tuple(settings)
        self._watching_marks = {}
        self.interest_measures = _interest_measures(self.settings)
        self._backlog = (0, 0)

    def export_state(self) -> list[Any]:
        """Return everything as plain values, in a canonical order."""
        return [
            [
                *key,
                _text(breaker.settings),
                *_status(breaker),
                breaker.rule.export_state(),
            ]
            for key, breaker in sorted(self.breakers.items())
        ]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described, of the breakers whose rule is the same now."""
        by_name = {settings.name: settings for settings in self.settings}
        for name, scope, before, *status_and_rule in state:
            standing, changed_ns, due_ns, extended, rule = status_and_rule
            settings = by_name.get(name)
            if settings is None or _text(settings) != before:
                continue
            breaker = self._breaker(settings, scope)
            status = breaker.status
            status.state, status.changed_ns, status.due_ns = standing, changed_ns, due_ns
            status.extended = extended
            breaker.rule.restore(rule)
            self._note_timer((name, scope))


def _interest_measures(settings: Sequence[BreakerSettings]) -> frozenset[str]:
    """Return what rules watch about open interest."""
    return frozenset(one.measure for one in settings if isinstance(one, OpenInterestSettings))


def _text(settings: BreakerSettings) -> str:
    """Return a rule as text: a state holds no floats."""
    return msgspec.json.encode(settings).decode()


def _status(breaker: Breaker) -> list[Any]:
    status = breaker.status
    return [status.state, status.changed_ns, status.due_ns, status.extended]


def _watches_fund(settings: BreakerSettings) -> TypeGuard[FundBreakerSettings]:
    """Return whether a rule sees the balances of a fund, not marks."""
    return type(settings) in FUND_RULES


def _is_of_another_kind(settings: BreakerSettings) -> bool:
    """Return whether what a rule watches is no instrument, whatever its name."""
    kinds = (*FEED_RULES, *ORACLE_RULES)
    return type(settings) in kinds or settings.scope in ("fund", "venue")
