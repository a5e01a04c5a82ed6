"""The liquidation engine as a whole: does its work pile up, and has it fallen silent."""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import rounded_text
from monitor.core.decisions import Decision, LiquidationBacklogGrowing, LiquidationEngineSilent
from monitor.core.liquidation_watch.waits import MILLIONTHS, SECOND_NS
from monitor.core.settings import LiquidationWatchSettings
from monitor.core.windows import MaximumWindow

SILENT = "silent:liquidations"


class Backlog:
    """How many units wait without a liquidation, and when the engine last did anything.

    `growth`: the backlog less the least of the window, at its last change. It is told once beyond
    the limit, and again after it has been at most half of it.
    """

    def __init__(self) -> None:
        """Begin without work."""
        self.count = 0
        self.notional = 0
        self.growth = 0
        self.is_growing = False
        self.is_silent = False
        self.last_step_ns: int | None = None  # of the liquidation engine
        self._work_ns = 0  # since when there is work
        self._least = MaximumWindow(SECOND_NS, Fraction(0))  # of the negated backlog
        self._limit: int | None = None
        self._silent_ns: int | None = None

    def use(self, settings: LiquidationWatchSettings) -> None:
        """Take settings; another window begins with the backlog of now."""
        lookback_ns = round(settings.backlog_window_s * SECOND_NS)
        self._limit = settings.backlog_growth_max
        if lookback_ns != self._least.lookback_ns or self._limit is None:
            self._least = MaximumWindow(lookback_ns, Fraction(-self.count))
            self.growth, self.is_growing = 0, False
        silent_s = settings.silent_after_s
        self._silent_ns = None if silent_s is None else max(1, round(silent_s * SECOND_NS))
        if self._silent_ns is None:
            self.is_silent = False

    def note(self, count: int, notional: int, now_ns: int) -> list[Decision]:
        """Take the backlog after a change."""
        self.notional = notional
        if count == self.count:
            return []
        if not self.count:
            self._work_ns = now_ns
        if not count:
            self.is_silent = False
        self.count = count
        if self._limit is None:
            return []
        self._least.change(now_ns, Fraction(-count))
        self._least.move_to(now_ns)
        self.growth = count + int(self._least.maximum)
        if self.is_growing or self.growth <= self._limit:
            self.is_growing = self.is_growing and 2 * self.growth > self._limit
            return []
        self.is_growing = True
        return [self._growing(now_ns)]

    def note_step(self, now_ns: int) -> None:
        """Take a sign of life of the liquidation engine."""
        self.last_step_ns, self.is_silent = now_ns, False

    def next_timer(self) -> tuple[int, str, None] | None:
        """Return when the engine has been silent for too long."""
        if self._silent_ns is None or not self.count or self.is_silent:
            return None
        return self._since_ns() + self._silent_ns, SILENT, None

    def fire(self, now_ns: int) -> list[Decision]:
        """Tell that the engine is silent, once a silence."""
        self.is_silent = True
        return [self._silent(now_ns)]

    def standing(self, now_ns: int) -> list[Decision]:
        """Return what holds now."""
        growing = [self._growing(now_ns)] if self.is_growing else []
        return growing + ([self._silent(now_ns)] if self.is_silent else [])

    def _since_ns(self) -> int:
        return max(self._work_ns, self.last_step_ns or 0)

    def _growing(self, now_ns: int) -> Decision:
        window_s = rounded_text(Fraction(self._least.lookback_ns, SECOND_NS))
        return LiquidationBacklogGrowing(
            event_ns=now_ns,
            rule="liquidation_watch",
            waiting=self.count,
            notional_usd=rounded_text(Fraction(self.notional, MILLIONTHS)),
            reason=f"{self.growth} more units wait than at the least of the last {window_s} s",
        )

    def _silent(self, now_ns: int) -> Decision:
        silent_s = rounded_text(Fraction(now_ns - self._since_ns(), SECOND_NS))
        return LiquidationEngineSilent(
            event_ns=now_ns,
            rule="liquidation_watch",
            waiting=self.count,
            notional_usd=rounded_text(Fraction(self.notional, MILLIONTHS)),
            reason=f"no liquidation has begun, filled or ended for {silent_s} s while units wait",
        )

    def export_state(self) -> list[Any]:
        """Return everything as plain values."""
        return [
            self.growth,
            self.is_growing,
            self.is_silent,
            self.last_step_ns,
            self._work_ns,
            self._least.lookback_ns,
            None if self._limit is None else self._least.export_state(),
        ]

    def restore(self, state: list[Any], count: int, notional: int) -> None:
        """Take what `export_state` described; another window than then begins anew."""
        self.count, self.notional = count, notional
        growth, is_growing, is_silent, self.last_step_ns, self._work_ns, lookback_ns, least = state
        self.is_silent = is_silent and self._silent_ns is not None
        if lookback_ns == self._least.lookback_ns and self._limit is not None and least:
            self._least.restore(least)
            self.growth, self.is_growing = growth, is_growing
        else:
            self._least = MaximumWindow(self._least.lookback_ns, Fraction(-count))
