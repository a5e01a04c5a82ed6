"""What the ladder is measured against: the same roots, found anew for every unit that may change.

The peers look for roots with the ladder's own compiled functions and keep no guards.
"""

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index.columns import Columns
from monitor.core.margin.index.compile import compiled, inlined
from monitor.core.margin.index.ladder_columns import (
    PLACED,
    UNSET,
    WINDOW,
    LadderColumns,
    cell_of,
    first_cell,
    price_of,
)
from monitor.core.margin.index.placing import (
    chain_rows,
    place_rows,
    rest_of,
    standing_of,
    take_out,
)
from monitor.core.margin.index.roots import nearest_root
from monitor.core.margin.index.steps import HITS_AHEAD, prefetch_unit
from monitor.core.margin.index.verdict import measure, slot_of


@inlined
def place_unit(c: Columns, ladder: LadderColumns, begin: int) -> None:
    """Find all roots of a unit and put it on the ladder."""
    measured = measure(c, begin)
    if standing_of(c, begin, measured) != PLACED:
        return
    slack = measured[0] - measured[1]
    head = c.heads[begin]
    chain_rows(c, ladder, begin)
    for place in range(head["count"], head["assets"], -1):
        slot = slot_of(c, c.rows[begin + place])
        if ladder.last[slot] == place:
            price = c.slots[slot]["price"]
            rest, _, _ = rest_of(c, ladder, begin, place, slack)
            if ladder.middles[slot] == UNSET:
                ladder.middles[slot] = cell_of(price)
            for side in range(2):
                first = first_cell(ladder.middles[slot], side)
                limit = price_of(first + side * WINDOW)
                own = (begin, place, slot, rest)
                root, _, _, _ = nearest_root(c, ladder, own, (price, slack), limit)
                if root == root:  # noqa: PLR0124 (a number)
                    place_rows(c, ladder, own, side, cell_of(root))
                c.slots[slot]["price"] = price
            ladder.last[slot] = 0


@compiled
def rebuild(c: Columns, ladder: LadderColumns) -> None:
    """Build the whole ladder anew, in arrays that hold an earlier one."""
    ladder.sizes[:] = 0.0
    ladder.counts[:] = 0
    for unit in range(len(c.begins)):
        prefetch_unit(c, min(unit + HITS_AHEAD, len(c.begins) - 1))
        if c.begins[unit] >= 0:
            place_unit(c, ladder, int(c.begins[unit]))


@compiled
def replace_units(c: Columns, ladder: LadderColumns, units: NDArray[np.int32]) -> None:
    """Take the entries of some units off the ladder and find them anew."""
    for number in range(len(units)):
        prefetch_unit(c, units[min(number + HITS_AHEAD, len(units) - 1)])
        begin = int(c.begins[units[number]])
        take_out(c, ladder, begin)
        place_unit(c, ladder, begin)


@compiled
def slacks(c: Columns, slack: NDArray[np.float64]) -> None:
    """Write each unit's equity less its maintenance margin."""
    for unit in range(len(c.begins)):
        measured = measure(c, int(c.begins[unit]))
        slack[unit] = measured[0] - measured[1]
