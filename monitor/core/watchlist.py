"""Which margin units a view tells of: liquidating, short of margin, nearest to liquidation."""

from collections.abc import Mapping

import numpy as np

from monitor.core.margin.book import MarginUnit
from monitor.core.margin.thresholds import Thresholds


class Watchlist:
    """The units of one shard that are looked at in every view, kept with every verdict."""

    def __init__(self) -> None:
        """Watch every unit that is followed."""
        self.liquidating: set[MarginUnit] = set()
        self.short_of_margin: set[MarginUnit] = set()

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

    def forget(self, unit: MarginUnit) -> None:
        """Drop a unit that is gone."""
        self.liquidating.discard(unit)
        self.short_of_margin.discard(unit)


def worst_accounts(
    thresholds: Thresholds, cross: Mapping[str, MarginUnit], count: int
) -> list[tuple[float, str]]:
    """Return (maintenance / equity, account) of those nearest to liquidation, worst first.

    Infinite without equity. Those with neither a requirement nor a debt are not among them.
    """
    units = list(cross.values())
    measures = thresholds.measures(units)
    equity, maintenance = measures[:, 0], measures[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(equity > 0.0, maintenance / equity, np.inf)
    score[~((maintenance > 0.0) | (equity < 0.0))] = -1.0  # not a number: unknown
    score[np.isnan(equity)] = -1.0
    first = np.flatnonzero(score >= _least_of_foremost(score, count))
    places = [(float(score[place]), units[place].account.name) for place in first.tolist()]
    return sorted((place for place in places if place[0] >= 0.0), reverse=True)[:count]


def _least_of_foremost(score: np.ndarray[tuple[int], np.dtype[np.float64]], count: int) -> float:
    if len(score) <= count:
        return 0.0
    return float(np.partition(score, -count)[-count])
