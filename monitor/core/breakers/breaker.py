"""The machine that every breaker rule runs on: armed -> tripped -> cooling -> armed.

A rule measures; the machine decides. It trips strictly beyond the limit, stays tripped until
`halt_s` have passed and the measure is back at the release level, then cools for `cool_off_s`
and is armed again with a fresh reference. `extended` counts how often a halt was prolonged.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from monitor.core.amounts import float_setting, rounded_text
from monitor.core.decisions import (
    BreakerCooling,
    BreakerRearmed,
    BreakerState,
    BreakerTripped,
    Decision,
)
from monitor.core.settings import BreakerSettings

SECOND_NS = 1_000_000_000
# An estimate this much (relative) below the limit is clear of it, whatever its rounding.
ESTIMATE_BAND = 1e-6


@dataclass(slots=True)
class BreakerStatus:
    """Where one breaker stands for one scope; `due_ns` is its next timer.

    `estimate` is the measure in floats at the last look, for display; `measured` is exact, and
    only kept near the limit and while tripped.
    """

    state: BreakerState = "armed"
    changed_ns: int = 0
    due_ns: int | None = None
    extended: int = 0
    measured: Fraction = Fraction(0)
    estimate: float = 0.0


class Rule(Protocol):
    """What a breaker rule must tell the machine, for one scope."""

    def observe(self, now_ns: int, price: str, high: str | None, low: str | None) -> None:
        """Take one mark, with the extremes that were coalesced into it."""

    def pass_time(self) -> None:
        """Time moves on without a mark: the newest one counts by its price alone."""

    def estimate(self, now_ns: int) -> float:
        """Return the measure now in floats: what says whether `measure` must be asked."""

    def measure(self, now_ns: int) -> Fraction:
        """Return the measure now (>= 0), exactly."""

    def restart(self, now_ns: int) -> None:
        """Take a fresh reference from now."""

    def next_change_ns(self) -> int | None:
        """Return when the measure may fall without an event, None if never."""

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""


class Breaker:
    """One configured breaker on one scope."""

    def __init__(self, settings: BreakerSettings, scope: str, rule: Rule) -> None:
        """Begin armed."""
        self.settings = settings
        self.scope = scope
        self.rule = rule
        self.status = BreakerStatus()
        self.limit = float_setting(settings.limit_ratio)
        self._clear = float(self.limit) * (1 - ESTIMATE_BAND)
        self.release = float_setting(
            settings.limit_ratio if settings.release_ratio is None else settings.release_ratio
        )
        self.halt_ns = round(settings.halt_s * SECOND_NS)
        self.cool_off_ns = round(settings.cool_off_s * SECOND_NS)

    @property
    def timer_name(self) -> str:
        """Return the name that orders this breaker's timer among equal times."""
        return f"breaker:{self.settings.name}:{self.scope}"

    @property
    def kind(self) -> str:
        """Return the rule's kind."""
        return str(self.settings.__struct_config__.tag)

    def look(self, now_ns: int) -> list[Decision]:
        """Measure and move the machine on; returns what it decides, in order."""
        status = self.status
        status.estimate = self.rule.estimate(now_ns)
        if status.state == "armed" and status.estimate < self._clear:
            return []
        status.measured = self.rule.measure(now_ns)
        decisions: list[Decision] = []
        if status.state == "cooling" and status.due_ns is not None and now_ns >= status.due_ns:
            decisions.append(self._arm(now_ns, by=None))
        elif status.state == "armed" and status.measured > self.limit:
            decisions.append(self._trip(now_ns))
        if status.state == "tripped":
            decisions += self._look_tripped(now_ns)
        return decisions

    def _trip(self, now_ns: int) -> Decision:
        self._enter("tripped", now_ns)
        return self.tripped(now_ns)

    def tripped(self, now_ns: int) -> BreakerTripped:
        """Return the decision that describes a standing or new trip."""
        return BreakerTripped(
            event_ns=now_ns,
            rule=self.kind,
            breaker=self.settings.name,
            scope=self.scope,
            measured=rounded_text(self.status.measured),
            limit=rounded_text(self.limit),
            action=self.settings.action,
        )

    def _look_tripped(self, now_ns: int) -> list[Decision]:
        status = self.status
        halt_end = status.changed_ns + self.halt_ns * (status.extended + 1)
        if now_ns < halt_end:
            status.due_ns = halt_end
            return []
        if status.measured > self.release:
            if self.halt_ns:
                status.extended += 1
                status.due_ns = halt_end + self.halt_ns
            else:
                status.due_ns = self.rule.next_change_ns()
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
        return [] if self.status.state == "armed" else [self._arm(now_ns, by=by)]

    def _arm(self, now_ns: int, *, by: str | None) -> Decision:
        self._enter("armed", now_ns)
        self.rule.restart(now_ns)
        self.status.measured, self.status.estimate = Fraction(0), 0.0
        return BreakerRearmed(
            event_ns=now_ns, rule=self.kind, breaker=self.settings.name, scope=self.scope, by=by
        )

    def _enter(self, state: BreakerState, now_ns: int) -> None:
        self.status.state = state
        self.status.changed_ns = now_ns
        self.status.due_ns = None
        if state != "cooling":
            self.status.extended = 0
