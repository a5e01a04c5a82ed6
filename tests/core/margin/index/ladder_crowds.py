"""Random crowds on a ladder, every price moved as far as the guards allow, against a new search."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import ladder_peers as peers
from monitor.core.margin.index.columns import ITEM, Capacity
from monitor.core.margin.index.ladder import Ladder
from monitor.core.margin.index.ladder_columns import (
    EDGES,
    PLACED,
    WINDOW,
    cell_of,
    first_cell,
    make_ladder,
)
from tests.core.margin.index.crowds import Crowd, rows_and_slots

CAPACITY_PER_UNIT = (8, 5, 4)


class LadderCrowd(Crowd):
    """Units that share nothing, on a ladder; `share`: of the room that the guards hand out."""

    index: Any

    def __init__(self, units: int, seed: int, *, share: float = 1.0) -> None:
        self.random = np.random.default_rng(seed)
        rows, slots, instruments = (number * units for number in CAPACITY_PER_UNIT)
        self.index = Ladder(Capacity(units, rows, slots, instruments))
        self.index.columns.rules["share"] = share
        self.units = np.arange(units)
        items: list[tuple[int, int, float, float, int]] = []
        for unit in range(units):
            items += self._unit(unit)
        self.index.set_units(np.array(items, ITEM))

    def off(self, trials: int) -> tuple[int, int, int]:
        """Return (entries more than a bucket off, entries another bucket off, entries seen)."""
        columns, kept = self.index.columns, self.index._ladder
        at_first = columns.slots["price"].copy()
        low, high = self.safe_prices()
        rows, marks = rows_and_slots(columns)
        numbers = np.concatenate(
            [np.arange(b + 1, b + 1 + columns.heads["count"][b]) for b in columns.begins]
        )
        twin = make_ladder(columns)._replace(middles=kept.middles)
        far = near = seen = 0
        for trial in range(trials):
            part = self.random.random(len(at_first))
            if trial % 3:  # corners: everything as far as it may go
                part = np.where(self.random.random(len(at_first)) < 0.8, part.round(), part)
            moved = np.clip(low * (high / low) ** part, low, high)
            columns.slots["price"] = np.where(low <= high, moved, at_first)
            peers.replace_units(columns, twin, self.units.astype(np.int32))
            placed = self._still_placed(numbers, rows)
            for side in range(2):
                middles = kept.middles[marks]
                mine, new = kept.entries[numbers, side], twin.entries[numbers, side]
                prices = columns.slots["price"][marks]
                held = placed & (rows["kind"] == 0)
                one = _buckets(mine[held], prices[held], middles[held], side)
                other = _buckets(new[held], prices[held], middles[held], side)
                far += int((abs(one - other) > 1).sum())
                near += int((abs(one - other) == 1).sum())
                seen += int(held.sum())
        columns.slots["price"] = at_first
        return far, near, seen

    def _still_placed(self, numbers: NDArray[Any], rows: Any) -> NDArray[np.bool_]:
        """Return which rows are of units that were placed and are not liquidatable now."""
        columns = self.index.columns
        was = self.index._ladder.standings == PLACED
        slack = np.zeros(len(columns.begins))
        peers.slacks(columns, slack)
        units = columns.heads["unit"][numbers - rows["place"]]
        return np.asarray((was & (slack > 0.0))[units])


def _buckets(
    entries: NDArray[Any], prices: NDArray[Any], middles: NDArray[Any], side: int
) -> NDArray[np.int64]:
    """Return the bucket of each entry at its mark; of none, the one beyond the window."""
    marks = np.array([cell_of(float(price)) for price in prices], np.int64)
    first = np.array([first_cell(int(middle), side) for middle in middles], np.int64)
    beyond = first + WINDOW if side else first - 1
    cells = np.where(entries == 0, beyond, first + entries - 1)
    offsets = cells - marks if side else marks - cells
    return np.asarray(np.searchsorted(EDGES[side], offsets, side="right") - 1)
