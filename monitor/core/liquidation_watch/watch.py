"""LiquidationWatch: hands every step of a liquidation, and what the market tells, to the checks."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

from monitor.core import events
from monitor.core.decisions import Decision, State
from monitor.core.ledger import PositionKey
from monitor.core.liquidation import Liquidation
from monitor.core.liquidation_view import LiquidationsView
from monitor.core.liquidation_watch import ending
from monitor.core.liquidation_watch.backlog import SILENT, Backlog
from monitor.core.liquidation_watch.ending import Endings
from monitor.core.liquidation_watch.execution import ExecutionLedger, Outcome
from monitor.core.liquidation_watch.fills import fee_beyond_cap, mispriced, outside_the_depth
from monitor.core.liquidation_watch.flows import FundFlows
from monitor.core.liquidation_watch.justification import Justification
from monitor.core.liquidation_watch.opposed import DIGITS, Opening, OpposedPairs
from monitor.core.liquidation_watch.pace import Pace
from monitor.core.liquidation_watch.visible_book import Levels, VisibleBooks
from monitor.core.liquidation_watch.waits import SECOND_NS, Find, Waits, is_due, key_of
from monitor.core.margin.book import MarginRules, MarginUnit
from monitor.core.market import Market
from monitor.core.settings import LiquidationWatchSettings

WORST_SHOWN = 10
OPPOSED_SHOWN = 50


class Scene(NamedTuple):
    """What a step of a liquidation is judged on: the market, the rules, and the engine's time."""

    market: Market
    rules: MarginRules
    now_ns: int


class LiquidationWatch:
    """What the exchange's liquidations are held to; one for all shards."""

    def __init__(self, settings: LiquidationWatchSettings) -> None:
        """Begin with nothing to watch."""
        self.waits = Waits()
        self.backlog = Backlog()
        self.justification = Justification()
        self.endings = Endings()
        self.executions = ExecutionLedger()
        self.books = VisibleBooks()
        self.pace = Pace()
        self.flows = FundFlows()
        self.opposed = OpposedPairs()
        self._found: list[Decision] = []  # about the engine as a whole
        # Kinds of market events that are looked at, each after it has been applied.
        self.market_handlers: dict[type[events.Event], Callable[[Any, Market, int], None]] = {
            events.MarkPriceChanged: self._see_mark,
            events.MarkPricesChanged: self._see_marks,
            events.DepthChanged: self._see_depth,
            events.TradePrinted: self._see_trade,
            events.InsuranceFundChanged: self._see_fund,
            events.InstrumentDelisted: self._forget_instrument,
        }
        self.use(settings)

    def use(self, settings: LiquidationWatchSettings) -> None:
        """Take settings: limits hold from now on, also for what waits."""
        self.settings = settings
        self.waits.use(settings.overdue_after_s)
        self.backlog.use(settings)
        self.justification.use(settings)
        self.endings.use(settings)
        self.pace.use(settings)
        self.opposed.use(settings)

    @property
    def overdue_count(self) -> int:
        """Return how many units are overdue."""
        return self.waits.overdue_count

    def take_found(self) -> list[Decision]:
        """Return what was found about the engine as a whole since the last call."""
        found = self._found
        if found:
            self._found = []
        return found

    # --- the market -----------------------------------------------------------------------

    def _see_mark(self, event: events.MarkPriceChanged, _: Market, now_ns: int) -> None:
        self.justification.note_mark(event, now_ns)

    def _see_marks(self, event: events.MarkPricesChanged, market: Market, now_ns: int) -> None:
        if self.settings.unjustified_beyond_ratio is None:
            return
        for name, price in event.prices.items():
            if name in market.instruments:
                mark = events.MarkPriceChanged(
                    event_ns=event.event_ns, instrument=name, price=price
                )
                self.justification.note_mark(mark, now_ns)

    def _see_depth(self, event: events.DepthChanged, _: Market, __: int) -> None:
        self.books.take(event)

    def _see_trade(self, event: events.TradePrinted, market: Market, now_ns: int) -> None:
        if event.instrument in market.instruments:
            self.pace.trade(event, now_ns)

    def _see_fund(self, event: events.InsuranceFundChanged, market: Market, _: int) -> None:
        self.flows.take(event, market)

    def _forget_instrument(self, event: events.InstrumentDelisted, _: Market, __: int) -> None:
        self.books.forget(event.instrument)
        self.pace.forget(event.instrument)
        self.justification.forget_instrument(event.instrument)

    # --- units and their liquidations -----------------------------------------------------

    def follow(self, unit: MarginUnit, state: State, market: Market, now_ns: int) -> None:
        """Take a change of a unit's known state."""
        key = key_of(unit)
        if is_due(state):
            if key not in self.waits.waits:
                self.waits.begin(unit, market, now_ns)
                self.waits.take_in_hand(key, in_hand=bool(unit.liquidations))
        elif key in self.waits.waits:
            self.waits.forget(key)
            self.justification.leave(key, now_ns)
        self._note_backlog(now_ns)

    def _note_backlog(self, now_ns: int) -> None:
        waits = self.waits
        self._found += self.backlog.note(waits.idle_count, waits.idle_notional, now_ns)

    def forget_account(self, account: str, now_ns: int) -> None:
        """Forget the units of an account that is closed."""
        self.waits.forget_account(account)
        self.executions.forget_account(account)
        self._note_backlog(now_ns)

    def look_again(self, find: Find, now_ns: int) -> None:
        """Ask every unit that waits whether a liquidation is open: an instrument is delisted."""
        self.waits.look_again(find)
        self._note_backlog(now_ns)

    def started(
        self, event: events.LiquidationStarted, unit: MarginUnit, scene: Scene
    ) -> list[Decision]:
        """Take the start of a liquidation, before its step is judged."""
        market, rules, now_ns = scene
        key = key_of(unit)
        self.waits.take_in_hand(key, in_hand=True)
        self.endings.begun(key)
        self.backlog.note_step(now_ns)
        self._note_backlog(now_ns)
        position = unit.account.position((event.instrument, event.leg))
        book = None
        if position is not None and position.size:
            book = self._book(event.instrument, sells=position.size > 0, now_ns=now_ns)
        begun = ending.begin(event, unit, (market, rules), book)
        self.executions.begin((event.account, event.liquidation_id), begun)
        return self.justification.started(event, unit, (market, rules), now_ns)

    def filled(
        self,
        event: events.LiquidationFilled,
        unit: MarginUnit,
        liquidation: Liquidation,
        scene: Scene,
    ) -> list[Decision]:
        """Take a fill; of one liquidation the first of each kind of finding is told."""
        market, _, now_ns = scene
        instrument, settings = market.instruments[event.instrument], self.settings
        self.backlog.note_step(now_ns)
        self.executions.fill(event, instrument, market)
        self.pace.fill(event, now_ns)
        found = mispriced(event, unit, liquidation, settings, now_ns)
        beyond = settings.fill_depth_beyond_ratio
        if beyond is not None:
            sells = event.size.startswith("-")
            depth = self._book(event.instrument, sells=sells, now_ns=now_ns), beyond
            found += outside_the_depth(event, unit, liquidation, depth, now_ns)
        execution = self.executions.open.get((event.account, event.liquidation_id))
        return found + fee_beyond_cap(
            event, unit, (instrument, execution), settings.fee_ratio_max, now_ns
        )

    def _book(self, instrument: str, *, sells: bool, now_ns: int) -> Levels | None:
        age_max_ns = round(self.settings.depth_age_max_s * SECOND_NS)
        return self.books.side(instrument, sells=sells, now_ns=now_ns, age_max_ns=age_max_ns)

    def finished(
        self,
        event: events.LiquidationFinished,
        unit: MarginUnit,
        liquidation: Liquidation,
        scene: Scene,
    ) -> list[Decision]:
        """Take the end of a liquidation: what it cost, and whether it was too much."""
        market, rules, now_ns = scene
        self.backlog.note_step(now_ns)
        outcome = Outcome(liquidation, event, market.instruments[event.instrument])
        execution = self.executions.finish(event, outcome, liquidation, market)
        if execution is None or not outcome.contracts:
            return []
        bankruptcy = liquidation.bankruptcy_price
        if self.opposed.is_on and bankruptcy is not None and outcome.cost(bankruptcy) > 0:
            subject = unit.account.owner, event.instrument
            self.opposed.lost(subject, event.liquidation_id, now_ns)
        terms = market, rules, self.settings
        return ending.judge(event, unit, (execution, outcome), terms, now_ns)

    def over(
        self, event: events.LiquidationFinished, unit: MarginUnit, market: Market, now_ns: int
    ) -> None:
        """Take the end of a unit's last open liquidation: if still liquidatable it waits anew."""
        key = key_of(unit)
        wait = self.waits.waits.get(key)
        attempts = 1 if wait is None else wait.attempts + 1
        self.endings.finished(event, key, attempts, now_ns)
        if wait is not None:
            self.waits.begin(unit, market, now_ns, attempts)
        self._note_backlog(now_ns)

    # --- time -----------------------------------------------------------------------------

    def next_timers(self) -> tuple[tuple[int, str, Any] | None, ...]:
        """Return the first times at which waits, endings and the backlog are looked at."""
        return self.waits.next_timer(), self.endings.next_timer(), self.backlog.next_timer()

    @staticmethod
    def owns(name: str) -> bool:
        """Return whether a timer of this name is one of the watch."""
        return name == SILENT or name.startswith(("overdue:", "incomplete:"))

    def fire(self, timer: tuple[int, str, Any], find: Find, now_ns: int) -> list[Decision]:
        """Look at what is due."""
        _, name, key = timer
        if name == SILENT:
            return self.backlog.fire(now_ns)
        if name.startswith("incomplete:"):
            return self.endings.fire(key, find(key), now_ns)
        found = self.waits.fire(key, find(key), now_ns)
        self._note_backlog(now_ns)
        return found

    def standing(self, find: Find, now_ns: int) -> list[Decision]:
        """Return the decisions about all that holds now: overdue units, the backlog, silence."""
        return self.waits.standing(find, now_ns) + self.backlog.standing(now_ns)

    # --- owners ---------------------------------------------------------------------------

    def opened(self, unit: MarginUnit, key: PositionKey, use: Fraction, now_ns: int) -> None:
        """Take a position that has been opened; `use`: initial margin / equity of its unit."""
        position = unit.account.position(key)
        assert position is not None
        opening = Opening(
            unit=unit.name,
            account=unit.account.name,
            size=position.size,
            opened_ns=now_ns,
            use_parts=int(min(use, Fraction(1)) * DIGITS),
        )
        self.opposed.opened((unit.account.owner, key[0]), opening)

    def both_sides(self, unit: MarginUnit, key: PositionKey, other: int, now_ns: int) -> None:
        """Take the liquidation of a position, `other`: size units of its owner's other side."""
        position = unit.account.position(key)
        if position is not None:
            sizes = abs(position.size), other
            subject = unit.account.owner, key[0]
            self.opposed.liquidated(subject, unit.account.name, sizes, now_ns)

    # --- questions and state --------------------------------------------------------------

    def view(self, market: Market, now_ns: int) -> LiquidationsView:
        """Return what outsiders read; nothing changes by asking."""
        executions, backlog = self.executions, self.backlog
        return LiquidationsView(
            waits=self.waits.view(now_ns),
            backlog=backlog.count,
            backlog_growth=backlog.growth,
            is_growing=backlog.is_growing,
            is_silent=backlog.is_silent,
            last_step_ns=backlog.last_step_ns,
            under_way=len(executions.open),
            left_out=executions.left_out,
            fill_slippage=executions.fills.view(),
            cost=executions.against_mark.view(),
            bankruptcy_loss=executions.against_bankruptcy.view(),
            beyond_ideal=executions.beyond_ideal.view(),
            worst=executions.worst(WORST_SHOWN),
            fund_flows=self.flows.records(market),
            fund_usd=self.flows.usd(),
            paces=self.pace.records(self.books, market, now_ns),
            opposed=self.opposed.records(OPPOSED_SHOWN),
            opposed_count=self.opposed.count(),
        )

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order."""
        return {
            "waits": self.waits.export_state(),
            "backlog": self.backlog.export_state(),
            "justification": self.justification.export_state(),
            "endings": self.endings.export_state(),
            "executions": self.executions.export_state(),
            "books": self.books.export_state(),
            "pace": self.pace.export_state(),
            "flows": self.flows.export_state(),
            "opposed": self.opposed.export_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.waits.restore(state["waits"])
        waits = self.waits
        self.backlog.restore(state["backlog"], waits.idle_count, waits.idle_notional)
        self.justification.restore(state["justification"])
        self.endings.restore(state["endings"])
        self.executions.restore(state["executions"])
        self.books.restore(state["books"])
        self.pace.restore(state["pace"])
        self.flows.restore(state["flows"])
        self.opposed.restore(state["opposed"])
