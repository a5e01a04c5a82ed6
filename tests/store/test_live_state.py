"""What the mirror should hold follows from the batches."""

import pytest

from monitor.core.view import RiskView
from monitor.store.live_state import (
    LiveState,
    account_fields,
    breaker_fields,
    decimal_text,
    fund_fields,
)
from tests.store.mirror_cases import FUND, account, batch, breaker


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100.0, "100"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (-2.5e20, "-250000000000000000000"),
        (123456789012.345, "123456789012.345"),
        (0.0, "0"),
    ],
)
def test_a_number_is_written_without_exponent(value: float, text: str) -> None:
    assert decimal_text(value) == text


def test_an_account_without_a_price_has_no_amounts() -> None:
    assert account_fields(account("alice", None)) == {
        "state": "unknown",
        "updated_ns": "1760000000000000001",
    }


def test_a_breaker_shows_its_worst_scope_and_all_of_them() -> None:
    fields = breaker_fields([breaker("BTC", "armed", 9), breaker("ETH", "tripped", 3)])
    assert (fields["scope"], fields["state"], fields["changed_ns"]) == ("ETH", "tripped", "3")
    assert '"scope":"BTC"' in fields["scopes"]


def test_a_fund_shows_its_amounts_as_decimals() -> None:
    fields = fund_fields(FUND)
    assert fields["balance"] == "1000000.5"
    assert fields["credited"] == "0.0000001"


def test_at_risk_holds_the_view_s_worst_and_every_account_in_a_bad_state() -> None:
    state = LiveState()
    state.merge(
        batch(
            1,
            account("calm", 1_000.0),
            account("called", 60.0, state="margin_call"),
            account("broke", -1.0, state="bankrupt"),
            view=RiskView(worst=(account("worst", 70.0),)),
        )
    )
    assert state.at_risk() == {"called": 50 / 60, "broke": float("inf"), "worst": 50 / 70}


def test_at_risk_keeps_the_worst_when_there_are_too_many() -> None:
    state = LiveState(worst_accounts=2)
    accounts = [account(f"a{n}", 50.0 + n, state="margin_call") for n in range(5)]
    state.merge(batch(1, *accounts))
    assert set(state.at_risk()) == {"a0", "a1"}


def test_an_account_that_recovers_leaves_the_sets() -> None:
    state = LiveState()
    state.merge(batch(1, account("alice", 40.0, state="liquidatable"), account("bob", None)))
    assert state.unknown == {"bob"}
    state.merge(batch(2, account("alice", 400.0), account("bob", 400.0)))
    assert state.at_risk() == {}
    assert state.unknown == set()


def test_a_closed_account_does_not_come_back_with_an_old_view() -> None:
    view = RiskView(worst=(account("alice", 60.0),))
    state = LiveState()
    state.merge(batch(1, view=view))
    state.merge(batch(2, view=view, closed_accounts=("alice",)))
    state.merge(batch(3, view=view))
    assert state.accounts == {}
    assert state.at_risk() == {}


def test_only_what_changed_is_taken() -> None:
    state = LiveState()
    state.merge(batch(1, account("alice"), account("bob")))
    assert state.take_changed() == {"alice", "bob"}
    state.merge(batch(2, account("alice"), account("bob", 90.0)))
    assert state.take_changed() == {"bob"}
    state.put_back({"alice"})
    assert state.take_changed() == {"alice"}
