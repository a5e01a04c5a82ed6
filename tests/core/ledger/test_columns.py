"""Rows are used again, and growth keeps what was written and copies one column at a time."""

import random

import numpy as np
import pytest

from monitor.core.ledger import columns
from monitor.core.ledger.columns import GROWTH, BalanceTable, PositionTable


def test_a_free_row_is_used_before_a_new_one() -> None:
    table = BalanceTable(8)
    rows = [table.take() for _ in range(5)]
    assert rows == [0, 1, 2, 3, 4]
    table.free(1)
    table.free(3)
    assert (table.live, table.used) == (3, 5)
    assert {table.take(), table.take()} == {1, 3}
    assert table.take() == 5
    assert (table.live, table.used) == (6, 6)


def test_views_and_arrays_are_one_memory() -> None:
    table = PositionTable(4)
    row = table.take()
    table.size[row], table.entry[row] = -(2**62), 0.5
    assert table.arrays["size"][row] == -(2**62)
    table.arrays["entry"][row] = 2.25
    assert table.entry[row] == 2.25


@pytest.mark.parametrize("at_once_max", [1 << 16, 0], ids=["small", "large"])
def test_more_rows_than_reserved_grow_the_table_and_lose_nothing(
    at_once_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "GROWN_AT_ONCE_MAX", at_once_max)
    chance, table = random.Random(1), PositionTable(16_384)
    expected: dict[int, tuple[int, float]] = {}
    taken: list[int] = []
    for number in range(24_000):
        if expected and chance.random() < 0.3:
            gone = chance.choice(taken)
            if gone not in expected:
                continue
            del expected[gone]
            table.free(gone)
        row = table.take()
        assert row not in expected
        taken.append(row)
        table.size[row], table.entry[row] = number, number / 3
        expected[row] = number, number / 3
    assert table.live == len(expected)
    assert table.growths == 1
    assert table.reserved == GROWTH * 16_384
    assert {len(column) for column in table.arrays.values()} == {GROWTH * 16_384}
    assert {row: (table.size[row], table.entry[row]) for row in expected} == expected


def test_a_large_table_grows_one_column_every_64_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "GROWN_AT_ONCE_MAX", 0)
    table, replaced = PositionTable(16_000), []
    before = dict(table.arrays)
    for _ in range(16_000):
        table.take()
        now = {name for name, column in table.arrays.items() if column is not before[name]}
        replaced.append(len(now))
    assert replaced[14_999] == 0
    assert max(np.diff(replaced)) == 1
    assert min(np.diff(np.flatnonzero(np.diff(replaced)))) == 64
    assert replaced[-1] == len(before)


def test_growth_begins_at_the_rows_that_are_reserved_not_before() -> None:
    table = BalanceTable(100)
    for _ in range(100):
        table.take()
    assert (table.growths, table.reserved) == (0, 100)
    table.take()
    assert (table.growths, table.reserved) == (1, 100 * GROWTH)


def test_a_table_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "ROWS_MAX", 40)
    table = BalanceTable(20)
    for _ in range(40):
        table.take()
    with pytest.raises(OverflowError, match="at most 40 rows"):
        table.take()
    assert table.live == 40


def test_a_row_costs_what_its_columns_cost() -> None:
    assert BalanceTable(1).row_bytes == 16
    assert PositionTable(1).row_bytes == 55
