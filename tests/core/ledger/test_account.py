"""Two that look at one row are equal; those of other rows and other ledgers are not."""

from fractions import Fraction

import pytest

from monitor.core.ledger import Ledger, PendingPayment, entry_price, position_quantity
from tests.core.ledger.books import instrument


def test_equal_is_who_looks_at_the_same_row() -> None:
    ledger, other = Ledger(), Ledger()
    ann, bob, stranger = (
        ledger.open_account("ann"),
        ledger.open_account("bob"),
        other.open_account("ann"),
    )
    assert ann == ledger.accounts["ann"]
    assert ann not in (bob, stranger, "ann")
    assert len({ann, ledger.accounts["ann"], bob, stranger}) == 3
    listed = instrument("A-PERP")
    held = ledger.set_position(ann, listed, "net", size=1, entry="10")
    assert held is not None
    assert held == ann.position(("A-PERP", "net"))
    assert held != "A-PERP"
    assert held.account == ann
    assert len({held, ann.position(("A-PERP", "net"))}) == 1
    theirs = other.set_position(stranger, listed, "net", size=1, entry="10")
    assert held != theirs


def test_an_account_begins_empty_a_client_and_its_own_owner() -> None:
    ledger = Ledger()
    first = ledger.open_account("ann")
    ledger.set_owner(first, "eve")
    first.role, first.sequence = "insurance_fund", 2**63 - 1
    ledger.set_suspect(first, suspect=True)
    ledger.remove_account(first)
    account = ledger.open_account("bob")
    assert account.export_state() == ["bob", "bob", "client", 0, False, 0, [], [], [], []]
    assert account.is_trader
    assert not account.is_suspect
    assert account.orders == {}
    assert list(account.pending_funding) == []
    assert ledger.suspects == set()


def test_of_a_closed_account_nothing_may_be_asked() -> None:
    ledger = Ledger()
    ann = ledger.open_account("ann")
    held = ledger.set_position(ann, instrument("A-PERP"), "net", size=1, entry="10")
    assert held is not None
    ledger.clear(ann, "closed")
    ledger.remove_account(ann)
    with pytest.raises(AssertionError, match="not closed"):
        _ = held.account


def test_its_own_owner_costs_no_name() -> None:
    ledger = Ledger()
    ann = ledger.open_account("ann")
    ledger.set_owner(ann, "eve")
    assert (ann.owner, len(ledger.store.owners)) == ("eve", 1)
    ledger.set_owner(ann, "ann")
    assert (ann.owner, len(ledger.store.owners)) == ("ann", 0)


def test_orders_that_are_none_cost_nothing() -> None:
    ledger = Ledger()
    ann = ledger.open_account("ann")
    ann.set_order("A-PERP", ("1", "0", "1", "0"))
    assert dict(ann.orders) == {"A-PERP": ("1", "0", "1", "0")}
    ann.orders = {}
    assert ledger.store.orders == {}


def test_amounts_of_a_position_are_exact() -> None:
    listed = instrument("A-PERP", contract_size="0.1")
    held = Ledger()
    ann = held.open_account("ann")
    position = held.set_position(ann, listed, "net", size=-3, entry="0.30")
    assert position is not None
    assert position_quantity(position) == Fraction(-3, 10)
    assert entry_price(position) == Fraction(3, 10)
    assert position.entry_text == "0.30"


def test_an_isolated_position_owes_what_was_paid_for_it_alone() -> None:
    ann = Ledger().open_account("ann")
    key = ("A-PERP", "net")
    ann.owe(PendingPayment(*key, "USD", 3, "f1", isolated=True))
    ann.owe(PendingPayment(*key, "USD", 4, "f2", isolated=True))
    ann.owe(PendingPayment(*key, "USD", 9, "f3", isolated=False))
    ann.owe(PendingPayment("B-PERP", "net", "USD", 9, "f4", isolated=True))
    assert ann.owed_isolated(key) == 7
