"""The rows of a unit near each other: blocks by size, with a list of free ones for each size."""

from monitor.core.margin.index.columns import (
    AMOUNT,
    BY_CALLER,
    BY_INSTRUMENT,
    COLLATERAL,
    CONSTANT,
    HEALTHY,
    NO_GUARD,
    POSITION,
    ROWS_USED,
    UNITS_HELD,
    Columns,
    Records,
)
from monitor.core.margin.index.compile import inlined
from monitor.core.margin.index.copy_on_write import keep_begin, keep_rows
from monitor.core.margin.index.sums import add_unit

_EVEN_CLASSES = 8  # 2, 4 ... 16 rows; then 24, 32, 48, 64 ...


@inlined
def class_rows(size_class: int) -> int:
    """Return how many rows, head included, a block of a size class has."""
    number = int(size_class)  # uncompiled, a byte of a record would overflow
    if number < _EVEN_CLASSES:
        return 2 * (number + 1)
    base = 16 << ((number - _EVEN_CLASSES) // 2)
    return base * 2 if (number - _EVEN_CLASSES) % 2 else base * 3 // 2


@inlined
def class_of(rows: int) -> int:
    """Return the smallest size class with room for so many rows."""
    size_class = 0
    while class_rows(size_class) < rows:
        size_class += 1
    return size_class


@inlined
def take_block(c: Columns, size_class: int) -> int:
    """Return the head of a free block; the caller has seen that there is room."""
    begin = c.free_blocks[size_class]
    if begin >= 0:
        c.free_blocks[size_class] = c.heads[begin]["unit"]
        return int(begin)
    begin = c.counters[ROWS_USED]
    c.counters[ROWS_USED] = begin + class_rows(size_class)
    return int(begin)


@inlined
def free_block(c: Columns, begin: int) -> None:
    """Give a block back; its rows forget their guards."""
    keep_rows(c, begin, begin + 1)
    head = c.heads[begin]
    for number in range(begin + 1, begin + class_rows(head["size_class"])):
        c.rows[number]["lower"] = NO_GUARD
        c.rows[number]["upper"] = NO_GUARD
    head["count"] = 0
    head["unit"] = c.free_blocks[head["size_class"]]
    c.free_blocks[head["size_class"]] = begin


@inlined
def draft_row(c: Columns, place: int, item: Records) -> None:
    """Write an item into the draft."""
    row = c.draft[place]
    row["quantity"], row["entry"] = item["quantity"], item["entry"]
    row["ref"], row["kind"] = item["ref"], item["kind"]


@inlined
def draft_carrier(c: Columns, assets: int, slot: int) -> int:
    """See that an amount in the draft is valued by a slot; return how many amounts it has."""
    for place in range(1, assets + 1):
        row = c.draft[place]
        own = c.haircuts[row["ref"]]["slot"] if row["kind"] == COLLATERAL else row["ref"]
        if own == slot:
            return assets
    row = c.draft[assets + 1]
    row["quantity"], row["entry"], row["ref"], row["kind"] = 0.0, 0.0, slot, AMOUNT
    return assets + 1


@inlined
def draft_unit(c: Columns, items: Records, first: int, end: int) -> tuple[int, int]:
    """Write a unit's items into the draft, amounts first; return (amounts, rows).

    Amounts of the valuation currency go into the head; a settlement currency with a price has
    an amount, if only of 0, to carry the guard on its value.
    """
    constant, gross, assets, exact = 0.0, 0.0, 0, False
    for number in range(first, end):
        item = items[number]
        if item["kind"] == POSITION or item["quantity"] == 0.0:
            continue
        if item["kind"] == AMOUNT and item["ref"] == CONSTANT:
            constant += item["quantity"]
            gross += abs(item["quantity"])
        elif item["kind"] == AMOUNT or item["kind"] == COLLATERAL:
            assets += 1
            draft_row(c, assets, item)
        else:
            exact = True
    top = c.draft[0]
    top["quantity"], top["entry"], top["kind"] = constant, gross, exact
    assets, count = draft_positions(c, items, (first, end), assets)
    sort_draft(c, assets + 1, count)
    return assets, count


@inlined
def draft_positions(
    c: Columns, items: Records, span: tuple[int, int], assets: int
) -> tuple[int, int]:
    """Write the positions after the amounts; return (amounts, rows)."""
    for number in range(span[0], span[1]):
        item = items[number]
        if item["kind"] == POSITION and item["quantity"] != 0.0:
            value = c.instruments[item["ref"]]["value"]
            if value != CONSTANT:
                assets = draft_carrier(c, assets, value)
    count = assets
    for number in range(span[0], span[1]):
        item = items[number]
        if item["kind"] == POSITION and item["quantity"] != 0.0:
            count += 1
            draft_row(c, count, item)
    return assets, count


@inlined
def sort_draft(c: Columns, first: int, last: int) -> None:
    """Put positions of one instrument next to each other: a shell sort by instrument."""
    gap = 1
    while 3 * gap < last - first:
        gap = 3 * gap + 1
    while gap > 0:
        for number in range(first + gap, last + 1):
            row = c.draft[number]
            ref, quantity, entry = row["ref"], row["quantity"], row["entry"]
            place = number
            while place >= first + gap and c.draft[place - gap]["ref"] > ref:
                lower, upper = c.draft[place - gap], c.draft[place]
                upper["ref"], upper["quantity"] = lower["ref"], lower["quantity"]
                upper["entry"] = lower["entry"]
                place -= gap
            row = c.draft[place]
            row["ref"], row["quantity"], row["entry"] = ref, quantity, entry
        gap //= 3


@inlined
def mark_rules(c: Columns, begin: int) -> None:
    """Note in a unit's head what the rules of its instruments ask for."""
    head = c.heads[begin]
    exact, rare, before = head["always_exact"] & BY_CALLER, 0, -1
    for number in range(begin + 1 + head["assets"], begin + 1 + head["count"]):
        ref = c.rows[number]["ref"]
        terms = c.instruments[ref]
        if terms["always_exact"]:
            exact |= BY_INSTRUMENT
        if terms["at_bankruptcy"] or (terms["larger_leg"] and ref == before):
            rare = 1
        before = ref
    head["always_exact"], head["rare"] = exact, rare


@inlined
def place_unit(c: Columns, unit: int, assets: int, count: int) -> int:
    """Write the draft into a unit's block, in another block if it has outgrown its own.

    A row that watches the price that it watched before keeps its guard; others forget theirs.
    """
    begin = int(c.begins[unit])
    state, kept, ending = HEALTHY, 0, 0
    if begin >= 0:
        head = c.heads[begin]
        state, ending = head["state"], head["ending"]
        add_unit(c, begin, state, -1.0)
        rows = class_rows(head["size_class"])
        if rows < count + 1 or rows > 4 * (count + 2):
            free_block(c, begin)
            begin = -1
        else:
            kept = head["count"]
    else:
        c.counters[UNITS_HELD] += 1
    if begin < 0:
        size_class = class_of(count + 1)
        begin = take_block(c, size_class)
        keep_rows(c, begin, begin + 1 + count)
        keep_begin(c, unit)
        head = c.heads[begin]
        head["unit"], head["size_class"], head["listed"] = unit, size_class, 0
        c.begins[unit] = begin
    else:
        keep_rows(c, begin, begin + 1 + count)
    head = c.heads[begin]
    head["constant"], head["gross"] = c.draft[0]["quantity"], c.draft[0]["entry"]
    head["always_exact"] = c.draft[0]["kind"]
    head["count"], head["assets"], head["state"] = count, assets, state
    head["ending"] = ending
    copy_draft(c, begin, count, kept)
    mark_rules(c, begin)
    add_unit(c, begin, state, 1.0)
    return int(begin)


@inlined
def copy_draft(c: Columns, begin: int, count: int, kept: int) -> None:
    """Copy the draft's rows over those of a block, `kept` of which have guards of their own."""
    for place in range(1, max(count, kept) + 1):
        row, new = c.rows[begin + place], c.draft[place]
        same = row["ref"] == new["ref"] and row["kind"] == new["kind"]
        if place > kept or place > count or not same:
            row["lower"] = NO_GUARD
            row["upper"] = NO_GUARD
        if place <= count:
            row["quantity"], row["entry"] = new["quantity"], new["entry"]
            row["ref"], row["kind"], row["place"] = new["ref"], new["kind"], place


@inlined
def drop_unit(c: Columns, unit: int) -> None:
    """Forget a unit."""
    begin = int(c.begins[unit])
    if begin >= 0:
        add_unit(c, begin, c.heads[begin]["state"], -1.0)
        free_block(c, begin)
        keep_begin(c, unit)
        c.begins[unit] = -1
        c.counters[UNITS_HELD] -= 1


@inlined
def rows_left(c: Columns) -> int:
    """Return how many rows were never used."""
    return int(len(c.rows) - c.counters[ROWS_USED])
