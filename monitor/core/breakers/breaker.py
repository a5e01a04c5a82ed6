"""The machine that every breaker rule runs on: armed -> tripped -> cooling -> armed.

A rule measures; the machine decides. It trips strictly beyond the limit, stays tripped until
`halt_s` have passed and the rule says that the measure is back, then cools for `cool_off_s` and is
armed again. `extended` counts how often a halt was prolonged.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple, Protocol, runtime_checkable

from monitor.core.amounts import rounded_text
from monitor.core.breaker_settings import BreakerSettings
from monitor.core.decisions import (
    BreakerBound,
    BreakerCooling,
    BreakerRearmed,
    BreakerState,
    BreakerTripped,
    BreakerUnit,
    Decision,
)

SECOND_NS = 1_000_000_000
# Of kinds that know one unit, which is no ratio.
UNITS: dict[str, BreakerUnit] = {
    "fund_below_mean": "asset",
    "fund_speed": "s",
    "feed_outage": "s",
    "price_band_log_normal": "quote",
}
# An estimate this much (relative) below the limit is clear of it, whatever its rounding.
ESTIMATE_BAND = 1e-6


class Measure(NamedTuple):
    """What a rule measures against which limit, exactly.

    `is_beyond`: strictly beyond the limit, where an armed breaker trips. `is_back`: where a tripped
    one may cool.
    """

    value: Fraction
    limit: Fraction
    is_beyond: bool
    is_back: bool


class Estimate(NamedTuple):
    """The same in floats, for display; `is_clear`: surely not beyond, whatever the rounding."""

    value: float
    limit: float
    is_clear: bool


@dataclass(slots=True)
class BreakerStatus:
    """Where one breaker stands for one scope; `due_ns` is its next timer.

    `estimate` is the measure in floats at the last look, for display; `measure` is exact, and
    only taken near the limit and while tripped.
    """

    state: BreakerState = "armed"
    changed_ns: int = 0
    due_ns: int | None = None
    extended: int = 0
    estimate: float = 0.0
    limit: float = 0.0


class Rule(Protocol):
    """What a breaker rule must tell the machine, for one scope."""

    trips_by_time: bool  # whether the measure may rise without an event

    def pass_time(self) -> None:
        """Time moves on without an event that the rule watches."""

    def estimate(self, now_ns: int) -> Estimate:
        """Return the measure now in floats: what says whether `measure` must be asked."""

    def measure(self, now_ns: int) -> Measure:
        """Return the measure now, exactly."""

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Be armed again; by hand, with the present as the only reference."""

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when the verdict on the measure may change without an event, None if never."""

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""


@runtime_checkable
class Explained(Protocol):
    """A rule that rests on single events, and can name them."""

    def bounding_events(self, now_ns: int) -> list[BreakerBound]:
        """Return the events that bound the measure now, none where nothing is measured."""


class Breaker:
    """One configured breaker on one scope."""

    def __init__(self, settings: BreakerSettings, scope: str, rule: Rule) -> None:
        """Begin armed."""
        self.settings = settings
        self.scope = scope
        self.rule = rule
        self.status = BreakerStatus()
        self.halt_ns = round(settings.halt_s * SECOND_NS)
        self.cool_off_ns = round(settings.cool_off_s * SECOND_NS)

    @property
    def timer_name(self) -> str:
        """Return the name that orders this breaker's timer among equal times."""
        return f"breaker:{self.settings.name}:{self.scope}"

    @property
    def action(self) -> str:
        """Return what the exchange should do on a trip: only be notified while on trial."""
        return "notify" if self.settings.dry_run else self.settings.action

    @property
    def unit(self) -> BreakerUnit:
        """Return the unit of the measure and its limit."""
        settings = self.settings
        if self.kind in UNITS:
            return UNITS[self.kind]
        if getattr(settings, "limit_quote", None) is not None:
            return "quote"
        if getattr(settings, "limit_count", None) is not None:
            return "count"
        is_money = getattr(settings, "limit_usd", None) is not None
        return "usd" if is_money or getattr(settings, "measure", "") == "notional" else "ratio"

    @property
    def kind(self) -> str:
        """Return the rule's kind."""
        return str(self.settings.__struct_config__.tag)

    def look(self, now_ns: int) -> list[Decision]:
        """Measure and move the machine on; returns what it decides, in order."""
        status, rule = self.status, self.rule
        status.estimate, status.limit, is_clear = rule.estimate(now_ns)
        decisions: list[Decision] = []
        if status.state != "armed" or not is_clear:
            decisions = self._move_on(rule.measure(now_ns), now_ns)
        self._watch_time(now_ns)
        return decisions

    def _move_on(self, measure: Measure, now_ns: int) -> list[Decision]:
        status = self.status
        decisions: list[Decision] = []
        if status.state == "cooling" and status.due_ns is not None and now_ns >= status.due_ns:
            decisions.append(self._arm(now_ns, by=None))
        elif status.state == "armed" and measure.is_beyond:
            self._enter("tripped", now_ns)
            decisions.append(self._tripped(measure, now_ns))
        if status.state == "tripped":
            decisions += self._look_tripped(measure, now_ns)
        return decisions

    def _watch_time(self, now_ns: int) -> None:
        """While armed, look again when time alone may trip it."""
        if self.rule.trips_by_time and self.status.state == "armed":
            self.status.due_ns = self.rule.next_change_ns(now_ns)

    def tripped(self, now_ns: int) -> BreakerTripped:
        """Return the decision that describes a standing trip."""
        return self._tripped(self.rule.measure(now_ns), now_ns)

    def _tripped(self, measure: Measure, now_ns: int) -> BreakerTripped:
        return BreakerTripped(
            event_ns=now_ns,
            rule=self.kind,
            breaker=self.settings.name,
            scope=self.scope,
            measured=rounded_text(measure.value),
            limit=rounded_text(measure.limit),
            action=self.action,
            unit=self.unit,
            dry_run_action=self.settings.action if self.settings.dry_run else None,
            window_start_ns=self._window_start_ns(now_ns),
            bounds=self.rule.bounding_events(now_ns) if isinstance(self.rule, Explained) else [],
        )

    def _window_start_ns(self, now_ns: int) -> int | None:
        lookback_s = getattr(self.settings, "lookback_s", None)  # not every kind has one
        return None if lookback_s is None else max(0, now_ns - round(lookback_s * SECOND_NS))

    def _look_tripped(self, measure: Measure, now_ns: int) -> list[Decision]:
        status = self.status
        halt_end = status.changed_ns + self.halt_ns * (status.extended + 1)
        if now_ns < halt_end:
            status.due_ns = halt_end
            return []
        if not measure.is_back:
            if self.halt_ns:
                status.extended += 1
                status.due_ns = halt_end + self.halt_ns
            else:
                status.due_ns = self.rule.next_change_ns(now_ns)
            return []
        cooling = BreakerCooling(
            event_ns=now_ns,
            rule=self.kind,
            breaker=self.settings.name,
            scope=self.scope,
            extended=status.extended,
        )
        self._enter("cooling", now_ns)
        status.due_ns = now_ns + self.cool_off_ns
        return [cooling] if self.cool_off_ns else [cooling, self._arm(now_ns, by=None)]

    def reset(self, now_ns: int, by: str) -> list[Decision]:
        """Arm by hand; nothing to decide when it is armed already."""
        if self.status.state == "armed":
            return []
        rearmed = self._arm(now_ns, by=by)
        self._watch_time(now_ns)
        return [rearmed]

    def _arm(self, now_ns: int, *, by: str | None) -> Decision:
        self._enter("armed", now_ns)
        self.rule.restart(now_ns, by_hand=by is not None)
        self.status.estimate, self.status.limit, _ = self.rule.estimate(now_ns)
        return BreakerRearmed(
            event_ns=now_ns, rule=self.kind, breaker=self.settings.name, scope=self.scope, by=by
        )

    def _enter(self, state: BreakerState, now_ns: int) -> None:
        self.status.state = state
        self.status.changed_ns = now_ns
        self.status.due_ns = None
        if state != "cooling":
            self.status.extended = 0
