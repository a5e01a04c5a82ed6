"""What stands beside the ledger and follows the events of accounts.

The audit, the watches of liquidations and deleveraging, sessions, vaults and withdrawals: each is
told what an event changes, some of them also what was there before it.
"""

from fractions import Fraction
from typing import NamedTuple

from monitor.core import events
from monitor.core.accounts import AccountEngine
from monitor.core.amounts import ceil_units, to_fraction
from monitor.core.audit_entry import Entry
from monitor.core.decisions import Decision
from monitor.core.deleveraging.round import settled
from monitor.core.deleveraging_watch import Moment
from monitor.core.ledger import Account
from monitor.core.liquidation_watch.watch import Scene
from monitor.core.margin.book import MarginUnit
from monitor.core.margin.exact import unit_equity
from monitor.core.margin.totals import initial_margin
from monitor.core.parts import EngineParts
from monitor.core.sessions import PROFIT_REASONS
from monitor.core.withdrawals import LEAVING

AnyAccountEvent = events.AccountEvent | events.AccountOpened
REPLACING = (events.AccountSnapshot, events.AccountClosed)  # each sets an account as a whole


class Before(NamedTuple):
    """What an event is about to change.

    `ending`: the units that an ending liquidation is open on; `balance`: in minor units, where
    anybody follows it; `opens`: whether a position is about to be opened.
    """

    ending: list[MarginUnit]
    balance: int | None
    opens: bool


NOTHING = Before([], None, opens=False)
OPENING = Before([], None, opens=True)


class Followers:
    """Tells everybody of an event, and keeps what they found."""

    def __init__(self, parts: EngineParts) -> None:
        """Follow the engine's parts."""
        self.parts = parts
        self._found: list[Decision] = []
        self._finished: list[events.LiquidationFinished] = []

    def take_found(self) -> list[Decision]:
        """Return what was found in this step."""
        found = self._found
        if found:
            self._found = []
        return found

    def take_finished(self) -> list[events.LiquidationFinished]:
        """Return the liquidations that ended in this step."""
        finished = self._finished
        if finished:
            self._finished = []
        return finished

    def before(self, engine: AccountEngine, account: Account, event: AnyAccountEvent) -> Before:
        """Look at what an event is about to change."""
        if isinstance(event, events.BalanceChanged):
            if not self._follows(event.reason):
                return NOTHING
            return Before([], account.balances.get(event.asset, 0), opens=False)
        if isinstance(event, events.PositionChanged):
            return OPENING if self._opens(account, event) else NOTHING
        if isinstance(event, events.LiquidationFinished):
            return NOTHING._replace(ending=_units_in(engine, event))
        if isinstance(event, events.DeleveragingFilled):
            self.foresee(event)
            self.parts.venue.deleveraging_watch.note_fill(event)
        return NOTHING

    def after(
        self, engine: AccountEngine, event: AnyAccountEvent, before: Before, *, is_part: bool
    ) -> None:
        """Follow an event that has been booked."""
        self._audit(engine, event, is_part=is_part)
        if self.parts.venue.vaults.draws:
            self._show_vault(event)
        if isinstance(event, events.BalanceChanged):
            if before.balance is not None:
                self._note_moved(engine, event, before.balance)
        elif isinstance(event, events.PositionChanged):
            if before.opens:
                self._watch_opening(engine, event)
        elif isinstance(event, events.LiquidationEvent):
            self._watch(engine, event)
            self._end(event, before.ending)
        elif isinstance(event, events.WithdrawalRequested):
            self._note_request(event)

    def _end(self, event: events.LiquidationEvent, ending: list[MarginUnit]) -> None:
        """Tell the watch which units have no liquidation under way any more."""
        for unit in ending:
            if not unit.liquidations and isinstance(event, events.LiquidationFinished):
                self.parts.watch.over(event, unit, self.parts.market, self.parts.engine_ns)

    def _audit(self, engine: AccountEngine, event: AnyAccountEvent, *, is_part: bool) -> None:
        """Let the audit take what an event has moved."""
        moves = engine.ledger.take_moves()
        if not moves:
            return
        self.parts.venue.board.note_moves(moves)
        assert isinstance(event, events.AccountEvent), "expected that an opening moves nothing"
        replaces = is_part or isinstance(event, REPLACING)
        self.parts.audit.take(Entry(event.account, event.seq, moves, replaces))

    def _audit_fills(self, engine: AccountEngine, event: events.LiquidationFinished) -> None:
        """Let the audit hold the fills of a liquidation that has ended against its total."""
        liquidation = engine.liquidations.open.get((event.account, event.liquidation_id))
        if liquidation is not None and liquidation.filled:
            filled = sum(liquidation.filled.values(), Fraction(0))
            unit = self.parts.market.instruments[event.instrument].size_unit.value
            missing = ceil_units(abs(to_fraction(event.size) - filled), unit)
            self.parts.audit.note_fills(event, missing)

    def _note_request(self, event: events.WithdrawalRequested) -> None:
        worth = self._worth(event.asset, to_fraction(event.amount))
        pools, now_ns = self.parts.venue.withdrawals, self.parts.engine_ns
        pools.requested(event.account, event.asset, worth, now_ns)

    def _follows(self, reason: str) -> bool:
        """Return whether anything follows from what a balance changes by, for this reason."""
        if reason in LEAVING:
            return bool(self.parts.venue.withdrawals.races)
        return self.parts.shards.sessions.is_kept and reason in PROFIT_REASONS

    def _note_moved(self, engine: AccountEngine, event: events.BalanceChanged, before: int) -> None:
        """Note what was realized, or that somebody leaves while a haircut looms."""
        parts, name = self.parts, event.account
        after = engine.ledger.accounts[name].balances.get(event.asset, 0)
        if event.reason not in LEAVING:
            parts.shards.sessions.note(parts.engine_ns, name, event.asset, after - before)
            return
        pools, now_ns = parts.venue.withdrawals, parts.engine_ns
        equity = unit_equity(engine.cross[name], parts.market)
        if after < before and equity is not None and pools.runner(name, event.asset, now_ns):
            amount = (before - after) * parts.market.unit(event.asset).value
            worth = self._worth(event.asset, amount)
            self._found += pools.left(name, event.asset, worth, settled(equity), now_ns)

    def _worth(self, asset: str, amount: Fraction) -> Fraction:
        return amount * (self.parts.market.exact_value(asset) or Fraction(0))

    def _show_vault(self, event: AnyAccountEvent) -> None:
        """Let a vault's own balances include what was drawn on it."""
        vaults = self.parts.venue.vaults
        if isinstance(event, (events.BalanceChanged, events.AccountSnapshot)):
            vaults.show(event.account, event.event_ns)
        elif isinstance(event, events.AccountClosed):
            vaults.forget(event.account)

    def _opens(self, account: Account, event: events.PositionChanged) -> bool:
        """Return whether a position is about to be opened, where anybody wants to know."""
        if not self.parts.watch.opposed.is_on:
            return False
        position = account.position((event.instrument, event.leg))
        return position is None or not position.size

    def _watch(self, engine: AccountEngine, event: events.LiquidationEvent) -> None:
        """Hold a step of a liquidation against the rules, before it is judged."""
        parts, account = self.parts, engine.ledger.accounts[event.account]
        unit, found = engine.unit_of(account, (event.instrument, event.leg)), []
        scene = Scene(parts.market, parts.rules, parts.engine_ns)
        liquidation = engine.liquidations.open.get((event.account, event.liquidation_id))
        if isinstance(event, events.LiquidationFinished):
            self._finished.append(event)
            parts.venue.unfilled.finished(event)
            self._audit_fills(engine, event)
            if liquidation is not None:
                found = parts.watch.finished(event, unit, liquidation, scene)
        elif isinstance(event, events.LiquidationStarted):
            found = parts.watch.started(event, unit, scene)
            self._watch_owner(unit, event)
            parts.venue.unfilled.started(event)
            self._found += parts.venue.board.liquidation_started(
                event.instrument, self._notional_usd(event), parts.engine_ns
            )
        elif isinstance(event, events.LiquidationFilled):
            assert liquidation is not None, "a fill opens it"
            found = parts.watch.filled(event, unit, liquidation, scene)
        self._found += [] if parts.bootstrapping else found

    def _notional_usd(self, event: events.LiquidationStarted) -> Fraction | None:
        """Return what is to be liquidated, at the mark; None where nothing values it."""
        market = self.parts.market
        mark = market.marks.get(event.instrument)
        if mark is None:
            return None
        instrument = market.instruments[event.instrument]
        return market.worth(instrument, to_fraction(event.size), mark.exact)

    def _watch_owner(self, unit: MarginUnit, event: events.LiquidationStarted) -> None:
        """Note what the owner of a liquidated position holds on its other side."""
        parts, key = self.parts, (event.instrument, event.leg)
        position = unit.account.position(key)
        if parts.watch.opposed.is_on and position is not None and position.size:
            sides = parts.shards.owner_interest(event.instrument, unit.account.owner)
            parts.watch.both_sides(unit, key, sides[position.size > 0], parts.engine_ns)

    def _watch_opening(self, engine: AccountEngine, event: events.PositionChanged) -> None:
        """Note a position that has been opened, and how far its margin is used."""
        parts, account = self.parts, engine.ledger.accounts[event.account]
        key = event.instrument, event.leg
        position = account.position(key)
        if position is None or not position.size:
            return
        unit = engine.unit_of(account, key)
        equity = unit_equity(unit, parts.market)
        initial = initial_margin(unit, parts.market, parts.shards.open_interest)
        use = Fraction(0)
        if equity is not None and initial is not None:
            use = initial / equity if equity > 0 else Fraction(1)
        parts.watch.opened(unit, key, use, parts.engine_ns)

    def foresee(self, *change: AnyAccountEvent) -> None:
        """Note what the rule says before a fill, or what stands beside it, changes a position."""
        parts, listed = self.parts, self.parts.market.instruments
        fills = [
            event
            for event in change
            if isinstance(event, events.DeleveragingFilled) and event.instrument in listed
        ]
        if not fills:
            return
        watch, moment = parts.venue.deleveraging_watch, Moment(parts.engine_ns, parts.ordinal)
        for event in fills:
            closing = parts.shards.closing(
                event.counterparty, event.instrument, event.liquidation_id
            )
            watch.foresee(event, closing, parts.venue.planner, parts.shards, moment)
        name = fills[0].account
        watch.foresee_hedges(parts.shards.of(name).ledger.accounts.get(name), fills)


def _units_in(engine: AccountEngine, event: events.LiquidationFinished) -> list[MarginUnit]:
    """Return the units that a liquidation is open on: its position may be gone when it ends."""
    if event.account not in engine.ledger.accounts:
        return []
    return [
        unit for unit in engine.units_of(event.account) if event.liquidation_id in unit.liquidations
    ]
