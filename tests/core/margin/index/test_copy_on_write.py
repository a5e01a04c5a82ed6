"""A page is copied once before it is written; every forgotten copy is seen."""

import numpy as np

from monitor.core.margin.index.columns import ROW, ROWS_A_PAGE
from monitor.core.margin.index.copy_on_write import ROWS_AT_ONCE, copy_page, read_rows
from tests.core.margin.index.test_compile import run


def test_seeded_bugs_are_seen() -> None:
    assert run("-m", "tests.core.margin.index.image_bugs", NUMBA_DISABLE_JIT="1") == ""


def test_a_reader_takes_copies_of_marked_pages_and_live_ones_of_others() -> None:
    count = 2 * ROWS_AT_ONCE + 7
    live, kept, own = (np.zeros(count, ROW) for _ in range(3))
    live["quantity"] = np.arange(count)
    marks = np.zeros(count // ROWS_A_PAGE + 1, np.int32)
    for place, page in enumerate((5, len(marks) - 1, 0)):
        copy_page(live, kept, marks, (page, place, ROWS_A_PAGE))
        live["quantity"][page * ROWS_A_PAGE : (page + 1) * ROWS_A_PAGE] = -1.0
    assert read_rows(live, kept, marks, own, count) == 3
    assert own["quantity"].tolist() == list(range(count))
