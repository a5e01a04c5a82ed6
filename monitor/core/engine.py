"""RiskEngine: facts in, decisions out. The only dispatch on event kind.

`apply(batch)` equals applying the events one at a time, and equals itself for any division into
batches. There is no clock and no input or output here: time moves with `event_ns`, timers that
are due before an event fire first, and trouble arrives as events.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from monitor.core import events
from monitor.core.accounts import AccountEngine, RefusedError, Transition
from monitor.core.amounts import (
    NotRepresentableError,
    ceil_units,
    rounded_text,
    rounded_text_or_none,
    to_fraction,
)
from monitor.core.changes import Numbered, OpenChanges
from monitor.core.decisions import (
    AccountBankrupt,
    AccountDecision,
    AccountLiquidatable,
    AccountMarginCalled,
    AccountRecovered,
    Decision,
    ShortfallIncurred,
    State,
    StreamGapDetected,
    publication_order,
)
from monitor.core.held import HeldEvents, instruments_of
from monitor.core.margin.book import MarginRules, MarginUnit
from monitor.core.margin.exact import unit_amounts
from monitor.core.market import Market, Quote
from monitor.core.overview import build_view
from monitor.core.report import account_report, account_view, summary
from monitor.core.settings import EngineSettings
from monitor.core.shards import Shards
from monitor.core.venue import VenueEngine
from monitor.core.view import AccountView, RiskView
from monitor.core.waterfall import Shortfall

SECOND_NS = 1_000_000_000
STATE_FORMAT = 1

_ACCOUNT_DECISIONS: dict[State, type[AccountDecision]] = {
    "healthy": AccountRecovered,
    "margin_call": AccountMarginCalled,
    "liquidatable": AccountLiquidatable,
    "bankrupt": AccountBankrupt,
}


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An event that the engine could not apply, or keeps back (`held`) until it can.

    `ordinal` counts all events ever given to the engine from 0; `index` is the place in the
    present batch, -1 if the event came in an earlier one.
    """

    index: int
    ordinal: int
    reason: str
    detail: str
    held: bool
    event: events.Event


class RiskEngine:
    """The whole exchange's risk state, and the rules on it."""

    def __init__(
        self,
        settings: EngineSettings,
        *,
        configuration_hash: str = "",
        parse_settings: Callable[[str], EngineSettings] | None = None,
        shards: int = 1,
    ) -> None:
        """Begin empty. `parse_settings` reads the text of a `configuration_changed`."""
        self.settings = settings
        self.configuration_hash = configuration_hash
        self.parse_settings = parse_settings
        self.engine_ns = 0
        self.events_applied = 0
        self.event_counts: dict[str, int] = {}
        self.ignored_counts: dict[str, int] = {}
        self.decision_counts: dict[str, int] = {}
        self.feeds: dict[str, tuple[bool, int]] = {}
        self.bootstrapping = settings.bootstrap
        self.caught_up = False
        self.market = Market()
        self.rules = MarginRules(settings.margin)
        self.venue = VenueEngine(self.market, settings)
        self.shards = Shards(
            [AccountEngine(self.market, self.rules) for _ in range(shards)], self.venue.policy
        )
        self.changes = OpenChanges()
        self.held = HeldEvents(settings.held_back_events_max)
        self._ordinal = 0
        self._batch_start = 0
        self._refused: list[Refused] = []
        self._step: list[Decision] = []
        self._finished: list[events.LiquidationFinished] = []
        self._handlers = self._market_handlers()

    def _market_handlers(self) -> dict[type[events.Event], Callable[[Any], None]]:
        """Return who takes which event; account events are taken by `_take_account_event`."""
        return {
            events.InstrumentListed: self._list_instrument,
            events.InstrumentDelisted: self._delist_instrument,
            events.CollateralListed: self._list_collateral,
            events.MarkPriceChanged: self._change_mark,
            events.MarkPricesChanged: self._change_marks,
            events.IndexPriceChanged: self._change_index,
            events.OracleReported: self._note_oracle,
            events.TradingStatusChanged: self._note_status,
            events.FundingRateChanged: self._note_funding_rate,
            events.FundingPaid: self._pay_funding,
            events.InsuranceFundChanged: self._change_fund,
            events.BootstrapFinished: self._finish_bootstrap,
            events.FeedLost: self._lose_feed,
            events.FeedRestored: self._restore_feed,
            events.BreakerReset: self._reset_breaker,
            events.ConfigurationChanged: self._configure,
            # Known, and not used yet: docs/events.md says so.
            events.DepthChanged: _ignore,
            events.TradePrinted: _ignore,
            events.AuditPoint: _ignore,
            events.ForecastFinished: _ignore,
            events.ClockTicked: _ignore,
        }

    # --- applying -------------------------------------------------------------------------

    def apply(
        self, batch: Sequence[events.Event], *, received_ns: int | None = None
    ) -> list[tuple[int, Decision]]:
        """Apply events in order; return (index of the causing event, decision) pairs.

        `received_ns` is when the batch was received; events that are older than
        `action_age_max_s` at start change state but publish nothing. None: always fresh.
        """
        published: list[tuple[int, Decision]] = []
        self._batch_start = self._ordinal
        oldest_ns = None
        if received_ns is not None and not self.caught_up:
            oldest_ns = received_ns - round(self.settings.action_age_max_s * SECOND_NS)
        for index, event in enumerate(batch):
            for decision in self._apply_one(event, oldest_ns):
                published.append((index, decision))  # noqa: PERF401 (a nested comprehension hides it)
        return published

    def _apply_one(self, event: events.Event, oldest_ns: int | None) -> list[Decision]:
        published: list[Decision] = []
        while (timer := self._next_timer()) is not None and timer[0] <= event.event_ns:
            published += self._fire(timer)
        self.engine_ns = max(self.engine_ns, event.event_ns)
        if not self.caught_up and (oldest_ns is None or event.event_ns >= oldest_ns):
            self.caught_up = True
            if oldest_ns is not None:
                published += self._publish(self._standing())
        self._take(self._ordinal, event)
        self._ordinal += 1
        published += self._publish(self._conclude())
        return published

    def _publish(self, decisions: list[Decision]) -> list[Decision]:
        if not self.caught_up:
            return []
        for decision in decisions:
            self.decision_counts[decision.kind] = self.decision_counts.get(decision.kind, 0) + 1
        return decisions

    def _next_timer(self) -> tuple[int, str, Any] | None:
        timers = [t for t in (self.venue.next_timer(), self.changes.next_timer()) if t is not None]
        return min(timers, key=lambda timer: timer[:2]) if timers else None

    def _fire(self, timer: tuple[int, str, Any]) -> list[Decision]:
        due_ns, name, key = timer
        self.engine_ns = max(self.engine_ns, due_ns)
        if name.startswith("change:"):
            self._give_up(key, self.changes.give_up(key))
        else:
            self._step += self.venue.fire(key, due_ns)
        return self._publish(self._conclude())

    def _take(self, ordinal: int, event: events.Event) -> None:
        """Take one event: hold it back, hand it on, or refuse it."""
        if isinstance(event, events.AccountEvent):
            self._take_account_event(ordinal, event)
        elif isinstance(event, events.AccountOpened):
            self._book(ordinal, event)
        else:
            missing = self._missing_instrument(event)
            if missing is not None:
                self._hold(ordinal, event, missing)
                return
            try:
                self._handlers[type(event)](event)
            except NotRepresentableError as error:
                self._refuse(ordinal, event, "not_representable", str(error))
                return
            except RefusedError as error:
                self._refuse(ordinal, event, error.reason, error.detail)
                return
            self._count_applied(event)

    def _count_applied(self, event: events.Event) -> None:
        kind = str(event.__struct_config__.tag)
        self.events_applied += 1
        self.event_counts[kind] = self.event_counts.get(kind, 0) + 1

    def _conclude(self) -> list[Decision]:
        """End a step: judge what was touched, settle what has ended; decisions in order."""
        for engine in self.shards.engines:
            for transition in engine.judge(self.engine_ns):
                if not self.bootstrapping:
                    self._step.append(self._account_decision(transition))
        for finished in self._finished:
            self._settle(finished)
        self._finished = []
        decisions = self._step
        self._step = []
        if len(decisions) > 1:
            decisions.sort(key=publication_order)
        return decisions

    # --- account events -------------------------------------------------------------------

    def _take_account_event(self, ordinal: int, event: events.AccountEvent) -> None:
        engine = self.shards.of(event.account)
        account = engine.account(event.account)
        admission = self.changes.admit(account, ordinal, event)
        if admission.repeated:
            count = self.ignored_counts.get("sequence_repeated", 0)
            self.ignored_counts["sequence_repeated"] = count + 1
            return
        if admission.expected is not None:
            account.suspect = True
            self._note_gap(event.account, admission.expected, event.seq, "sequence_gap")
        if admission.given_up:
            self._give_up(event.account, admission.given_up)
        engine.wait(event.account, waiting=self.changes.is_open(event.account))
        for number, ready in admission.ready:
            self._book(number, ready)

    def _book(
        self,
        ordinal: int,
        event: events.AccountEvent | events.AccountOpened,
        *,
        retried: bool = False,
    ) -> None:
        engine = self.shards.of(event.account)
        missing = self._missing_instrument(event)
        if missing is not None:
            self._hold(ordinal, event, missing)
            return
        try:
            engine.apply(event)
        except RefusedError as error:
            self._refuse(ordinal, event, error.reason, error.detail)
            return
        if isinstance(event, events.LiquidationFinished):
            self._finished.append(event)
        self._count_applied(event)

    def _give_up(self, name: str, buffer: list[Numbered]) -> None:
        """Quarantine an unfinished change; the account is suspect."""
        engine = self.shards.of(name)
        engine.account(name).suspect = True
        engine.wait(name, waiting=False)
        for ordinal, event in buffer:
            self._note_refused(
                ordinal,
                event,
                "unfinished_change",
                f"expected the change of account {name} to end within 100 events and 1 s",
            )
        self._note_gap(name, buffer[0][1].seq, buffer[-1][1].seq, "unfinished_change")

    def _note_gap(self, name: str, expected: int, received: int, reason: str) -> None:
        if self.bootstrapping:
            return
        self._step.append(
            StreamGapDetected(
                event_ns=self.engine_ns,
                rule="sequence",
                suspect=True,
                account=name,
                expected=expected,
                received=received,
                reason=reason,
            )
        )

    # --- refusing and holding back --------------------------------------------------------

    def _refuse(self, ordinal: int, event: events.Event, reason: str, detail: str) -> None:
        self._note_refused(ordinal, event, reason, detail)
        if isinstance(event, events.AccountEvent):
            self.shards.of(event.account).account(event.account).suspect = True
            self._note_gap(event.account, event.seq, event.seq, "refused_event")

    def _note_refused(
        self, ordinal: int, event: events.Event, reason: str, detail: str, *, held: bool = False
    ) -> None:
        self._refused.append(
            Refused(
                index=max(-1, ordinal - self._batch_start),
                ordinal=ordinal,
                reason=reason,
                detail=detail,
                held=held,
                event=event,
            )
        )

    def _missing_instrument(self, event: events.Event) -> str | None:
        known = self.market.instruments
        for name in instruments_of(event):
            if name not in known:
                return name
        return None

    def _hold(self, ordinal: int, event: events.Event, instrument: str) -> None:
        detail = f"expected a listed instrument, received {instrument!r}"
        if not self.held.keep(instrument, ordinal, event):
            self._refuse(ordinal, event, "unknown_instrument", detail)
            return
        if isinstance(event, events.AccountEvent):
            self.shards.of(event.account).account(event.account).held_events += 1
        self._note_refused(ordinal, event, "unknown_instrument", detail, held=True)

    def _retry_held(self, instrument: str) -> None:
        for ordinal, event in self.held.release(instrument):
            if not isinstance(event, events.AccountEvent):
                self._take(ordinal, event)
                continue
            account = self.shards.of(event.account).ledger.accounts.get(event.account)
            if account is None:
                continue
            account.held_events -= 1
            outdated = event.seq <= account.snapshot_sequence
            if not outdated:
                self._book(ordinal, event)

    # --- the market -----------------------------------------------------------------------

    def _list_instrument(self, event: events.InstrumentListed) -> None:
        before = self.market.instruments.get(event.instrument)
        after_unit = event.size_unit or event.lot_size
        if before is not None and before.size_unit.value != to_fraction(after_unit):
            raise RefusedError(
                "unit_is_fixed",
                f"{event.instrument}: expected size unit {before.size_unit.text}, "
                f"received {after_unit}",
            )
        self.market.list_instrument(event)
        for engine in self.shards.engines:
            engine.relist_instrument(event.instrument)
            engine.touch_all()
        self._retry_held(event.instrument)

    def _delist_instrument(self, event: events.InstrumentDelisted) -> None:
        for engine in self.shards.engines:
            engine.drop_instrument(event.instrument)
        self.market.delist_instrument(event.instrument)
        for engine in self.shards.engines:
            engine.touch_all()

    def _list_collateral(self, event: events.CollateralListed) -> None:
        fixed = self.market.unit(event.asset)
        in_use = any(engine.uses_asset(event.asset) for engine in self.shards.engines)
        if in_use and fixed.value != to_fraction(event.minor_unit):
            raise RefusedError(
                "unit_is_fixed",
                f"{event.asset}: expected minor unit {fixed.text}, received {event.minor_unit}",
            )
        self.market.list_collateral(event)
        for engine in self.shards.engines:
            engine.touch_all()

    def _change_mark(self, event: events.MarkPriceChanged) -> None:
        self._set_marks({event.instrument: event.price}, event.event_ns)
        self._step += self.venue.mark_changed(event, self.engine_ns)

    def _change_marks(self, event: events.MarkPricesChanged) -> None:
        known = self.market.instruments
        single = [
            events.MarkPriceChanged(event_ns=event.event_ns, instrument=name, price=price)
            for name, price in sorted(event.prices.items())
        ]
        for mark in single:
            if mark.instrument not in known:
                self._hold(self._ordinal, mark, mark.instrument)
        marks = [mark for mark in single if mark.instrument in known]
        self._set_marks({mark.instrument: mark.price for mark in marks}, event.event_ns)
        for mark in marks:
            self._step += self.venue.mark_changed(mark, self.engine_ns)

    def _set_marks(self, prices: dict[str, str], event_ns: int) -> None:
        marks = self.market.marks
        first = any(name not in marks for name in prices)
        for name, price in prices.items():
            marks[name] = Quote(price, event_ns)
        for engine in self.shards.engines:
            engine.prices_moved(prices, (), first=first)

    def _change_index(self, event: events.IndexPriceChanged) -> None:
        first = event.index not in self.market.indices
        if self.market.change_index(event):
            for engine in self.shards.engines:
                engine.prices_moved((), (event.index,), first=first)

    def _note_oracle(self, event: events.OracleReported) -> None:
        self.market.oracles[event.oracle, event.index] = event

    def _note_status(self, event: events.TradingStatusChanged) -> None:
        self.market.statuses[event.instrument] = event

    def _note_funding_rate(self, event: events.FundingRateChanged) -> None:
        self.market.funding_rates[event.instrument] = event

    def _pay_funding(self, event: events.FundingPaid) -> None:
        for engine in self.shards.engines:
            engine.pay_funding(event)

    def _change_fund(self, event: events.InsuranceFundChanged) -> None:
        self.venue.fund_changed(event)

    # --- the monitor's own events ---------------------------------------------------------

    def _finish_bootstrap(self, _: events.BootstrapFinished) -> None:
        if self.bootstrapping:
            self.bootstrapping = False
            self._step += self._standing_accounts()

    def _lose_feed(self, event: events.FeedLost) -> None:
        self.feeds[event.feed] = (True, event.event_ns)

    def _restore_feed(self, event: events.FeedRestored) -> None:
        self.feeds[event.feed] = (False, event.event_ns)

    def _reset_breaker(self, event: events.BreakerReset) -> None:
        self._step += self.venue.reset_breaker(event, self.engine_ns)

    def _configure(self, event: events.ConfigurationChanged) -> None:
        assert self.parse_settings is not None, "a reload needs a reader of settings"
        self.settings = self.parse_settings(event.text)
        self.configuration_hash = event.hash
        self.rules = MarginRules(self.settings.margin)
        self.venue.configure(self.settings)
        self.shards.policy = self.venue.policy
        self.held.limit = self.settings.held_back_events_max
        for engine in self.shards.engines:
            engine.rules = engine.thresholds.rules = self.rules
            engine.touch_all()

    # --- decisions ------------------------------------------------------------------------

    def _account_decision(self, transition: Transition, *, caught_up: bool = False) -> Decision:
        unit = transition.unit
        amounts = unit_amounts(unit, self.market)
        assert amounts is not None
        return _ACCOUNT_DECISIONS[transition.after](
            event_ns=self.engine_ns,
            rule="margin",
            suspect=unit.account.is_suspect,
            caught_up=caught_up,
            account=unit.account.name,
            instrument=None if unit.key is None else unit.key[0],
            leg=None if unit.key is None else unit.key[1],  # type: ignore[arg-type]
            equity=rounded_text(amounts.equity),
            maintenance_margin=rounded_text(amounts.maintenance_margin),
            margin_ratio=rounded_text_or_none(amounts.margin_ratio),
            state_before=transition.before,
        )

    def _standing_accounts(self) -> list[Decision]:
        return [
            self._account_decision(Transition(unit, "healthy", unit.state), caught_up=True)
            for engine in self.shards.engines
            for unit in engine.units()
            if unit.state not in ("healthy", "unknown")
        ]

    def _standing(self) -> list[Decision]:
        """Return every standing condition, marked `caught_up`."""
        trips = [
            msgspec.structs.replace(decision, caught_up=True)
            for decision in self.venue.standing(self.engine_ns)
        ]
        accounts = [] if self.bootstrapping else self._standing_accounts()
        return sorted([*accounts, *trips], key=publication_order)

    def _settle(self, event: events.LiquidationFinished) -> None:
        """Close a liquidation: its shortfall, and who bears it."""
        engine = self.shards.of(event.account)
        liquidation = engine.liquidations.finish(event)
        account = engine.ledger.accounts.get(event.account)
        if account is None:
            return
        instrument = self.market.instruments[event.instrument]
        unit = engine.unit_of(account, (event.instrument, event.leg))
        loss = liquidation.execution_loss(instrument)
        minor_unit = self.market.unit(instrument.settlement)
        if loss is not None and loss < 0:
            self._step += self.venue.credit(instrument, event.liquidation_id, -loss, self.engine_ns)
        amount = self._incurred(engine, unit, instrument.settlement)
        if amount <= 0:
            return
        assert unit.episode is not None
        incurred = unit.episode.incurred
        incurred[instrument.settlement] = incurred.get(instrument.settlement, 0) + amount
        self._step.append(
            ShortfallIncurred(
                event_ns=self.engine_ns,
                rule="waterfall",
                suspect=account.is_suspect,
                account=event.account,
                instrument=event.instrument,
                leg=event.leg,
                liquidation_id=event.liquidation_id,
                episode_id=unit.episode.identity,
                asset=instrument.settlement,
                amount=minor_unit.text_of(amount),
                execution_loss=None
                if loss is None
                else minor_unit.text_of(round(loss / minor_unit.value)),
            )
        )
        shortfall = Shortfall(
            account=event.account,
            instrument=event.instrument,
            leg=event.leg,
            liquidation_id=event.liquidation_id,
            asset=instrument.settlement,
            amount=amount,
            closed_side=liquidation.closed_side,
            bankruptcy_price=liquidation.bankruptcy_price,
        )
        self._step += self.venue.bear(shortfall, self.shards, self.engine_ns)

    def _incurred(self, engine: AccountEngine, unit: MarginUnit, asset: str) -> int:
        """Return the part of a unit's deficit that its episode has not incurred yet, in units."""
        deficit = engine.deficit(unit)
        value = self.market.exact_value(asset)
        if not deficit or not value or unit.episode is None:
            return 0
        for paid_asset, units in unit.episode.incurred.items():
            deficit -= (
                units
                * self.market.unit(paid_asset).value
                * (self.market.exact_value(paid_asset) or 0)
            )
        return max(0, ceil_units(deficit / value, self.market.unit(asset).value))

    # --- questions ------------------------------------------------------------------------

    def take_refused(self) -> list[Refused]:
        """Return what could not be applied since the last call."""
        refused, self._refused = self._refused, []
        return refused

    def held_back_ordinals(self) -> tuple[int, ...]:
        """Return the ordinals of the events that wait for their instrument."""
        return self.held.ordinals()

    def take_changed_accounts(self) -> set[str]:
        """Return the accounts that were touched or changed state since the last call."""
        changed: set[str] = set()
        for engine in self.shards.engines:
            changed |= engine.changed
            engine.changed = set()
        return changed

    def account_ids(self) -> list[str]:
        """Return every account, in the order of names."""
        return sorted(name for engine in self.shards.engines for name in engine.ledger.accounts)

    def account_view(self, account: str) -> AccountView | None:
        """Return the short form of one account, None if unknown."""
        engine = self.shards.of(account)
        return account_view(engine, account) if account in engine.ledger.accounts else None

    def account_report(self, account: str) -> dict[str, Any] | None:
        """Return everything about one account, None if unknown."""
        engine = self.shards.of(account)
        if account not in engine.ledger.accounts:
            return None
        return account_report(self.shards, engine, account, {})

    def account_reports(self) -> list[dict[str, Any]]:
        """Return every account's report, in the order of names."""
        rankings: dict[Any, Any] = {}
        return [
            account_report(self.shards, self.shards.of(name), name, rankings)
            for name in self.account_ids()
        ]

    def summary(self) -> dict[str, Any]:
        """Return the totals of the run."""
        return summary(self)

    def view(self) -> RiskView:
        """Return the immutable summary that outsiders read."""
        return build_view(self)

    # --- state ----------------------------------------------------------------------------

    def state_hash(self) -> str:
        """Return the SHA-256 (hex) of the whole state: integers, texts and words, no floats."""
        return hashlib.sha256(msgspec.msgpack.encode(self.export_state())).hexdigest()

    def export_state(self) -> dict[str, Any]:
        """Return the whole state as plain values: the same state gives the same bytes."""
        return {
            "format": STATE_FORMAT,
            "engine_ns": self.engine_ns,
            "ordinal": self._ordinal,
            "caught_up": self.caught_up,
            "bootstrapping": self.bootstrapping,
            "events_applied": self.events_applied,
            "event_counts": sorted(self.event_counts.items()),
            "ignored_counts": sorted(self.ignored_counts.items()),
            "decision_counts": sorted(self.decision_counts.items()),
            "feeds": [[name, *status] for name, status in sorted(self.feeds.items())],
            "market": self.market.export_state(),
            "venue": self.venue.export_state(),
            "accounts": [engine.export_state() for engine in self.shards.engines],
            "changes": self.changes.export_state(),
            "held": self.held.export_state(),
        }

    @classmethod
    def from_state(
        cls,
        state: dict[str, Any],
        settings: EngineSettings,
        *,
        configuration_hash: str = "",
        parse_settings: Callable[[str], EngineSettings] | None = None,
    ) -> "RiskEngine":
        """Return the engine that `export_state` described, under the given settings.

        Raises ValueError if the state has another format.
        """
        if state.get("format") != STATE_FORMAT:
            raise ValueError(
                f"expected engine state of format {STATE_FORMAT}, received {state.get('format')}"
            )
        engine = cls(settings, configuration_hash=configuration_hash, parse_settings=parse_settings)
        engine.engine_ns = state["engine_ns"]
        engine._ordinal = state["ordinal"]
        engine.caught_up = state["caught_up"]
        engine.bootstrapping = state["bootstrapping"]
        engine.events_applied = state["events_applied"]
        engine.event_counts = dict(state["event_counts"])
        engine.ignored_counts = dict(state["ignored_counts"])
        engine.decision_counts = dict(state["decision_counts"])
        engine.feeds = {name: (lost, ns) for name, lost, ns in state["feeds"]}
        engine.market = Market.from_state(state["market"])
        engine.venue = VenueEngine(engine.market, settings)
        engine.venue.restore(state["venue"])
        engine.shards = Shards(
            [
                AccountEngine.from_state(part, engine.market, engine.rules)
                for part in state["accounts"]
            ],
            engine.venue.policy,
        )
        engine.changes = OpenChanges.from_state(state["changes"])
        engine.held.restore(state["held"])
        for name in engine.changes.buffers:
            engine.shards.of(name).wait(name, waiting=True)
        return engine


def _ignore(_: events.Event) -> None:
    """Take knowingly what nothing uses yet."""
