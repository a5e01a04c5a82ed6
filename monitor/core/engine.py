"""RiskEngine: facts in, decisions out. The only dispatch on event kind.

`apply(batch)` equals applying the events one at a time, and equals itself for any division into
batches. There is no clock and no input or output here: time moves with `event_ns`, timers that
are due before an event fire first, and trouble arrives as events.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from monitor.core import events
from monitor.core.accounts import AccountEngine
from monitor.core.amounts import NotRepresentableError
from monitor.core.audit_view import AuditReport
from monitor.core.breaker_watch import look_at_breakers
from monitor.core.changes import OpenChanges
from monitor.core.decisions import Decision, publication_order
from monitor.core.deleveraging_case import Deleveraging
from monitor.core.deleveraging_watch import Moment
from monitor.core.engine_state import export_engine, hash_of, make_audit, restore_engine
from monitor.core.facts import MarketFacts, single_marks
from monitor.core.held import HeldEvents, instruments_of
from monitor.core.intake import AccountIntake
from monitor.core.liquidation_watch import LiquidationWatch
from monitor.core.margin.book import MarginRules
from monitor.core.market import Market
from monitor.core.overview import build_view
from monitor.core.recount import Recount
from monitor.core.refusals import Refusals, Refused, RefusedError
from monitor.core.report import Standings, account_report, account_view, summary
from monitor.core.sessions import Sessions
from monitor.core.settings import EngineSettings
from monitor.core.settings_record import SettingsError
from monitor.core.settlement import settle
from monitor.core.shards import Shards
from monitor.core.timers import Timer, Timers
from monitor.core.venue import VenueEngine
from monitor.core.verdicts import account_decision, standing_decisions
from monitor.core.view import AccountView, RiskView
from monitor.core.waterfall_ledger import WaterfallEpisode

SECOND_NS = 1_000_000_000
_TAGS: dict[type[events.Event], str] = {
    kind: events.snake_case(kind.__name__)
    for kind in (*events.ACCOUNT_EVENTS, *events.MARKET_EVENTS, *events.LOCAL_EVENTS)
}


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
        self.accounts_expected: int | None = None  # said by bootstrap_finished
        self.caught_up = False
        self.market = Market()
        self.rules = MarginRules(settings.margin, settings.liquidation_watch)
        self.watch = LiquidationWatch(settings.liquidation_watch)
        self.venue = VenueEngine(self.market, settings)
        self.shards = Shards(
            [
                AccountEngine(
                    self.market, self.rules, accounts_reserved=settings.accounts_reserved // shards
                )
                for _ in range(shards)
            ],
            self.venue.policy,
            Sessions(settings.waterfall),
        )
        self.changes = OpenChanges()
        self.held = HeldEvents(settings.held_back_events_max)
        self.ordinal = 0
        self.refusals = Refusals()
        self._step: list[Decision] = []
        self.intake = AccountIntake(self)
        self.timers = Timers(self, self.intake)
        self.audit, self.recount = make_audit(self), Recount()
        self.facts = MarketFacts(self.market, self.shards, self.venue, self.audit)
        self._own_events: dict[type[events.Event], Callable[[Any], None]] = {
            events.BootstrapFinished: self._finish_bootstrap,
            events.FeedLost: self._note_feed,
            events.FeedRestored: self._note_feed,
            events.ConfigurationChanged: self._configure,
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
        self.refusals.batch_start = self.ordinal
        oldest_ns = None
        if received_ns is not None and not self.caught_up:
            oldest_ns = received_ns - round(self.settings.action_age_max_s * SECOND_NS)
        for index, event in enumerate(batch):
            self.refusals.cause = index
            if decisions := self._apply_one(event, oldest_ns):
                published += [(index, decision) for decision in decisions]
        return published

    def _apply_one(self, event: events.Event, oldest_ns: int | None) -> list[Decision]:
        published: list[Decision] = []
        while (timer := self.timers.next()) is not None and timer[0] <= event.event_ns:
            published += self._fire(timer)
        self.engine_ns = max(self.engine_ns, event.event_ns)
        if not self.caught_up and (oldest_ns is None or event.event_ns >= oldest_ns):
            self.caught_up = True
            if oldest_ns is not None:
                published += self._publish(self._standing())
        self._take(self.ordinal, event)
        self.shards.go_on_relisting()
        self.ordinal += 1
        if decisions := self._conclude():
            published += self._publish(decisions)
        return published

    def _publish(self, decisions: list[Decision]) -> list[Decision]:
        published = decisions if self.caught_up else []
        for decision in published:
            self.decision_counts[decision.kind] = self.decision_counts.get(decision.kind, 0) + 1
        return published

    def _fire(self, timer: Timer) -> list[Decision]:
        self.engine_ns = max(self.engine_ns, timer[0])
        self._step += self.timers.fire(timer)
        return self._publish(self._conclude())

    def _take(self, ordinal: int, event: events.Event) -> None:
        """Take one event: hold it back, hand it on, or refuse it."""
        if isinstance(event, events.AccountEvent):
            self.intake.take(ordinal, event)
        elif isinstance(event, events.AccountOpened):
            self.intake.book(ordinal, event)
        elif isinstance(event, events.AccountEventRefused):
            self.intake.note_missing(event)
        else:
            self._take_market_event(ordinal, event)

    def _take_market_event(
        self, ordinal: int, event: events.Event, *, is_part: bool = False
    ) -> None:
        missing = self.market.missing_instrument(instruments_of(event))
        if missing is not None:
            self.intake.hold(ordinal, event, missing)
            return
        try:
            if (own := self._own_events.get(type(event))) is not None:
                own(event)
            else:
                self._step += self.facts.handlers[type(event)](event, self.engine_ns)
                self._watch_market(event)
        except RefusedError as error:
            self.intake.refuse(ordinal, event, error.reason, error.detail)
            return
        except NotRepresentableError as error:
            self.intake.refuse(ordinal, event, "not_representable", str(error))
            return
        except SettingsError as error:
            self.intake.refuse(ordinal, event, "invalid_field", str(error))
            return
        if not is_part:
            self.count_applied(event)
        if isinstance(event, events.InstrumentListed):
            self._release_held(event.instrument)
        elif isinstance(event, events.MarkPricesChanged):
            self._hold_unlisted(ordinal, event)

    def _watch_market(self, event: events.Event) -> None:
        """Show the watch of liquidations what has changed in the market."""
        look = self.watch.market_handlers.get(type(event))
        if look is not None:
            look(event, self.market, self.engine_ns)
            if isinstance(event, events.InstrumentDelisted):
                self.watch.look_again(self.shards.unit, self.engine_ns)

    def _release_held(self, instrument: str) -> None:
        """Take what waited for an instrument that is listed now."""
        for ordinal, event, is_part in self.held.release(instrument):
            if isinstance(event, events.AccountEvent):
                self.intake.book_held(ordinal, event, is_part=is_part)
            else:
                self._take_market_event(ordinal, event, is_part=is_part)

    def _hold_unlisted(self, ordinal: int, event: events.MarkPricesChanged) -> None:
        """Hold back the marks of instruments that are not listed yet."""
        for mark in single_marks(event):
            if mark.instrument not in self.market.instruments:
                self.intake.hold(ordinal, mark, mark.instrument, is_part=True)

    def count_applied(self, event: events.Event) -> None:
        """Count an event that has been applied."""
        kind = _TAGS[type(event)]
        self.events_applied += 1
        self.event_counts[kind] = self.event_counts.get(kind, 0) + 1

    def _conclude(self) -> list[Decision]:
        """End a step: judge what was touched, settle what has ended; decisions in order."""
        ended: list[str] = []
        for engine in self.shards.engines:
            for transition in engine.judge():
                unit, after = transition.unit, transition.after
                self.watch.follow(unit, after, self.market, self.engine_ns)
                if transition.makes_liquidatable:
                    self.venue.deleveragings.note_liquidatable(unit.account.name, self.engine_ns)
                if not self.bootstrapping:
                    self._step.append(account_decision(transition, engine, self.engine_ns))
            ended += engine.take_ended_episodes()
        for identity in sorted(ended, key=str.encode):  # in the order of names, not of rows
            self.venue.ledger.close(identity, self.engine_ns)
        if self.bootstrapping:
            self._end_bootstrap()
        self._step += self._look_at_pools()
        has_settled = False
        for event in self.intake.followers.take_finished():
            has_settled = True
            moment = Moment(self.engine_ns, self.ordinal)
            settled = settle(event, self.shards, self.venue, moment)
            self._step += [] if self.bootstrapping else settled
            self._step += self.venue.take_tripped()
        self._step += self.intake.take_found()
        if has_settled:
            self.audit.note_flows(self.venue.funds.values())
        self.audit.look(self.engine_ns)
        self._step += self.recount.look(self.shards, self.engine_ns)
        self._step += look_at_breakers(self)
        engine_found = self.watch.take_found()
        self._step += [] if self.bootstrapping else engine_found
        if not self._step:
            return []
        decisions, self._step = self._step, []
        decisions.sort(key=publication_order)
        return decisions

    def _look_at_pools(self) -> list[Decision]:
        """Return whose winners own too much of a pool, or no longer do."""
        funds = self.venue.funds.values()
        found = self.venue.pool_factors.look(self.shards.pools, funds, self.engine_ns)
        return [] if self.bootstrapping else found

    # --- the monitor's own events ---------------------------------------------------------

    def _finish_bootstrap(self, event: events.BootstrapFinished) -> None:
        self.accounts_expected = event.accounts

    def _end_bootstrap(self) -> None:
        """End it once as many accounts are known as the venue has: topics have no common order."""
        expected = self.accounts_expected
        if expected is not None and self.shards.count() >= expected:
            self.bootstrapping = False
            self._step += standing_decisions(self.shards, self.engine_ns)

    def _note_feed(self, event: events.FeedLost | events.FeedRestored) -> None:
        lost = isinstance(event, events.FeedLost)
        self.feeds[event.feed] = (lost, event.event_ns)
        self.venue.withdrawals.feed_changed(event.feed, lost=lost, now_ns=self.engine_ns)
        self._step += self.venue.board.feed_changed(event, self.engine_ns)

    def _configure(self, event: events.ConfigurationChanged) -> None:
        assert self.parse_settings is not None, "a reload needs a reader of settings"
        settings = self.parse_settings(event.text)
        rules = MarginRules(settings.margin, settings.liquidation_watch)
        self._step += self.facts.configure(settings, self.engine_ns)
        self.watch.use(settings.liquidation_watch)
        self.audit.use(settings.audit)
        self.settings, self.rules, self.configuration_hash = settings, rules, event.hash
        self.shards.policy = self.venue.policy
        self.shards.sessions.use(settings.waterfall)
        self.held.limit = settings.held_back_events_max
        for engine in self.shards.engines:
            engine.use(self.rules)

    def _standing(self) -> list[Decision]:
        """Return every standing condition, marked `caught_up`."""
        standing = self.venue.board.standing(self.engine_ns)
        standing += self.venue.withdrawals.standing(self.engine_ns)
        standing += self.venue.pool_factors.standing(self.engine_ns)
        standing += self.venue.oracles.standing(self.engine_ns)
        if not self.bootstrapping:
            standing += self.watch.standing(self.shards.unit, self.engine_ns)
            standing += standing_decisions(self.shards, self.engine_ns)
        marked = [msgspec.structs.replace(decision, caught_up=True) for decision in standing]
        return sorted(marked, key=publication_order)

    # --- questions ------------------------------------------------------------------------

    def take_refused(self) -> list[Refused]:
        """Return what could not be applied since the last call."""
        return self.refusals.take()

    def held_back_ordinals(self) -> tuple[int, ...]:
        """Return the ordinals of the events that wait for their instrument."""
        return self.held.ordinals()

    def open_change_ordinals(self) -> tuple[int, ...]:
        """Return the ordinals of the events whose change is not whole yet, ascending."""
        buffers = self.changes.buffers.values()
        return tuple(sorted(ordinal for buffer in buffers for ordinal, _ in buffer))

    def take_changed_accounts(self) -> set[str]:
        """Return the accounts that were touched or changed state since the last call."""
        return self.shards.take_changed()

    def account_ids(self) -> list[str]:
        """Return every account, in the order of names."""
        return self.shards.account_ids()

    def account_view(self, account: str) -> AccountView | None:
        """Return the short form of one account, None if unknown."""
        engine = self.shards.of(account)
        found = account in engine.ledger.accounts
        return account_view(self.shards, engine, account, self.engine_ns) if found else None

    def account_report(self, account: str) -> dict[str, Any] | None:
        """Return everything about one account, None if unknown."""
        engine = self.shards.of(account)
        if account not in engine.ledger.accounts:
            return None
        return account_report(self.shards, engine, account)

    def account_reports(self) -> list[dict[str, Any]]:
        """Return every account's report, in the order of names."""
        standings: Standings = {}
        return [
            account_report(self.shards, self.shards.of(name), name, standings)
            for name in self.account_ids()
        ]

    def audit_report(self) -> AuditReport:
        """Return every sum that must be conserved, as it is now."""
        return self.audit.report(self.recount.done, self.recount.violations)

    def waterfall_episode(self, episode: str) -> WaterfallEpisode | None:
        """Return who paid what in an episode, None if it is unknown."""
        return self.venue.ledger.episode(episode)

    def deleveragings(self, liquidation_id: str) -> tuple[Deleveraging, ...]:
        """Return what the rule said and the venue did for a liquidation; none if unknown."""
        return self.venue.deleveragings.of(liquidation_id)

    def summary(self) -> dict[str, Any]:
        """Return the totals of the run."""
        return summary(self)

    def view(self) -> RiskView:
        """Return the immutable summary that outsiders read."""
        return build_view(self)

    # --- state ----------------------------------------------------------------------------

    def state_hash(self) -> str:
        """Return the SHA-256 (hex) of the whole state: integers, texts and words, no floats."""
        return hash_of(self.export_state())

    def export_state(self) -> dict[str, Any]:
        """Return the whole state as plain values: the same state gives the same bytes."""
        return export_engine(self)

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
        engine = cls(settings, configuration_hash=configuration_hash, parse_settings=parse_settings)
        restore_engine(engine, state)
        return engine
