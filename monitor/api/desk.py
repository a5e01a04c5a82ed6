"""What all requests share: the source, the history, and the summary made of both."""

from monitor.api.condition import condition
from monitor.api.decision_ring import DECISIONS_KEPT, NumberedDecision
from monitor.api.history import History
from monitor.api.presenting import (
    account_record,
    breaker_record,
    check_records,
    decision_lines,
    feed_record,
    fund_record,
    instrument_record,
    oracle_record,
    ranked_accounts,
)
from monitor.api.records import ConsoleState, Hello, ServiceRecord, Status, Step, exact_text
from monitor.api.source import ApiSource
from monitor.core.decisions import BreakerTripped
from monitor.core.view import RiskView

WORST_SHOWN = 25
BREAKERS_SHOWN = 24
INSTRUMENTS_SHOWN = 24
ORACLES_SHOWN = 24
FEEDS_SHOWN = 24
DECISIONS_SHOWN = 100
TRIPS_SHOWN = 100


class Desk:
    """The monitor as people see it: what is now, what was, and for how long nothing came."""

    def __init__(self, source: ApiSource) -> None:
        self.source = source
        self.history = History()
        self._engine_ns = -1
        self._moved_ns = source.now_ns()

    def sample(self) -> bool:
        """Add the present to the history; return whether it was kept."""
        self.stalled_s()
        return self.history.sample(self.source.view())

    def stalled_s(self) -> float:
        """Return for how long, in seconds of the wall clock, engine time has not moved."""
        engine_ns = self.source.view().engine_ns
        now_ns = self.source.now_ns()
        if engine_ns != self._engine_ns:
            self._engine_ns = engine_ns
            self._moved_ns = now_ns
        return max(0.0, (now_ns - self._moved_ns) / 1e9)

    def status(self) -> Status:
        """Return the exchange and the daemon, summed up."""
        view = self.source.view()
        stalled_s = self.stalled_s()
        return Status(
            now_ns=self.source.now_ns(),
            engine_ns=view.engine_ns,
            stalled_s=exact_text(round(stalled_s, 3)),
            condition=condition(view, self.source.health, self.history, stalled_s=stalled_s),
            accounts=view.accounts,
            suspect_accounts=view.suspect_accounts,
            liquidating_accounts=view.liquidating_accounts,
            margin_shortfall_usd=exact_text(view.margin_shortfall_usd),
            shortfall_usd=exact_text(sum(fund.shortfall_usd for fund in view.funds)),
            socialized_loss_usd=exact_text(sum(fund.socialized_loss_usd for fund in view.funds)),
            open_interest_usd=exact_text(
                sum(one.open_interest_usd or 0.0 for one in view.instruments)
            ),
            events=view.events_applied,
            decisions=view.decisions,
            service=self._service(view),
        )

    def state(self) -> ConsoleState:
        """Return the status and the head of each list."""
        view = self.source.view()
        return ConsoleState(
            status=self.status(),
            funds=[fund_record(fund, self.history) for fund in view.funds],
            breakers=[breaker_record(one) for one in view.breakers_by_urgency()[:BREAKERS_SHOWN]],
            breakers_total=len(view.breakers),
            worst=[
                account_record(rank, account)
                for rank, account in ranked_accounts(view)[:WORST_SHOWN]
            ],
            instruments=[
                instrument_record(one) for one in view.instruments_by_size()[:INSTRUMENTS_SHOWN]
            ],
            instruments_total=len(view.instruments),
            oracles=[oracle_record(oracle) for oracle in view.oracles[:ORACLES_SHOWN]],
            feeds=[feed_record(feed) for feed in view.feeds[:FEEDS_SHOWN]],
        )

    def hello(self) -> Hello:
        """Return everything that a fresh page shows."""
        newest = self.source.decisions.after(0, limit=DECISIONS_KEPT)
        return Hello(
            state=self.state(),
            history=self.history.after(0),
            decisions=decision_lines(newest, limit=DECISIONS_SHOWN),
            breaker_trips_ns=trips_of(newest),
        )

    def step(self, *, after_sample: int, after_decision: int) -> Step:
        """Return the present state and what is new since these numbers, decisions newest first."""
        newer = self.source.decisions.after(after_decision, limit=DECISIONS_KEPT)
        return Step(
            state=self.state(),
            history=self.history.after(after_sample),
            decisions=decision_lines(newer, limit=DECISIONS_SHOWN),
            breaker_trips_ns=trips_of(newer),
        )

    def _service(self, view: RiskView) -> ServiceRecord:
        measurements = self.source.measurements
        return ServiceRecord(
            version=self.source.version,
            epoch=int(measurements.value("loss_monitor_leader_epoch")),
            configuration_hash=view.configuration_hash,
            ready=self.source.health.is_ready,
            checks=check_records(self.source.health),
            inbox_depth_events=int(measurements.value("loss_monitor_inbox_depth_events")),
            inbox_capacity_events=int(measurements.value("loss_monitor_inbox_capacity_events")),
        )


def trips_of(decisions: list[NumberedDecision]) -> list[int]:
    """Return when breakers tripped, oldest first: at most TRIPS_SHOWN, the newest."""
    trips = [one.decision.event_ns for one in decisions if isinstance(one.decision, BreakerTripped)]
    return trips[-TRIPS_SHOWN:]
