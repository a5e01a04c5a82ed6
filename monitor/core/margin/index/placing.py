"""A unit on the ladder: found by its roots, and guarded so that no entry drifts by a bucket.

What other prices may change a unit's slack by before an entry's root has moved by the width of a
bucket is the entry's room. The rooms are split over the unit's items as slack is split for
verdicts (`split.py`), except that an item needs no share in entries on its own price: a mark does
not move the liquidation price in that mark. The proof is in docs/model/ladder.md.
"""

import math

from monitor.core.margin.index.columns import (
    BY_INSTRUMENT,
    CONSTANT,
    LOWER,
    POSITION,
    UPPER,
    Columns,
)
from monitor.core.margin.index.compile import inlined
from monitor.core.margin.index.guards import (
    SPREAD_FROM,
    aim_guards,
    aim_lower,
    aim_upper,
    forget_guards,
    spread,
    tighten_guards,
)
from monitor.core.margin.index.ladder_columns import (
    CELL,
    LEFT_EXACT,
    LEFT_UNKNOWN,
    OFF,
    PLACED,
    REACHED,
    REPLACED,
    UNSET,
    WINDOW,
    LadderColumns,
    cell_of,
    first_cell,
    price_of,
)
from monitor.core.margin.index.roots import Chain, beside, nearest_root, next_jump, slack_at
from monitor.core.margin.index.split import SHARES, carrier_of, set_reaches
from monitor.core.margin.index.verdict import (
    CLEAR,
    FLOAT_BAND,
    MISSING,
    Measured,
    measure,
    slot_of,
)

# How much of its distance to an entry a mark may lose before the width of the bucket, which
# shrinks with the distance, is looked up again.
NEARING = 0.25


@inlined
def add_entry(ladder: LadderColumns, row: int, where: tuple[int, int, int], size: float) -> None:
    """Put a row into (instrument, side, cell from 1)."""
    instrument, side, cell = where
    ladder.entries[row, side] = cell
    ladder.sizes[instrument, side, cell - 1] += size
    ladder.counts[instrument, side, cell - 1] += 1


@inlined
def take_out(c: Columns, ladder: LadderColumns, begin: int) -> None:
    """Take a unit's entries off the ladder; an empty cell is exactly 0 again."""
    for number in range(begin + 1, begin + 1 + c.heads[begin]["count"]):
        row = c.rows[number]
        for side in range(2):
            cell = ladder.entries[number, side] - 1
            if cell >= 0:
                ladder.entries[number, side] = 0
                ladder.counts[row["ref"], side, cell] -= 1
                ladder.sizes[row["ref"], side, cell] -= abs(row["quantity"])
                if ladder.counts[row["ref"], side, cell] == 0:
                    ladder.sizes[row["ref"], side, cell] = 0.0


@inlined
def stand(ladder: LadderColumns, unit: int, standing: int) -> None:
    """Note where a unit stands."""
    ladder.totals[ladder.standings[unit]] -= 1
    ladder.standings[unit] = standing
    ladder.totals[standing] += 1


@inlined
def standing_of(c: Columns, begin: int, measured: Measured) -> int:
    """Return where a unit stands: left out where floats do not know its slack."""
    equity, maintenance, gross = measured[0], measured[1], measured[2]
    has_position, trouble = measured[3], measured[4]
    if trouble == MISSING:
        return LEFT_UNKNOWN
    if math.isinf(gross):
        return LEFT_EXACT
    head = c.heads[begin]
    if head["always_exact"] & BY_INSTRUMENT or head["rare"]:
        return LEFT_EXACT
    if not has_position:
        return OFF
    return PLACED if equity > maintenance else REACHED


@inlined
def chain_rows(c: Columns, ladder: LadderColumns, begin: int) -> int:
    """Chain a unit's positions by the mark that they share; return how many rows can be moved."""
    head = c.heads[begin]
    moving = 0
    for place in range(1, head["count"] + 1):
        row = c.rows[begin + place]
        slot = slot_of(c, row)
        ladder.limits[place] = math.inf
        moving += c.reaches[place]["weight"] > 0.0
        if row["kind"] == POSITION:
            ladder.following[place] = ladder.last[slot]
            ladder.last[slot] = place
    return moving


@inlined
def rest_of(
    c: Columns, ladder: LadderColumns, begin: int, place: int, slack: float
) -> tuple[float, float, int]:
    """Return (slack of a unit without the rows of a chain, their weight, how many can be moved)."""
    slot = slot_of(c, c.rows[begin + place])
    own, _ = slack_at(c, ladder, (begin, place, slot, 0.0), c.slots[slot]["price"])
    weight, moving = 0.0, 0
    while place > 0:
        weight += c.reaches[place]["weight"]
        moving += c.reaches[place]["weight"] > 0.0
        place = ladder.following[place]
    return slack - own, weight, moving


@inlined
def place_rows(c: Columns, ladder: LadderColumns, own: Chain, side: int, cell: int) -> None:
    """Put the rows of a chain into a cell of a side's windows."""
    place = own[1]
    inside = cell - first_cell(ladder.middles[own[2]], side)
    inside = max(0, min(WINDOW - 1, inside))
    while place > 0:
        row = c.rows[own[0] + place]
        add_entry(ladder, own[0] + place, (row["ref"], side, inside + 1), abs(row["quantity"]))
        place = ladder.following[place]


@inlined
def cells_allowed(ladder: LadderColumns, side: int, offset: int) -> int:
    """Return by how many cells a root may move: the width of any bucket that it may be in then."""
    offset = min(offset, WINDOW - 1)
    widest = ladder.bucket_cells[side, offset]
    nearest = offset - int(NEARING * offset) - 2 - widest
    return int(ladder.bucket_cells[side, max(nearest, 0)])


@inlined
def place_side(
    c: Columns,
    ladder: LadderColumns,
    own: Chain,
    start: tuple[float, float],
    side: int,
) -> tuple[float, float, float, float]:
    """Place the rows of a chain on one side; return (room, moved, how far the mark may near, off).

    `moved`: the most that a chain's own part is worth where the room was asked for. `off`: log
    distance of the root, infinite without one.
    """
    out = -1.0 if side == LOWER else 1.0
    first = first_cell(ladder.middles[own[2]], side)
    limit = price_of(first) if side == LOWER else price_of(first + WINDOW)
    root, least, jumped, least_there = nearest_root(c, ladder, own, start, limit)
    found = not math.isnan(root)
    if not found:
        root = limit
    cell = cell_of(root)
    if found:
        place_rows(c, ladder, own, side, cell)
    offset = abs(cell - cell_of(start[0]))
    cells = cells_allowed(ladder, side, offset)
    near = root * math.exp(-out * cells * CELL)
    far = root * math.exp(out * cells * CELL)
    jump = next_jump(c, ladder, own, root, far)
    far = far if jump == far else beside(jump, root)
    room, moved = least, 0.0
    if out * (near - jumped) >= 0.0:
        room = min(room, least_there)
    for look in range(3 if found else 2):
        looked_at = start[0] if look == 0 else near if look == 1 else far
        slack, most = slack_at(c, ladder, own, looked_at)
        moved = max(moved, most)
        if look > 0:
            room = min(room, slack if look == 1 else -slack)
    nearing = NEARING * offset * CELL if cells > 1 else math.inf
    off = abs(math.log(root / start[0])) if found else math.inf
    return max(0.0, room), moved, nearing, off


@inlined
def limit_values(
    c: Columns,
    ladder: LadderColumns,
    own: Chain,
    room: float,
    moved: float,
) -> None:
    """Limit the values of the settlement currencies of a chain: they move its own part too."""
    place = own[1]
    while place > 0:
        value = c.instruments[c.rows[own[0] + place]["ref"]]["value"]
        if value != CONSTANT:
            carrier = carrier_of(c, own[0], value)
            reach = c.reaches[carrier]["reach"] + c.reaches[carrier]["steep"] + moved
            ladder.limits[carrier] = min(ladder.limits[carrier], room / reach)
        place = ladder.following[place]


@inlined
def place_chain(
    c: Columns,
    ladder: LadderColumns,
    own: Chain,
    measured: Measured,
    alone: bool,  # noqa: FBT001 (compiled: no keywords)
) -> float:
    """Place the rows of a chain on both sides; return their room, infinite if they are alone."""
    slot, place = own[2], own[1]
    price = c.slots[slot]["price"]
    if ladder.middles[slot] == UNSET:
        ladder.middles[slot] = cell_of(price)
    room, first_off, off = math.inf, math.inf, math.inf
    for side in range(2):
        start = (price, measured[0] - measured[1])
        first_off = off
        own_room, moved, nearing, off = place_side(c, ladder, own, start, side)
        own_room = max(0.0, own_room - 4.0 * FLOAT_BAND * measured[2])
        c.slots[slot]["price"] = price
        if alone:
            nearing = math.inf
        else:
            limit_values(c, ladder, own, own_room, moved)
            room = min(room, own_room)
        ladder.nearing[place, side] = nearing
    if first_off < math.inf and off < math.inf:  # past one root, the other is none any more
        ladder.nearing[place, LOWER] = min(ladder.nearing[place, LOWER], first_off)
        ladder.nearing[place, UPPER] = min(ladder.nearing[place, UPPER], off)
    return room


@inlined
def guard_item(c: Columns, ladder: LadderColumns, begin: int, place: int, radius: float) -> None:
    """Guard an item's price on both sides; a mark also where it comes near to its entries."""
    number = begin + place
    slot = slot_of(c, c.rows[number])
    if slot == CONSTANT:
        return
    own = c.reaches[place]
    is_position = c.rows[number]["kind"] == POSITION
    jumps = False
    if is_position:
        jumps = c.instruments[c.rows[number]["ref"]]["step_count"] > 0
    if jumps or radius < math.inf:
        most = own["radius_max"]
        if most >= SPREAD_FROM and most < math.inf:
            most *= spread(number)
        radius = min(radius, most)
    price = c.slots[slot]["price"]
    low, high = price / (1.0 + radius), price * (1.0 + radius)
    if is_position:
        head = ladder.last[slot]
        low = max(low, price * math.exp(-ladder.nearing[head, 0]))
        high = min(high, price * math.exp(ladder.nearing[head, 1]))
    aim_lower(c, number, slot, low)
    aim_upper(c, number, slot, high)


@inlined
def guard_reached(c: Columns, begin: int, measured: Measured, weights: float) -> None:
    """Guard a liquidatable unit where it could heal."""
    for place in range(1, c.heads[begin]["count"] + 1):
        own = c.reaches[place]
        lack = measured[1] - measured[0] - 4.0 * FLOAT_BAND * measured[2]
        reach = own["reach"] + own["steep"]
        radius = math.inf
        if reach > 0.0:
            radius = max(0.0, lack) * SHARES * own["weight"] / weights / reach
        radius = min(radius, own["radius_max"])
        falling = radius if own["direction"] == 0 else math.inf
        aim_guards(c, begin, place, falling, radius)


@inlined
def place_chains(
    c: Columns, ladder: LadderColumns, begin: int, measured: Measured, moving: int
) -> tuple[float, float, int, float]:
    """Place a placed unit's chains; return (least room, next least, its slot, least weight)."""
    least, second, tightest, lightest = math.inf, math.inf, CONSTANT, math.inf
    head = c.heads[begin]
    for place in range(head["count"], head["assets"], -1):
        slot = slot_of(c, c.rows[begin + place])
        if ladder.last[slot] != place:
            continue
        rest, weight, own_moving = rest_of(c, ladder, begin, place, measured[0] - measured[1])
        own = (begin, place, slot, rest)
        room = place_chain(c, ladder, own, measured, own_moving == moving)
        lightest = min(lightest, weight)
        if room < least:
            least, second, tightest = room, least, slot
        else:
            second = min(second, room)
    return least, second, tightest, lightest


@inlined
def guard_placed(
    c: Columns, ladder: LadderColumns, begin: int, measured: Measured, weights: float
) -> None:
    """Place a unit that is not liquidatable, and guard its prices."""
    moving = chain_rows(c, ladder, begin)
    least, second, tightest, lightest = place_chains(c, ladder, begin, measured, moving)
    count = c.heads[begin]["count"]
    per_weight = SHARES / (weights - lightest) if weights > lightest else math.inf
    part = c.rules[0]["share"]
    for place in range(1, count + 1):
        own = c.reaches[place]
        slot = slot_of(c, c.rows[begin + place])
        is_position = c.rows[begin + place]["kind"] == POSITION
        room = second if is_position and slot == tightest else least
        reach = own["reach"] + own["steep"]
        radius = math.inf
        if reach > 0.0 and (room < math.inf or ladder.limits[place] < math.inf):
            share = part * min(1.0, own["weight"] * per_weight)
            radius = share * min(room / reach, ladder.limits[place])
        guard_item(c, ladder, begin, place, radius)
    for place in range(1, count + 1):
        ladder.last[slot_of(c, c.rows[begin + place])] = 0


@inlined
def replace_unit(c: Columns, ladder: LadderColumns, begin: int) -> None:
    """Place a unit anew at the present prices, and guard them."""
    ladder.flags[REPLACED] += 1
    take_out(c, ladder, begin)
    measured = measure(c, begin)
    standing = standing_of(c, begin, measured)
    stand(ladder, c.heads[begin]["unit"], standing)
    if standing not in (PLACED, REACHED):
        forget_guards(c, begin)
        return
    weights = set_reaches(c, begin, 0.0)
    if standing == REACHED:
        guard_reached(c, begin, measured, weights)
    else:
        guard_placed(c, ladder, begin, measured, weights)
    if measured[4] != CLEAR:
        tighten_guards(c, begin)
