"""Which margin units a view tells of: liquidating, short of margin, nearest to liquidation.

The nearest are looked for among all units or, once images of the book are taken, among the worst
of the newest image and the units whose state changed since it was taken: then a view costs the same
whatever the book's size.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.book import MarginUnit
from monitor.core.margin.thresholds import Thresholds

WORST_MAX = 1_000  # of an image, that a view looks at
CHANGED_MAX = 4_096  # since an image


class Watchlist:
    """The numbers of the units that are looked at in every view, kept with every verdict."""

    def __init__(self) -> None:
        """Watch every unit that is followed."""
        self.liquidating: set[int] = set()
        self.short_of_margin: set[int] = set()
        self.worst_of_image: dict[int, None] | None = None  # worst first; None: there is none yet
        self._changed: dict[int, None] = {}  # since the image before was taken
        self._changed_since: dict[int, None] = {}  # since the newest was taken

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

    def note_change(self, unit: int) -> None:
        """Take note of a cross unit whose state has changed; beyond a limit, the image tells."""
        if len(self._changed_since) < CHANGED_MAX:
            self._changed_since[unit] = None

    def note_image(self) -> None:
        """Take note that an image is being taken: it knows all changes up to now."""
        kept = [*self._changed, *self._changed_since][-CHANGED_MAX:]
        self._changed, self._changed_since = dict.fromkeys(kept), {}

    def take_worst(self, units: Iterable[int]) -> None:
        """Take the worst cross units of the image noted last, worst first; all still there."""
        self.worst_of_image = dict.fromkeys(units)
        self._changed = {}

    def candidates(self) -> list[int] | None:
        """Return the cross units among which the worst are; None: any may be among them."""
        if self.worst_of_image is None:
            return None
        worst = [*self.worst_of_image][:WORST_MAX]
        return [*dict.fromkeys([*worst, *self._changed, *self._changed_since])]

    def forget(self, unit: int) -> None:
        """Drop a unit that is gone."""
        self.liquidating.discard(unit)
        self.short_of_margin.discard(unit)
        self._changed.pop(unit, None)
        self._changed_since.pop(unit, None)
        if self.worst_of_image is not None:
            self.worst_of_image.pop(unit, None)


def worst_accounts(
    thresholds: Thresholds, units: NDArray[np.int32], count: int
) -> list[tuple[float, str]]:
    """Return (maintenance / equity, account) of those nearest to liquidation, worst first.

    `units` are cross units. Infinite without equity. Those with neither a requirement, nor a debt,
    nor a position without any equity are not among them.
    """
    measures = thresholds.index.measures(units)
    equity, maintenance, gross = measures.T
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(equity > 0.0, maintenance / equity, np.inf)
    counts = (maintenance > 0.0) | (equity < 0.0)
    for place in np.flatnonzero((equity == 0.0) & ~counts & (gross > 0.0)).tolist():
        counts[place] = bool(thresholds.units.look(int(units[place])).positions())
    score[~counts | np.isnan(equity)] = -1.0  # not a number: unknown
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
