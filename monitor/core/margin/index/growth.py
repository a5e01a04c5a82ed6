"""More room than was reserved: each column once more as long, with one copy.

An image that is held keeps the columns that it was taken of.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index.columns import (
    HEAD,
    ROW,
    ROWS_A_PAGE,
    UNITS_A_PAGE,
    Columns,
    Memory,
    pages_for,
    reserved,
)


def grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return a longer copy of an array; the new part holds 0."""
    longer = np.zeros((size, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer


def with_rows(columns: Columns, memory: Memory, size: int) -> Columns:
    """Return columns with room for more rows; an image that is held keeps the old ones."""
    rows = reserved(memory, size, ROW)
    rows[: len(columns.rows)] = columns.rows
    kept, marks = pages_for(memory, rows, ROWS_A_PAGE)
    image = columns.image._replace(rows=kept, row_marks=marks)
    return columns._replace(rows=rows, heads=rows.view(HEAD), image=image)


def with_units(columns: Columns, memory: Memory, units: int) -> Columns:
    """Return columns with room for at least so many units."""
    size = max(units, 2 * len(columns.begins))
    begins = reserved(memory, size, np.int32)
    begins[: len(columns.begins)] = columns.begins
    begins[len(columns.begins) :] = -1
    kept, marks = pages_for(memory, begins, UNITS_A_PAGE)
    return columns._replace(
        begins=begins,
        image=columns.image._replace(begins=kept, begin_marks=marks),
        hits=grown(columns.hits, size),
        changes=grown(columns.changes, 2 * size),
    )


def with_slots(columns: Columns) -> Columns:
    """Return columns with room for more prices."""
    size = 2 * len(columns.slots)
    slots = grown(columns.slots, size)
    slots["price"][size // 2 :] = np.nan
    slots["moves"][size // 2 :] = 1.0
    return columns._replace(slots=slots, amounts=grown(columns.amounts, size))


def with_instruments(columns: Columns) -> Columns:
    """Return columns with room for more instruments."""
    size = 2 * len(columns.instruments)
    return columns._replace(
        instruments=grown(columns.instruments, size),
        rare=grown(columns.rare, size),
        positions=grown(columns.positions, size),
    )


def with_chunks(columns: Columns) -> Columns:
    """Return columns with room for more guards."""
    chunks = grown(columns.chunks, 2 * len(columns.chunks))
    return columns._replace(
        chunks=chunks,
        words=chunks.reshape(-1),
        buckets=grown(columns.buckets, 2 * len(columns.buckets)),
    )
