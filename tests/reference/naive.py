"""The slow engine: after every event everything is computed again, in exact fractions.

Read it to learn the rules; it is written from the definitions and shares no code with the
engine but the records of events, decisions and settings. One `apply` is: fire the timers that
are due, book the event, look at every unit of every account, settle what has finished, look at
the breakers. The parts: `naive_ledger` (events), `naive_margin` (states), `naive_prices`,
`naive_settlement` and `naive_waterfall` (shortfalls), `naive_breakers`, `naive_report`.
"""

from collections.abc import Callable
from fractions import Fraction

from monitor.core import decisions, events
from monitor.core.breaker_settings import PriceVelocitySettings
from monitor.core.settings import EngineSettings
from tests.reference import (
    naive_margin,
    naive_relisting,
    naive_settlement,
    naive_waterfall_ledger,
)
from tests.reference.naive_breakers import NaiveBreaker, nanoseconds
from tests.reference.naive_ledger import NaiveLedger
from tests.reference.naive_world import Account, Unit, UnitKey, World, significant

CHANGE_NS_MAX = 1_000_000_000
ACCOUNT_DECISIONS: dict[str, type[decisions.AccountDecision]] = {
    "margin_call": decisions.AccountMarginCalled,
    "liquidatable": decisions.AccountLiquidatable,
    "bankrupt": decisions.AccountBankrupt,
    "healthy": decisions.AccountRecovered,
}

# Not decided before the bootstrap has ended.
OF_ACCOUNTS = (
    decisions.AccountDecision,
    decisions.StreamGapDetected,
    decisions.ShortfallIncurred,
    decisions.LiquidatorVaultDrawn,
    decisions.InsuranceFundDrawn,
    decisions.InsuranceFundCredited,
    decisions.DeleveragingPlanned,
    decisions.LossSocialized,
)


class NaiveEngine:
    """The rules once more."""

    def __init__(
        self,
        settings: EngineSettings,
        parse_settings: Callable[[str], EngineSettings] | None = None,
    ) -> None:
        self.world = World(settings)
        self.parse_settings = parse_settings
        self.ledger = NaiveLedger(self.world)
        self.breakers: list[NaiveBreaker] = []
        self.bootstrapped = not settings.bootstrap
        self.accounts_expected: int | None = None
        self.caught_up = False
        self.found: list[decisions.Decision] = []

    def apply(
        self, event: events.AnyEvent, received_ns: int | None = None
    ) -> list[decisions.Decision]:
        """Return the decisions that an event causes, those of due timers first."""
        leaving: list[decisions.Decision] = []
        while (timer := self._next_timer(event.event_ns)) is not None:
            due_ns, fire = timer
            self.world.engine_ns = max(self.world.engine_ns, due_ns)
            leaving += self._published(self._step(fire))
        self.world.engine_ns = max(self.world.engine_ns, event.event_ns)
        leaving += self._catch_up(event, received_ns)
        leaving += self._published(self._step(lambda: self._take(event)))
        return leaving

    # --- time and catching up -----------------------------------------------------------------

    def _next_timer(self, until_ns: int) -> tuple[int, Callable[[], None]] | None:
        timers: list[tuple[int, str, Callable[[], None]]] = []
        for account in self.world.accounts.values():
            if account.change:
                due_ns = account.change_opened_ns + CHANGE_NS_MAX + 1
                timers.append((due_ns, f"change:{account.name}", self._abandoner(account)))
        for breaker in self.breakers:
            due = breaker.due_ns()
            if due is not None:
                timers.append((due, breaker.timer_name, self._breaker_timer(breaker, due)))
        timers.sort(key=lambda timer: timer[:2])
        if not timers or timers[0][0] > until_ns:
            return None
        return timers[0][0], timers[0][2]

    def _abandoner(self, account: Account) -> Callable[[], None]:
        return lambda: self.ledger.abandon_change(account)

    def _breaker_timer(self, breaker: NaiveBreaker, due_ns: int) -> Callable[[], None]:
        return lambda: self.found.extend(breaker.on_timer(due_ns))

    def _published(self, made: list[decisions.Decision]) -> list[decisions.Decision]:
        if not self.caught_up:
            return []
        if self.bootstrapped:
            return made
        return [one for one in made if not isinstance(one, OF_ACCOUNTS)]

    def _catch_up(
        self, event: events.AnyEvent, received_ns: int | None
    ) -> list[decisions.Decision]:
        if self.caught_up:
            return []
        age_ns = nanoseconds(self.world.settings.action_age_max_s)
        if received_ns is not None and event.event_ns < received_ns - age_ns:
            return []
        self.caught_up = True
        standing: list[decisions.Decision] = [
            breaker.tripped_decision(self.world.engine_ns, caught_up=True)
            for breaker in sorted(self.breakers, key=lambda one: (one.settings.name, one.scope))
            if breaker.state == "tripped"
        ]
        if self.bootstrapped:
            standing += self._standing_accounts()
        return sorted(standing, key=decisions.publication_order)

    def _standing_accounts(self) -> list[decisions.Decision]:
        return [
            self._account_decision(account, key, unit.state, "healthy", caught_up=True)
            for account in self.world.accounts.values()
            for key, unit in account.units.items()
            if unit.state not in {"healthy", "unknown"}
        ]

    # --- one step -----------------------------------------------------------------------------

    def _step(self, change: Callable[[], None]) -> list[decisions.Decision]:
        self.found = []
        self.ledger.begin()
        change()
        for gap in self.ledger.gaps:
            self.found.append(
                decisions.StreamGapDetected(
                    event_ns=self.world.engine_ns,
                    rule="sequence",
                    suspect=True,
                    account=gap.account,
                    expected=gap.expected,
                    received=gap.received,
                    reason=gap.reason,
                )
            )
        for account in self.world.accounts.values():
            if not account.change:
                self._look_at(account)
        self._end_bootstrap()
        for finished in self.ledger.finished:
            loser = self.world.accounts.get(finished.event.account)
            suspect = loser is not None and self.ledger.is_suspect(loser)
            self.found += naive_settlement.settle(self.world, finished, suspect=suspect)
        naive_waterfall_ledger.close_ended(self.world)
        for instrument, tick in sorted(self.ledger.ticks, key=lambda pair: pair[0]):
            for breaker in self.breakers:
                if breaker.scope == instrument:
                    self.found += breaker.on_tick(tick, self.world.engine_ns)
        return sorted(self.found, key=decisions.publication_order)

    def _end_bootstrap(self) -> None:
        """End it when the venue has said how many accounts there are, and we know as many."""
        expected = self.accounts_expected
        if self.bootstrapped or expected is None or len(self.world.accounts) < expected:
            return
        self.bootstrapped = True
        self.found = [one for one in self.found if not isinstance(one, OF_ACCOUNTS)]
        self.found += self._standing_accounts()

    def _take(self, event: events.AnyEvent) -> None:
        self.ledger.take(event)
        naive_relisting.go_on(self.world)
        if isinstance(event, events.BootstrapFinished):
            self.accounts_expected = event.accounts
        elif isinstance(event, events.ConfigurationChanged):
            self._configure(event)
        elif isinstance(event, events.BreakerReset):
            for breaker in sorted(self.breakers, key=lambda one: one.scope):
                if breaker.settings.name == event.breaker and breaker.state != "armed":
                    self.found += breaker.rearm(self.world.engine_ns, event.by)
        self._watch_listed()

    def _configure(self, event: events.ConfigurationChanged) -> None:
        """Take new settings; a breaker whose rule is not among them is gone with its window."""
        assert self.parse_settings is not None
        settings = self.parse_settings(event.text)
        self.breakers = [one for one in self.breakers if one.settings in settings.breakers]
        self.world.settings = settings

    def _watch_listed(self) -> None:
        listed = self.world.instruments
        self.breakers = [breaker for breaker in self.breakers if breaker.scope in listed]
        for setting in self.world.settings.breakers:
            if not isinstance(setting, PriceVelocitySettings):
                continue  # the others have their slow twins in tests/core/breakers
            for name in listed:
                if setting.scope in {"*", name} and not any(
                    breaker.settings == setting and breaker.scope == name
                    for breaker in self.breakers
                ):
                    self.breakers.append(NaiveBreaker(setting, name))

    def _look_at(self, account: Account) -> None:
        for key in {**dict.fromkeys(account.unit_keys()), **account.units}:
            unit = account.units.setdefault(key, Unit())
            figures = naive_margin.figures(self.world, account, key)
            unit.state = naive_margin.state(self.world, figures)
            if unit.state not in {"unknown", unit.state_known}:
                self.found.append(
                    self._account_decision(account, key, unit.state, unit.state_known)
                )
                unit.state_known = unit.state
            if figures is not None:
                self._follow_episode(account, key, unit, figures.equity)
            is_open = any(one.unit_key == key for one in account.liquidations.values())
            if not is_open and naive_margin.ends_liquidation(self.world, figures):
                unit.liquidating = False
        exist = account.unit_keys()
        account.units = {key: unit for key, unit in account.units.items() if key in exist}

    def _account_decision(
        self,
        account: Account,
        key: UnitKey,
        state: str,
        before: str,
        *,
        caught_up: bool = False,
    ) -> decisions.Decision:
        figures = naive_margin.figures(self.world, account, key)
        assert figures is not None
        ratio = figures.margin_ratio
        return ACCOUNT_DECISIONS[state](
            event_ns=self.world.engine_ns,
            rule="margin",
            suspect=self.ledger.is_suspect(account),
            caught_up=caught_up,
            account=account.name,
            instrument=None if key is None else key[0],
            leg=None if key is None else key[1],  # type: ignore[arg-type]
            equity=significant(figures.equity),
            maintenance_margin=significant(figures.maintenance_margin),
            margin_ratio=None if ratio is None else significant(ratio),
            state_before=before,  # type: ignore[arg-type]
        )

    def _follow_episode(self, account: Account, key: UnitKey, unit: Unit, equity: Fraction) -> None:
        """Open an episode when a unit goes under water, end it when it is out again."""
        if equity < 0:
            unit.episode = unit.episode or account.next_episode(key)
        elif unit.episode is not None:
            ended, unit.episode = unit.episode, None
            finished = [one.liquidation for one in self.ledger.finished]
            for liquidation in (*account.liquidations.values(), *finished):
                if key is not None and liquidation is not None and liquidation.unit_key == key:
                    liquidation.episode = ended
