"""Which margin units a view tells of: liquidating, short of margin, nearest to liquidation.

Kept with every verdict, so that a view costs what it shows and not what the exchange holds.
"""

import heapq

from monitor.core.margin.book import MarginUnit

WORST_ACCOUNTS = 100
# The accounts kept beyond those shown: as many may leave before all are looked at again.
_KEPT = 4 * WORST_ACCOUNTS
_KEPT_MAX = 4 * _KEPT

_Place = tuple[float, str]  # maintenance / equity by the last measure, account; the largest first
_LAST: _Place = (-1.0, "")


class Watchlist:
    """The units of one shard that are looked at in every view."""

    def __init__(self, cross: dict[str, MarginUnit]) -> None:
        """Watch the cross units, by account, and every unit that is followed."""
        self.liquidating: set[MarginUnit] = set()
        self.short_of_margin: set[MarginUnit] = set()
        self._cross = cross
        # Every account whose place is at or before the cut.
        self._foremost: dict[str, _Place] = {}
        self._cut = _LAST

    def follow(self, unit: MarginUnit) -> None:
        """Take note of a unit's new verdict."""
        if unit.liquidating:
            self.liquidating.add(unit)
        elif self.liquidating:
            self.liquidating.discard(unit)
        if unit.state in ("liquidatable", "bankrupt"):
            self.short_of_margin.add(unit)
        elif self.short_of_margin:
            self.short_of_margin.discard(unit)
        if unit.key is None:
            place = _place(unit)
            if place is not None and place >= self._cut:
                self._foremost[place[1]] = place
                if len(self._foremost) > _KEPT_MAX:
                    self._keep(list(self._foremost.values()))
            else:
                self._foremost.pop(unit.account.name, None)

    def forget(self, unit: MarginUnit) -> None:
        """Drop a unit that is gone."""
        self.liquidating.discard(unit)
        self.short_of_margin.discard(unit)
        if unit.key is None:
            self._foremost.pop(unit.account.name, None)

    def worst(self) -> list[_Place]:
        """Return (maintenance / equity, account) of those nearest to liquidation, worst first.

        By their last measure; infinite without equity. Those with neither a requirement nor a
        debt are not among them.
        """
        if len(self._foremost) < WORST_ACCOUNTS and self._cut != _LAST:
            places = (_place(unit) for unit in self._cross.values())
            self._keep([place for place in places if place is not None])
        return heapq.nlargest(WORST_ACCOUNTS, self._foremost.values())

    def _keep(self, places: list[_Place]) -> None:
        """Keep the foremost of these, with the last of them as the cut."""
        foremost = heapq.nlargest(_KEPT, places)
        self._cut = foremost[-1] if len(foremost) == _KEPT else _LAST
        self._foremost = {place[1]: place for place in foremost}


def _place(unit: MarginUnit) -> _Place | None:
    equity, maintenance = unit.equity, unit.maintenance
    if maintenance <= 0 and equity >= 0:
        return None
    return (maintenance / equity if equity > 0 else float("inf"), unit.account.name)
