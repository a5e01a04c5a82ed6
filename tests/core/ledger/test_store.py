"""The lists that rows form stay whole when any of their rows goes."""

import itertools

import pytest

from monitor.core.ledger.columns import NONE
from monitor.core.ledger.store import Store
from tests.core.ledger.books import instrument

NAMES = ("A-PERP", "B-PERP", "C-PERP")


def book() -> tuple[Store, dict[tuple[int, str], int]]:
    """Return three accounts that hold three instruments each, and the rows."""
    store = Store(8)
    listed = {name: instrument(name) for name in NAMES}
    accounts = [store.open_account(name) for name in ("ann", "bob", "cay")]
    rows = {
        (account, name): store.add_position(account, listed[name], "net")
        for account in accounts
        for name in NAMES
    }
    return store, rows


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_positions_leave_an_account_in_any_order(order: tuple[int, ...]) -> None:
    store, rows = book()
    left = [rows[1, name] for name in NAMES]
    for place in order:
        row = rows[1, NAMES[place]]
        store.remove_position(row)
        left.remove(row)
        assert store.positions_of(1) == left
        assert [*store.holders(NAMES[place])] == [rows[0, NAMES[place]], rows[2, NAMES[place]]]
    assert store.accounts.first_position[1] == NONE


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_holders_leave_an_instrument_in_any_order(order: tuple[int, ...]) -> None:
    store, rows = book()
    left = [rows[account, "B-PERP"] for account in range(3)]
    for account in order:
        store.remove_position(rows[account, "B-PERP"])
        left.remove(rows[account, "B-PERP"])
        assert [*store.holders("B-PERP")] == left
    again = store.add_position(0, instrument("B-PERP"), "long")
    assert [*store.holders("B-PERP")] == [again]


def test_the_holder_that_is_told_may_be_removed() -> None:
    store, _ = book()
    for row in store.holders("A-PERP"):
        store.remove_position(row)
    assert [*store.holders("A-PERP")] == []
    assert [*store.holders("Z-PERP")] == []


def test_a_number_of_an_instrument_that_is_gone_is_used_again() -> None:
    store, rows = book()
    number = store.instrument_numbers["A-PERP"]
    for account in range(3):
        store.remove_position(rows[account, "A-PERP"])
    store.forget_instrument("A-PERP")
    store.forget_instrument("A-PERP")  # is forgotten
    assert store.find_position(0, "A-PERP", "net") == NONE
    listed = instrument("Z-PERP")
    store.add_position(0, listed, "net")
    assert store.instrument_numbers["Z-PERP"] == number
    assert store.instruments[number] is listed


def test_balances_that_become_nothing_leave_the_list() -> None:
    store = Store(8)
    ann = store.open_account("ann")
    assert store.exchange_balance(ann, "USD", 0) == 0
    for number, asset in enumerate(("USD", "COIN", "GEM"), 1):
        assert store.exchange_balance(ann, asset, number) == 0
    assert store.exchange_balance(ann, "COIN", 0) == 2
    assert store.exchange_balance(ann, "USD", -7) == 1
    assert store.balances_of(ann) == {"USD": -7, "GEM": 3}
    assert store.exchange_balance(ann, "USD", 0) == -7
    assert store.exchange_balance(ann, "GEM", 0) == 3
    assert store.balances_of(ann) == {}
    assert len(store.assets) == 0


def test_balances_of_one_account_survive_the_growth_of_the_table() -> None:
    store = Store(4)
    ann = store.open_account("ann")
    for number in range(200):
        store.exchange_balance(ann, f"coin-{number}", number + 1)
    assert store.balances.growths > 0
    assert store.balances_of(ann) == {f"coin-{number}": number + 1 for number in range(200)}


def test_an_account_with_many_positions_keeps_them_in_order() -> None:
    store = Store(4)
    ann, listed = store.open_account("ann"), [instrument(f"I{n}-PERP") for n in range(40)]
    rows = [store.add_position(ann, each, leg) for each in listed for leg in ("net", "long")]
    assert store.positions_of(ann) == rows
    assert store.find_position(ann, "I39-PERP", "long") == rows[-1]
    assert store.find_position(ann, "I39-PERP", "short") == NONE


def test_a_text_that_does_not_fit_is_kept_beside_and_forgotten_with_its_position() -> None:
    store, rows = book()
    row = rows[0, "A-PERP"]
    for text in ("1" * 30, "0." + "1" * 30, "12.50", "1" * 31):
        store.set_entry(row, text)
        assert store.entry_text(row) == text
        assert store.positions.entry[row] == float(text)
    assert store.entry_texts == {row: "1" * 31}
    store.set_entry(row, None)
    assert (store.entry_text(row), store.entry_texts) == (None, {})
    store.set_entry(row, "1" * 31)
    store.remove_position(row)
    assert store.entry_texts == {}


def test_an_account_with_rows_cannot_be_closed() -> None:
    store, _ = book()
    with pytest.raises(AssertionError):
        store.close_account(0)


def test_a_closed_account_cannot_be_closed_again() -> None:
    store = Store(4)
    ann = store.open_account("ann")
    store.close_account(ann)
    assert store.open_account("bob") == ann
    store.close_account(ann)
    with pytest.raises(AssertionError):
        store.close_account(ann)
