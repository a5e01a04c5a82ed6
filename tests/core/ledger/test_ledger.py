"""The ledger in columns says to the byte what the one in objects says, and frees what is gone."""

import pytest

from monitor.core.ledger import Ledger, PendingPayment
from monitor.core.ledger import ledger as ledger_module
from tests.core.ledger.books import TwoBooks, instrument


@pytest.mark.parametrize("seed", range(8))
def test_any_sequence_of_facts_leaves_what_the_twin_has(seed: int) -> None:
    books = TwoBooks(seed)
    for number in range(1_200):
        books.step()
        if number % 10 == 0:
            books.check()
    books.check()
    assert books.ledger.size().growths > 0  # four accounts were expected


@pytest.mark.parametrize("seed", range(3))
def test_a_ledger_is_restored_from_its_state(seed: int) -> None:
    books = TwoBooks(100 + seed)
    for _ in range(600):
        books.step()
    before = books.ledger.export_state()
    books.ledger = Ledger.from_state(before, books.instruments)
    assert books.ledger.export_state() == before
    size = books.ledger.size()
    assert size.positions == sum(len(twin.positions) for twin in books.twin.accounts.values())
    for _ in range(300):  # and goes on
        books.step()
    state = books.ledger.export_state()
    del state["closed"], state["relistings"]
    assert state == books.twin.export_state()


def test_balances_are_the_sum_of_what_was_booked_to_the_unit() -> None:
    books = TwoBooks(7)
    for _ in range(2_000):
        books.step()
    for asset, reasons in books.ledger.booked.items():
        held = sum(each.balances.get(asset, 0) for each in books.ledger.accounts.values())
        assert held == sum(reasons.values())


def test_what_is_closed_frees_its_rows_and_names() -> None:
    ledger, listed = Ledger(16), instrument("A-PERP")
    for turn in range(500):
        for number in range(10):
            account = ledger.open_account(f"turn-{turn}-{number}")
            ledger.set_owner(account, f"owner-{turn}")
            ledger.set_balance(account, "USD", 5, "deposit")
            ledger.set_balance(account, f"coin-{turn}", 5, "deposit")
            ledger.set_position(account, listed, "net", size=3, entry="1" * 30)
            account.set_order("A-PERP", ("1", "0", "1", "0"))
            account.owe(PendingPayment("A-PERP", "net", "USD", 1, "f", isolated=False))
        for number in range(10):
            account = ledger.accounts[f"turn-{turn}-{number}"]
            ledger.clear(account, "closed")
            ledger.remove_account(account)
    size, store = ledger.size(), ledger.store
    assert (size.accounts, size.positions, size.balances, size.names) == (0, 0, 0, 0)
    assert size.growths == 0
    assert (store.accounts.used, store.positions.used, store.balances.used) == (10, 10, 20)
    assert not store.entry_texts
    assert not store.orders
    assert not store.payments
    assert len(store.names) == 10


def test_more_accounts_than_expected_grow_the_ledger_and_it_says_so() -> None:
    ledger = Ledger(1_000)
    for number in range(1_000):
        ledger.set_balance(ledger.open_account(f"a{number}"), "USD", number, "deposit")
    assert ledger.size().growths == 0
    for number in range(1_000, 2_000):
        ledger.set_balance(ledger.open_account(f"a{number}"), "USD", number, "deposit")
    size = ledger.size()
    assert (size.accounts, size.growths) == (2_000, 1)
    assert size.accounts_reserved >= 2_000
    assert [ledger.accounts[f"a{n}"].balances.get("USD", 0) for n in range(2_000)] == [
        *range(2_000)
    ]


def test_names_of_closed_accounts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "CLOSED_KEPT_MAX", 20)
    ledger = Ledger()
    for number in range(100):
        account = ledger.open_account(f"a{number}")
        ledger.note_closed(account.name, 9)
        ledger.clear(account, "closed")
        ledger.remove_account(account)
    assert ledger.size().names == 20
    assert ledger.is_over("a99", 5)
    assert not ledger.is_over("a79", 5)


def test_a_new_definition_holds_for_every_position() -> None:
    ledger = Ledger()
    for name in ("ann", "bob"):
        account = ledger.open_account(name)
        ledger.set_position(account, instrument("A-PERP"), "net", size=4, entry="10")
    ledger.store.replace_definition(instrument("A-PERP", contract_size="0.5"))
    ledger.store.replace_definition(instrument("B-PERP"))  # nobody holds it
    assert [position.quantity for _, position in ledger.holders_of("A-PERP")] == [2.0, 2.0]


def test_what_is_asked_about_instruments_and_assets_is_answered_from_the_columns() -> None:
    ledger = Ledger()
    ann = ledger.open_account("ann")
    assert not ledger.has_amounts_in("A-PERP")
    listed = instrument("A-PERP", "inverse")
    kept = {"margin_mode": "isolated", "isolated_margin": 5}
    ledger.set_position(ann, listed, "net", size=0, entry="10", **kept)  # type: ignore[arg-type]
    assert ledger.has_amounts_in("A-PERP")
    assert ledger.uses_asset(listed.settlement)
    assert list(ledger.positions_in("A-PERP")) == []
    ledger.drop_position(ann, ("A-PERP", "net"))
    ledger.drop_position(ann, ("A-PERP", "net"))  # nothing to drop
    assert not ledger.uses_asset(listed.settlement)
    ann.owe(PendingPayment("B-PERP", "net", "GEM", 1, None, isolated=False))
    assert ledger.has_amounts_in("B-PERP")
    assert ledger.uses_asset("GEM")
    ledger.set_balance(ann, "COIN", 0, "deposit")
    assert ledger.uses_asset("COIN")
    assert not ledger.uses_asset("DUST")


def test_accounts_are_found_by_name() -> None:
    ledger = Ledger()
    ann = ledger.open_account("ann")
    assert ledger.accounts["ann"] == ledger.accounts.get("ann") == ann
    assert (list(ledger.accounts), len(ledger.accounts)) == (["ann"], 1)
    assert ledger.accounts.get("bob") is None
    assert "bob" not in ledger.accounts
    with pytest.raises(KeyError, match="bob"):
        ledger.accounts["bob"]
