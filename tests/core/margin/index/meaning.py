"""What columns say of the book, in plain values: what an image must repeat."""

from typing import Any

from monitor.core.margin.index.columns import Columns
from monitor.core.margin.index.image import SMALL

HEAD_FIELDS = ["constant", "gross", "count", "assets", "state", "always_exact"]
ROW_FIELDS = ["quantity", "entry", "ref", "kind"]


def meaning(columns: Columns) -> dict[str, Any]:
    """Return every unit's head and items, and the small columns."""
    units = {
        unit: unit_meaning(columns, int(begin))
        for unit, begin in enumerate(columns.begins)
        if begin >= 0
    }
    small = {name: repr(getattr(columns, name).tolist()) for name in SMALL}
    return {"units": units, **small}


def unit_meaning(columns: Columns, begin: int) -> tuple[Any, ...]:
    """Return what a unit's block says; guards and hits are no part of it."""
    head = columns.heads[begin]
    rows = columns.rows[begin + 1 : begin + 1 + head["count"]]
    return (
        *(head[name].item() for name in HEAD_FIELDS),
        *([row[name].item() for name in ROW_FIELDS] for row in rows),
    )
