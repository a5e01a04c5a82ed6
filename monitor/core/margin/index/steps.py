"""One step of the index: prices first, then hits, then verdicts, and the guards after."""

import math

from monitor.core.margin.index.blocks import (
    draft_unit,
    drop_unit,
    mark_rules,
    place_unit,
    rows_left,
)
from monitor.core.margin.index.buckets import (
    bucket_of,
    chunks_left,
    collect,
    key_down,
    key_up,
    list_unit,
    put_pending,
    rings_left,
    sort_out,
)
from monitor.core.margin.index.columns import (
    CHANGES,
    GUARDED,
    HITS,
    LOWER,
    OVERFULL,
    RING_BITS_MAX,
    UNDECIDED,
    UNSETTLED,
    UPPER,
    WAITING_MAX,
    Columns,
    Records,
)
from monitor.core.margin.index.compile import compiled, inlined, prefetch
from monitor.core.margin.index.copy_on_write import keep_rows
from monitor.core.margin.index.guards import guard_next
from monitor.core.margin.index.holdings import (
    CROSS,
    NO_ROOM,
    Holdings,
    read_cross,
    read_isolated,
)
from monitor.core.margin.index.sums import add_unit, change_state, equity_of
from monitor.core.margin.index.verdict import measure, slot_of, verdict

HITS_AHEAD = 12  # how many units are on the way from memory at once


@inlined
def set_price(c: Columns, slot: int, price: float) -> None:
    """Set a price; not a number: it is missing."""
    own = c.slots[slot]
    if math.isnan(price) != math.isnan(own["price"]):
        own["turned"] = 1
    own["price"] = price
    own["moves"] += 1.0
    c.counters[UNSETTLED] = 1
    if not math.isnan(price):
        own["down"], own["up"] = key_down(price), key_up(price)
        if own["turned"]:
            own["old"], own["old_down"], own["old_up"] = price, own["down"], own["up"]


@inlined
def judge_unit(c: Columns, begin: int, step: int) -> bool:
    """Judge a unit anew and note a change; return whether the caller has something to decide.

    Noted too: a verdict that the caller has to give, or a unit in liquidation, which may be over.
    """
    head = c.heads[begin]
    before = head["state"]
    after = verdict(c, begin)
    asks = bool(after == UNDECIDED or head["ending"])
    if after != before or asks:
        change = c.changes[c.counters[CHANGES]]
        change["step"], change["unit"] = step, head["unit"]
        change["before"], change["after"] = before, after
        c.counters[CHANGES] += 1
        if after != before:
            change_state(c, begin, after)
    return asks


@inlined
def has_room(c: Columns) -> bool:
    """Return whether the next hit can be guarded whatever it needs."""
    rows = 0
    if c.counters[GUARDED] < c.counters[HITS]:
        begin = int(c.begins[c.hits[c.counters[GUARDED]]])
        rows = c.heads[begin]["count"] if begin >= 0 else 0
    most = 2 << RING_BITS_MAX
    needed = most + 2 * rows + WAITING_MAX
    return bool(chunks_left(c) >= needed and rings_left(c) >= 2 * most)


@inlined
def prefetch_unit(c: Columns, unit: int) -> None:
    """Ask for the head and the first rows of a unit."""
    begin = c.begins[unit]
    if begin >= 0:
        prefetch(c.rows, begin)
        prefetch(c.rows, begin + 2)


@inlined
def tidy_slots(c: Columns) -> None:
    """Sort out the prices with too many guards."""
    c.counters[OVERFULL] = 0
    for slot in range(1, len(c.slots)):
        if c.slots[slot]["guards"] > c.slots[slot]["guards_max"]:
            if not has_room(c):
                c.counters[OVERFULL] = 1
                return
            sort_out(c, slot)


@compiled
def sort_all(c: Columns) -> bool:
    """Sort out every price; False: more room is needed."""
    for slot in range(1, len(c.slots)):
        if c.slots[slot]["guards"]:
            if not has_room(c):
                return False
            sort_out(c, slot)
    return True


@inlined
def guard_hits(c: Columns) -> bool:
    """Guard the hits anew; False if room ran out before all were."""
    while c.counters[GUARDED] < c.counters[HITS]:
        if not has_room(c):
            put_pending(c)
            return False
        ahead = c.counters[GUARDED] + HITS_AHEAD
        if ahead < c.counters[HITS]:
            prefetch_unit(c, c.hits[ahead])
        guard_next(c)
        if c.counters[OVERFULL]:
            tidy_slots(c)
    put_pending(c)
    return True


@compiled
def settle(c: Columns) -> bool:
    """Collect what moved prices crossed, guard all hits; False: more room is needed."""
    return settled(c)


@inlined
def settled(c: Columns) -> bool:
    """Do what `settle` does."""
    if c.counters[UNSETTLED]:
        c.counters[UNSETTLED] = 0
        for slot in range(1, len(c.slots)):
            own = c.slots[slot]
            if own["price"] != own["old"] and not math.isnan(own["price"]):
                collect(c, slot)
    return guard_hits(c)


@compiled
def move_prices(c: Columns, slots: Records, prices: Records, by_rescan: bool) -> None:  # noqa: FBT001 (compiled: no keywords)
    """Set many prices as one step, then judge every unit that they may have changed."""
    turned = False
    for number in range(len(slots)):
        set_price(c, slots[number], prices[number])
        turned = turned or c.slots[slots[number]]["turned"] != 0
    if turned:
        list_holders(c)
    if by_rescan:
        for unit in range(len(c.begins)):
            prefetch_unit(c, min(unit + HITS_AHEAD, len(c.begins) - 1))
            if c.begins[unit] >= 0:
                judge_unit(c, int(c.begins[unit]), 0)
        return
    for number in range(len(slots)):
        if not math.isnan(prices[number]):
            collect(c, slots[number])
    judge_hits(c, 0)


@compiled
def move_one(c: Columns, slot: int, price: float) -> int:
    """Move a price and judge; return how many changes, -1: it was missing, or room is needed."""
    if math.isnan(c.slots[slot]["price"]) or not settled(c):
        return -1
    c.counters[CHANGES] = 0
    set_price(c, slot, price)
    collect(c, slot)
    judge_hits(c, 0)
    return int(c.counters[CHANGES])


@inlined
def judge_hits(c: Columns, step: int) -> int:
    """Judge the hits that are not guarded yet; return of how many the caller has to decide."""
    asking = 0
    for number in range(c.counters[HITS]):
        if number + HITS_AHEAD < c.counters[HITS]:
            prefetch_unit(c, c.hits[number + HITS_AHEAD])
        begin = int(c.begins[c.hits[number]])
        asking += judge_unit(c, begin, step)
    return asking


@inlined
def list_holders(c: Columns) -> None:
    """List every unit that depends on a price which was missing, or is now."""
    for unit in range(len(c.begins)):
        begin = int(c.begins[unit])
        if begin < 0:
            continue
        for number in range(begin + 1, begin + 1 + c.heads[begin]["count"]):
            if c.slots[slot_of(c, c.rows[number])]["turned"]:
                list_unit(c, begin)
    for slot in range(1, len(c.slots)):
        c.slots[slot]["turned"] = 0


@compiled
def move_each(c: Columns, slots: Records, prices: Records, first: int) -> int:
    """Apply single moves of known prices, each a step, from the first on; return how many are done.

    Ends early when the caller has to decide something, or room is needed for guards or changes.
    """
    changes_max = len(c.changes) - len(c.begins)
    for number in range(first, len(slots)):
        slot = slots[number]
        set_price(c, slot, prices[number])
        collect(c, slot)
        if c.counters[HITS] == 0:
            continue
        asking = judge_hits(c, number)
        done = guard_hits(c)
        if asking or not done or c.counters[CHANGES] > changes_max:
            return number + 1
    return len(slots)


@compiled
def set_units(c: Columns, items: Records, first: int) -> int:
    """Set the units whose items stand together, from an item on; return where room ran out."""
    end = first
    while first < len(items):
        unit = items[first]["unit"]
        while end < len(items) and items[end]["unit"] == unit:
            end += 1
        if rows_left(c) < 2 * (end - first) + 2 * 16:
            return first
        assets, count = draft_unit(c, items, first, end)
        list_unit(c, place_unit(c, unit, assets, count))
        first = end
    return first


@compiled
def put_unit(
    c: Columns, h: Holdings, items: Records, first: int, subject: tuple[int, int, int]
) -> int:
    """Set and judge one unit as the ledger has it, and return its state.

    `subject`: (unit, account, row of the isolated position or CROSS). The first so many of `items`
    are more that the unit has; the rest is room. UNTOLD, TOO_MANY or NO_ROOM: nothing was set.
    """
    unit, account, row = subject
    if row == CROSS:
        end = read_cross(h, account, items, first)
    else:
        end = read_isolated(h, row, items, first)
    if end < 0:
        return end
    if unit >= len(c.begins) or not settled(c) or rows_left(c) < 2 * end + 2 * 16:
        return NO_ROOM
    assets, rows = draft_unit(c, items, 0, end)
    begin = place_unit(c, unit, assets, rows)
    list_unit(c, begin)
    after = verdict(c, begin)
    if after != c.heads[begin]["state"]:
        change_state(c, begin, after)
    return after


@compiled
def judge_listed(c: Columns) -> None:
    """Judge the units that were set."""
    judge_hits(c, 0)


@compiled
def measures_of(c: Columns, units: Records, measures: Records) -> None:
    """Write (equity, maintenance margin, gross) of units at the present prices."""
    for number in range(len(units)):
        prefetch_unit(c, units[min(number + HITS_AHEAD, len(units) - 1)])
        own = measure(c, int(c.begins[units[number]]))
        measures[number, 0], measures[number, 1], measures[number, 2] = own[0], own[1], own[2]


@compiled
def drop_units(c: Columns, units: Records) -> None:
    """Forget units."""
    for number in range(len(units)):
        drop_unit(c, units[number])


@compiled
def judge_all(c: Columns) -> None:
    """Judge every unit by the rules as they are, and list all for new guards: a rescan."""
    for unit in range(len(c.begins)):
        begin = int(c.begins[unit])
        if begin >= 0:
            keep_rows(c, begin, begin + 1)
            mark_rules(c, begin)
            list_unit(c, begin)
    judge_hits(c, 0)


@compiled
def verdicts_of(c: Columns, units: Records, states: Records) -> None:
    """Write the states that units have by a new verdict at the present prices; change nothing."""
    for number in range(len(units)):
        prefetch_unit(c, units[min(number + HITS_AHEAD, len(units) - 1)])
        states[number] = verdict(c, int(c.begins[units[number]]))


@compiled
def states_of(c: Columns, units: Records, states: Records) -> None:
    """Write the states that units are held in."""
    for number in range(len(units)):
        states[number] = c.heads[c.begins[units[number]]]["state"]


@compiled
def decide_unit(c: Columns, unit: int, state: int) -> None:
    """Take the caller's verdict on a unit."""
    if c.heads[c.begins[unit]]["state"] != state:
        change_state(c, int(c.begins[unit]), state)


@compiled
def set_ending(c: Columns, unit: int, ending: bool) -> None:  # noqa: FBT001 (compiled: no keywords)
    """Say whether a unit is in liquidation; if so, list it for guards on where that ends."""
    begin = int(c.begins[unit])
    keep_rows(c, begin, begin + 1)
    c.heads[begin]["ending"] = ending
    if ending:
        list_unit(c, begin)


@compiled
def equities(c: Columns, sums: Records) -> None:
    """Write the equity by state."""
    for state in range(len(sums)):
        sums[state] = equity_of(c, state)


@compiled
def recount(c: Columns) -> None:
    """Add up counts and amounts by state anew, into sums that hold 0."""
    for unit in range(len(c.begins)):
        begin = int(c.begins[unit])
        if begin >= 0:
            add_unit(c, begin, c.heads[begin]["state"], 1.0)


@inlined
def crossed_of(c: Columns, slot: int, side: int, keys: tuple[int, int]) -> float:
    """Return about how many guards of one side lie between two keys, the edges by their part."""
    bits = c.slots[slot]["bits"]
    width = 1 << (23 - bits)
    first, last = keys
    total = 0.0
    key = first
    while key < last and key - first < (1 << 23):
        following = min(last, (key // width + 1) * width)
        count = c.buckets[bucket_of(c, slot, side, key)]["count"]
        total += count * float(following - key) / float(width)
        key = following
    return total


@compiled
def expected_hits(c: Columns, slots: Records, prices: Records) -> float:
    """Return about how many guards a batch of prices crosses, from the sizes of buckets alone."""
    total = 0.0
    for number in range(len(slots)):
        own = c.slots[slots[number]]
        price = prices[number]
        if math.isnan(price) or math.isnan(own["price"]):
            continue
        if price < own["price"]:
            total += crossed_of(c, slots[number], LOWER, (key_down(price), own["down"] + 1))
        else:
            total += crossed_of(c, slots[number], UPPER, (own["up"] - 1, key_up(price)))
    return total
