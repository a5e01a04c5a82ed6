"""What differs between an image of a book and the ladder of the image before, unit by unit.

The ladder's own book is a copy of the image's, head for head and row for row, so that a unit which
did not change is found equal by reading both once; nothing is remembered beside them.
"""

from monitor.core.margin.index.blocks import drop_unit, place_unit, rows_left
from monitor.core.margin.index.buckets import list_unit
from monitor.core.margin.index.columns import BY_CALLER, Columns, Records
from monitor.core.margin.index.compile import compiled, inlined, prefetch
from monitor.core.margin.index.ladder_columns import OFF, LadderColumns
from monitor.core.margin.index.placing import stand, take_out

UNITS_AHEAD = 12  # how many units are on the way from memory at once


@inlined
def prefetch_both(image: Columns, c: Columns, unit: int) -> None:
    """Ask for a unit's head and first rows in both books."""
    if image.begins[unit] >= 0:
        prefetch(image.rows, image.begins[unit])
        prefetch(image.rows, image.begins[unit] + 2)
    if c.begins[unit] >= 0:
        prefetch(c.rows, c.begins[unit])
        prefetch(c.rows, c.begins[unit] + 2)


@inlined
def differs(image: Columns, c: Columns, there: int, here: int) -> bool:
    """Return whether two blocks say something else; guards and states are no part of it."""
    new, old = image.heads[there], c.heads[here]
    if new["constant"] != old["constant"] or new["gross"] != old["gross"]:
        return True
    if new["count"] != old["count"] or new["assets"] != old["assets"]:
        return True
    for place in range(1, new["count"] + 1):
        row, own = image.rows[there + place], c.rows[here + place]
        if row["quantity"] != own["quantity"] or row["entry"] != own["entry"]:
            return True
        if row["ref"] != own["ref"] or row["kind"] != own["kind"]:
            return True
    return False


@compiled
def list_changed(image: Columns, c: Columns, changed: Records) -> int:
    """Write the units that the image has otherwise than the ladder; return how many.

    The ladder has room for as many units as the image.
    """
    count, end = 0, len(image.begins)
    for unit in range(end):
        prefetch_both(image, c, min(unit + UNITS_AHEAD, end - 1))
        there, here = int(image.begins[unit]), int(c.begins[unit])
        if there < 0 and here < 0:
            continue
        if there < 0 or here < 0 or differs(image, c, there, here):
            changed[count] = unit
            count += 1
    return count


@inlined
def draft_block(image: Columns, c: Columns, there: int) -> None:
    """Write a unit's block of the image into the draft."""
    head, top = image.heads[there], c.draft[0]
    top["quantity"], top["entry"] = head["constant"], head["gross"]
    top["kind"] = head["always_exact"] & BY_CALLER
    for place in range(1, head["count"] + 1):
        row, own = image.rows[there + place], c.draft[place]
        own["quantity"], own["entry"] = row["quantity"], row["entry"]
        own["ref"], own["kind"] = row["ref"], row["kind"]


@compiled
def take_changed(
    image: Columns, c: Columns, ladder: LadderColumns, changed: Records, first: int
) -> int:
    """Take units as the image has them, from the first on; return where room for rows ran out.

    What is held is listed to be placed; what is gone leaves the ladder.
    """
    for number in range(first, len(changed)):
        unit = changed[number]
        there, here = int(image.begins[unit]), int(c.begins[unit])
        count = image.heads[there]["count"] if there >= 0 else 0
        if rows_left(c) < 2 * count + 2 * 16:
            return number
        if here >= 0:
            take_out(c, ladder, here)
        else:
            ladder.totals[OFF] += 1
        if there >= 0:
            draft_block(image, c, there)
            list_unit(c, place_unit(c, unit, image.heads[there]["assets"], count))
        else:
            stand(ladder, unit, OFF)
            ladder.totals[OFF] -= 1
            drop_unit(c, unit)
    return len(changed)
