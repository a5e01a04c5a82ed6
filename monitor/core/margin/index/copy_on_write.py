"""Pages of rows and units, copied before their first write while an image of the book is held.

A page has a mark. Below 0: it may be written, nothing is held; 0: it must be copied first; above:
the image has its copy, the one of that number. Taking an image clears the marks; whoever is about
to write what a page means asks here first, which costs one load and one branch that always goes
the same way while nothing is held. Copies lie one after the other in the order of the writes, so
that every image uses the same few pages of memory again, which are mapped and near.

One writer, any number of readers. The writer copies a page, then marks it, then writes it; a
reader takes the live page, then looks at the mark, and takes the copy instead if it is set. Hence
what a reader has is always the page as it was when the image was taken. The fences say so to the
compiler (and to processors that reorder stores; x86 does not).

Guards and hits (`lower`, `upper`, `listed`) are no part of what a row means: they are written
without asking, and an image may hold newer ones.
"""

from monitor.core.margin.index.columns import (
    BEGIN_COPIES,
    ROW_COPIES,
    ROWS_A_PAGE,
    TO_COPY,
    UNITS_A_PAGE,
    Columns,
    Records,
)
from monitor.core.margin.index.compile import apart, compiled, fence, inlined

ROWS_AT_ONCE = 1 << 10  # rows that a reader copies before it looks at their marks
UNITS_AT_ONCE = 1 << 14


@inlined
def keep_rows(c: Columns, first: int, end: int) -> None:
    """See that an image, if one is held, has the rows of [first, end) before they are written."""
    for page in range(first // ROWS_A_PAGE, (end - 1) // ROWS_A_PAGE + 1):
        if c.image.row_marks[page] == TO_COPY:
            place = c.image.counters[ROW_COPIES]
            copy_page(c.rows, c.image.rows, c.image.row_marks, (page, place, ROWS_A_PAGE))
            c.image.counters[ROW_COPIES] = place + 1


@inlined
def keep_begin(c: Columns, unit: int) -> None:
    """See that an image, if one is held, has a unit's place before that is written."""
    page = unit // UNITS_A_PAGE
    if c.image.begin_marks[page] == TO_COPY:
        place = c.image.counters[BEGIN_COPIES]
        copy_page(c.begins, c.image.begins, c.image.begin_marks, (page, place, UNITS_A_PAGE))
        c.image.counters[BEGIN_COPIES] = place + 1


@apart
def copy_page(live: Records, kept: Records, marks: Records, where: tuple[int, int, int]) -> None:
    """Copy (page, place among the copies, size of a page) into the image, then mark it."""
    page, place, size = where
    first, to = page * size, place * size
    for number in range(min(size, len(live) - first)):
        kept[to + number] = live[first + number]
    fence()
    marks[page] = place + 1
    fence()


@compiled
def read_rows(live: Records, kept: Records, marks: Records, own: Records, end: int) -> int:
    """Read an image's rows up to `end` into a reader's own; return how many pages were copies."""
    copies = 0
    for first in range(0, end, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, end)
        copies += read_pages(live, kept, marks, own, (first, last, ROWS_A_PAGE))
    return copies


@compiled
def read_begins(live: Records, kept: Records, marks: Records, own: Records, end: int) -> int:
    """Read where an image's units are, as `read_rows` does."""
    copies = 0
    for first in range(0, end, UNITS_AT_ONCE):
        last = min(first + UNITS_AT_ONCE, end)
        copies += read_pages(live, kept, marks, own, (first, last, UNITS_A_PAGE))
    return copies


@inlined
def read_pages(
    live: Records, kept: Records, marks: Records, own: Records, span: tuple[int, int, int]
) -> int:
    """Read (first, end, size of a page): live, then those that were marked by then from the image.

    `first` is where a page begins.
    """
    first, end, size = span
    for number in range(first, end):
        own[number] = live[number]
    fence()
    copies = 0
    for page in range(first // size, (end - 1) // size + 1):
        mark = marks[page]
        if mark > TO_COPY:  # below: released meanwhile, which the reader finds out at the end
            copies += 1
            start, copy = page * size, (mark - 1) * size
            for number in range(min(size, end - start)):
                own[start + number] = kept[copy + number]
    return copies
