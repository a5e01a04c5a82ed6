"""Which margin units a view tells of: liquidating, short of margin, nearest to liquidation."""

import numpy as np

from monitor.core.margin.book import MarginUnit
from monitor.core.margin.thresholds import Thresholds


class Watchlist:
    """The numbers of the units that are looked at in every view, kept with every verdict."""

    def __init__(self) -> None:
        """Watch every unit that is followed."""
        self.liquidating: set[int] = set()
        self.short_of_margin: set[int] = set()

    def follow(self, unit: MarginUnit) -> None:
        """Take note of a unit's new verdict."""
        if unit.liquidating:
            self.liquidating.add(unit.number)
        elif self.liquidating:
            self.liquidating.discard(unit.number)
        if unit.state in ("liquidatable", "bankrupt"):
            self.short_of_margin.add(unit.number)
        elif self.short_of_margin:
            self.short_of_margin.discard(unit.number)

    def forget(self, unit: int) -> None:
        """Drop a unit that is gone."""
        self.liquidating.discard(unit)
        self.short_of_margin.discard(unit)


def worst_accounts(thresholds: Thresholds, count: int) -> list[tuple[float, str]]:
    """Return (maintenance / equity, account) of those nearest to liquidation, worst first.

    Infinite without equity. Those with neither a requirement nor a debt are not among them.
    """
    units = thresholds.units.cross_units()
    measures = thresholds.index.measures(units)
    equity, maintenance = measures[:, 0], measures[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(equity > 0.0, maintenance / equity, np.inf)
    score[~((maintenance > 0.0) | (equity < 0.0))] = -1.0  # not a number: unknown
    score[np.isnan(equity)] = -1.0
    first = np.flatnonzero(score >= _least_of_foremost(score, count))
    places = [
        (float(score[place]), thresholds.units.look(int(units[place])).account.name)
        for place in first.tolist()
        if score[place] >= 0.0
    ]
    return sorted(places, reverse=True)[:count]


def _least_of_foremost(score: np.ndarray[tuple[int], np.dtype[np.float64]], count: int) -> float:
    if len(score) <= count:
        return 0.0
    return float(np.partition(score, -count)[-count])
