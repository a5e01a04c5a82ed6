"""The guards of a unit: set from the split, kept where they are near enough, forgotten."""

import math

from monitor.core.margin.index.buckets import (
    PRICE_MAX,
    PRICE_MIN,
    insert,
    key_down,
    key_up,
)
from monitor.core.margin.index.columns import (
    CONSTANT,
    GUARDED,
    HITS,
    LOWER,
    NO_GUARD,
    UNDECIDED,
    UNKNOWN,
    UPPER,
    Columns,
)
from monitor.core.margin.index.compile import inlined
from monitor.core.margin.index.split import SHARES, radius, set_reaches
from monitor.core.margin.index.verdict import end_slack, measure, slot_of, state_of

# A guard that is nearer than it may be stays while it has this part of its distance.
KEPT_MIN = 0.6
# A smaller largest radius is the way to a jump, and ends there.
SPREAD_FROM = 0.1
_HASH, _HASH_BITS = 40503, 16


@inlined
def spread(row: int) -> float:
    """Return 0.8 to 1 by row: guards at the largest radius must not lie on one price."""
    return 0.8 + 0.2 * float((row * _HASH) & ((1 << _HASH_BITS) - 1)) / float(1 << _HASH_BITS)


@inlined
def aim_lower(c: Columns, number: int, slot: int, bound: float) -> None:
    """Set a row's lower guard at a bound, or keep one that is a little nearer to the price."""
    row, price = c.rows[number], c.slots[slot]["price"]
    if not bound > PRICE_MIN:
        row["lower"] = NO_GUARD
        return
    key = key_up(bound)
    if key <= row["lower"] <= key_up(price - KEPT_MIN * (price - bound)):
        return
    row["lower"] = key
    insert(c, slot, LOWER, key, number)


@inlined
def aim_upper(c: Columns, number: int, slot: int, bound: float) -> None:
    """Set a row's upper guard at a bound, or keep one that is a little nearer to the price."""
    row, price = c.rows[number], c.slots[slot]["price"]
    if not bound < PRICE_MAX:
        row["upper"] = NO_GUARD
        return
    key = key_down(bound)
    kept = row["upper"]
    if kept != NO_GUARD and key_down(price + KEPT_MIN * (bound - price)) <= kept <= key:
        return
    row["upper"] = key
    insert(c, slot, UPPER, key, number)


@inlined
def forget_guards(c: Columns, begin: int) -> None:
    """Outdate every guard of a unit."""
    for number in range(begin + 1, begin + 1 + c.heads[begin]["count"]):
        row = c.rows[number]
        row["lower"] = NO_GUARD
        row["upper"] = NO_GUARD


@inlined
def tighten_guards(c: Columns, begin: int) -> None:
    """Guard every price of a unit where it is: any move is a hit."""
    for number in range(begin + 1, begin + 1 + c.heads[begin]["count"]):
        slot = slot_of(c, c.rows[number])
        if slot != CONSTANT:
            price = c.slots[slot]["price"]
            aim_lower(c, number, slot, price)
            aim_upper(c, number, slot, price)


@inlined
def aim_guards(c: Columns, begin: int, place: int, falling: float, rising: float) -> None:
    """Guard an item's price; `falling`: how far it may move in the direction that hurts."""
    number = begin + place
    slot = slot_of(c, c.rows[number])
    if slot == CONSTANT:
        return
    price = c.slots[slot]["price"]
    direction = c.reaches[place]["direction"]
    if direction == 0:
        near = min(falling, rising)
        aim_lower(c, number, slot, price / (1.0 + near))
        aim_upper(c, number, slot, price * (1.0 + near))
        return
    down, up = (falling, rising) if direction > 0 else (rising, falling)
    aim_lower(c, number, slot, price * (1.0 - down) if down < 1.0 else 0.0)
    aim_upper(c, number, slot, price * (1.0 + up))


@inlined
def guard_unit(c: Columns, begin: int) -> None:
    """Set the guards of a unit at the present prices."""
    measured = measure(c, begin)
    state = state_of(c, measured)
    if state == UNKNOWN:
        forget_guards(c, begin)
        return
    if state == UNDECIDED or c.heads[begin]["always_exact"]:
        tighten_guards(c, begin)
        return
    to_end = 0.0
    if c.heads[begin]["ending"]:
        to_end = end_slack(c, begin, measured)
        if to_end == 0.0:
            tighten_guards(c, begin)
            return
    weights = set_reaches(c, begin, measured[5])
    if weights == 0.0:
        forget_guards(c, begin)
        return
    per_weight = SHARES * c.rules[0]["share"] / weights
    for place in range(1, c.heads[begin]["count"] + 1):
        own = c.reaches[place]
        share = own["weight"] * per_weight
        most = own["radius_max"]
        if most >= SPREAD_FROM and most < math.inf:
            most *= spread(begin + place)
        falling = radius(c, place, share, measured, (1.0, to_end))
        rising = radius(c, place, share, measured, (-1.0, to_end))
        if own["direction"] == 0 or falling < math.inf:
            falling = min(falling, most)
        aim_guards(c, begin, place, falling, rising)


@inlined
def guard_next(c: Columns) -> None:
    """Guard the next of the hits anew."""
    begin = int(c.begins[c.hits[c.counters[GUARDED]]])
    c.counters[GUARDED] += 1
    if begin >= 0:
        c.heads[begin]["listed"] = 0
        guard_unit(c, begin)
    if c.counters[GUARDED] == c.counters[HITS]:
        c.counters[GUARDED] = 0
        c.counters[HITS] = 0
