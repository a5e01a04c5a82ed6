"""What falls due without an event: the first timer of all parts, and what it does.

Timers due before an event fire first, in the order of (due, name), stamped with their due time.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from monitor.core.decisions import Decision
from monitor.core.deleveraging_watch import Moment
from monitor.core.intake import AccountIntake
from monitor.core.parts import EngineParts
from monitor.core.unfilled import LiquidationKey
from monitor.core.unfilled_plans import plan_unfilled

Timer: TypeAlias = tuple[int, str, Any]  # due_ns, name, what its owner needs


class Timers:
    """The timers of the engine's parts."""

    def __init__(self, parts: EngineParts, intake: AccountIntake) -> None:
        """Look at the engine's parts."""
        self.parts = parts
        self.intake = intake

    def next(self) -> Timer | None:
        """Return the first timer, by due time and name."""
        parts = self.parts
        first: Timer | None = None
        for timer in (
            parts.venue.board.next_timer(),
            parts.venue.oracles.next_timer(),
            parts.changes.next_timer(),
            parts.audit.next_timer(),
            parts.venue.withdrawals.next_timer(),
            *parts.watch.next_timers(),
            parts.venue.unfilled.next_timer(),
        ):
            if timer is not None and (first is None or timer[:2] < first[:2]):
                first = timer
        return first

    def fire(self, timer: Timer) -> Sequence[Decision]:
        """Let a timer's owner act at the engine's time; return what it decides."""
        due_ns, name, key = timer
        parts, now_ns = self.parts, self.parts.engine_ns
        if name.startswith("change:"):
            self.intake.give_up(key, parts.changes.give_up(key))
            return []
        if name.startswith(("withdrawals:", "unfilled:")):
            return self._fire_of_losses(timer)
        if name.startswith("audit"):
            violations = parts.audit.fire(key, now_ns)
            return [] if parts.bootstrapping else violations
        if name.startswith("oracle:"):
            return parts.facts.fire_oracle(key, due_ns)
        if parts.watch.owns(name):
            found = parts.watch.fire(timer, parts.shards.unit, now_ns)
            return [] if parts.bootstrapping else found
        return parts.venue.board.fire(key, due_ns)

    def _fire_of_losses(self, timer: Timer) -> Sequence[Decision]:
        """Let the gates of withdrawals act, or the winners beside a liquidation."""
        _, name, key = timer
        if name.startswith("unfilled:"):
            return self._plan_unfilled(key)
        pools = {one.settlement for one in self.parts.market.instruments.values()}
        return self.parts.venue.withdrawals.fire(key, pools, self.parts.engine_ns)

    def _plan_unfilled(self, key: LiquidationKey) -> list[Decision]:
        """Let winners be asked to close what a liquidation has not, unless accounts are missing."""
        parts = self.parts
        parts.venue.unfilled.fire(key)
        moment = Moment(parts.engine_ns, parts.ordinal)
        planned = plan_unfilled(key, parts.shards, parts.venue, moment)
        return [] if parts.bootstrapping else planned
