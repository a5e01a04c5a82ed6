"""One step of the ladder: prices first, then the units whose guards they crossed, placed anew."""

import math

from monitor.core.margin.index.blocks import mark_rules
from monitor.core.margin.index.buckets import collect, list_unit, put_pending
from monitor.core.margin.index.columns import (
    GUARDED,
    HITS,
    OVERFULL,
    Columns,
    Records,
)
from monitor.core.margin.index.compile import apart, compiled, inlined
from monitor.core.margin.index.ladder_columns import (
    DRIFT_MAX,
    DRIFTED,
    OFF,
    UNSET,
    LadderColumns,
    cell_of,
)
from monitor.core.margin.index.placing import replace_unit, stand, take_out
from monitor.core.margin.index.steps import (
    HITS_AHEAD,
    has_room,
    list_holders,
    prefetch_unit,
    set_price,
    tidy_slots,
)


@apart
def replace_hits(c: Columns, ladder: LadderColumns) -> bool:
    """Place the hits anew; False if room for guards ran out before all were."""
    while c.counters[GUARDED] < c.counters[HITS]:
        if not has_room(c):
            put_pending(c)
            return False
        number = c.counters[GUARDED]
        prefetch_unit(c, c.hits[min(number + HITS_AHEAD, c.counters[HITS] - 1)])
        begin = int(c.begins[c.hits[number]])
        c.counters[GUARDED] += 1
        if begin >= 0:
            c.heads[begin]["listed"] = 0
            replace_unit(c, ladder, begin)
        if c.counters[OVERFULL]:
            tidy_slots(c)
    c.counters[GUARDED] = 0
    c.counters[HITS] = 0
    put_pending(c)
    return True


@inlined
def set_mark(c: Columns, ladder: LadderColumns, slot: int, price: float) -> None:
    """Set a price; note a mark that has drifted from the middle of its windows."""
    set_price(c, slot, price)
    middle = ladder.middles[slot]
    if middle != UNSET and not math.isnan(price) and abs(cell_of(price) - middle) > DRIFT_MAX:
        ladder.flags[DRIFTED] = 1


@compiled
def settle(c: Columns, ladder: LadderColumns) -> bool:
    """Collect what moved prices crossed and place it anew; False: more room is needed."""
    for slot in range(1, len(c.slots)):
        own = c.slots[slot]
        if own["price"] != own["old"] and not math.isnan(own["price"]):
            collect(c, slot)
    return replace_hits(c, ladder)


@compiled
def set_prices(c: Columns, ladder: LadderColumns, slots: Records, prices: Records) -> None:
    """Set many prices and list the holders of those that are missing now or were."""
    turned = False
    for number in range(len(slots)):
        set_mark(c, ladder, slots[number], prices[number])
        turned = turned or c.slots[slots[number]]["turned"] != 0
    if turned:
        list_holders(c)


@compiled
def move_each(
    c: Columns, ladder: LadderColumns, slots: Records, prices: Records, first: int
) -> int:
    """Apply single moves of known prices from the first on; return how many are done.

    Ends early when room for guards is needed or windows have to be laid anew.
    """
    for number in range(first, len(slots)):
        set_mark(c, ladder, slots[number], prices[number])
        if ladder.flags[DRIFTED]:
            return number + 1
        collect(c, slots[number])
        if c.counters[HITS] and not replace_hits(c, ladder):
            return number + 1
    return len(slots)


@compiled
def take_units(
    c: Columns,
    ladder: LadderColumns,
    units: Records,
    forget: bool,  # noqa: FBT001
) -> None:
    """Take the entries of units that are about to change or to go off the ladder."""
    for number in range(len(units)):
        unit = units[number]
        if unit < len(c.begins) and c.begins[unit] >= 0:
            take_out(c, ladder, int(c.begins[unit]))
            if forget:
                stand(ladder, unit, OFF)
                ladder.totals[OFF] -= 1
        elif not forget:
            ladder.totals[OFF] += 1


@compiled
def list_all(c: Columns, ladder: LadderColumns) -> None:
    """List every unit, of a ladder that is empty."""
    for unit in range(len(c.begins)):
        begin = int(c.begins[unit])
        if begin >= 0:
            mark_rules(c, begin)
            list_unit(c, begin)
            ladder.totals[ladder.standings[unit]] += 1
