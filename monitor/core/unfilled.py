"""The trigger `liquidation_unfilled`: liquidations that have begun, until they end or take long.

Each is looked at once, `unfilled_after_s` after its start, by a timer of event time.
"""

import heapq
from typing import Any

from monitor.core.events import LiquidationFinished, LiquidationStarted
from monitor.core.settings import LIQUIDATION_UNFILLED, DeleveragingSettings

SECOND_NS = 1_000_000_000
NAME = "unfilled:"
LiquidationKey = tuple[str, str]  # account, liquidation_id


class Unfilled:
    """The liquidations under way by their start; as many as are open, while they trigger."""

    def __init__(self, settings: DeleveragingSettings) -> None:
        """Begin without any."""
        self.open: dict[LiquidationKey, int] = {}
        self._order: list[tuple[int, str, LiquidationKey]] = []
        self.use(settings)

    def use(self, settings: DeleveragingSettings) -> None:
        """Take new settings; those that began before the trigger was named are not followed."""
        self.is_used = LIQUIDATION_UNFILLED in settings.trigger
        self.after_ns = round(settings.unfilled_after_s * SECOND_NS)
        if not self.is_used:
            self.open, self._order = {}, []

    def started(self, event: LiquidationStarted) -> None:
        """Follow a liquidation from now on."""
        if self.is_used:
            self._follow((event.account, event.liquidation_id), event.event_ns)

    def finished(self, event: LiquidationFinished) -> None:
        """Follow a liquidation no more."""
        self.open.pop((event.account, event.liquidation_id), None)

    def next_timer(self) -> tuple[int, str, LiquidationKey] | None:
        """Return the first timer as (due_ns, name, key), None without one."""
        while self._order:
            started_ns, name, key = self._order[0]
            if self.open.get(key) == started_ns:
                return started_ns + self.after_ns, name, key
            heapq.heappop(self._order)  # it has ended, or begun again
        return None

    def fire(self, key: LiquidationKey) -> None:
        """Take that a liquidation has been looked at."""
        del self.open[key]

    def _follow(self, key: LiquidationKey, started_ns: int) -> None:
        self.open[key] = started_ns
        heapq.heappush(self._order, (started_ns, NAME + ":".join(key), key))

    def export_state(self) -> list[Any]:
        """Return everything as plain values, in a canonical order."""
        return [[*key, started_ns] for key, started_ns in sorted(self.open.items())]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described, as far as the settings use it."""
        for account, identity, started_ns in state if self.is_used else ():
            self._follow((account, identity), started_ns)
