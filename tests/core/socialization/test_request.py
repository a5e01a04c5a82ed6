"""Each method on one file: its worked number; each mistake: its sentence."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.amounts import to_fraction
from monitor.core.socialization import METHODS
from monitor.core.socialization.request import parse_loss_file, share_loss
from monitor.core.worksheet import WorksheetError


def bearer(account: str, gain: str, unvested: str, size: str) -> dict[str, str]:
    """Return an account with equity 40 and the same session profit as unrealized gain."""
    return {
        "account": account,
        "session_profit": gain,
        "unrealized_pnl": gain,
        "unvested_pnl": unvested,
        "equity": "40",
        "size": size,
    }


FILE: dict[str, Any] = {
    "asset": "USDT",
    "fund_balance": "4",
    "minor_unit": "0.01",
    "payee_of_remainder": "fund",
    "minimum_rate": "0.01",
    "index_tick": "0.01",
    "candidates": [
        bearer("ann", "30", "3", "30"),
        bearer("bob", "10", "1", "-20"),
        bearer("cid", "-5", "-2", "0"),
    ],
}


def answer(method: str, amount: str = "10", **changes: Any) -> dict[str, Any]:
    """Return what a method answers for the file with changes."""
    file = parse_loss_file(json.dumps(FILE | changes).encode())
    return share_loss(METHODS[method], file, to_fraction(amount))


def charges(given_answer: dict[str, Any]) -> dict[str, str]:
    """Return the charge of each account."""
    return {charge["account"]: charge["amount"] for charge in given_answer["charges"]}


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("gains-pro-rata", {"ann": "7.5", "bob": "2.5"}),
        ("session-profit", {"ann": "7.5", "bob": "2.5"}),
        ("session-profit-minimum-rate", {"ann": "7.5", "bob": "2.5"}),
        ("settlement-ratio", {"ann": "7.5", "bob": "2.5"}),
        ("funding-index", {"ann": "6", "bob": "4"}),
        ("withdrawal-factor", {"ann": "2", "bob": "2", "cid": "2"}),
        ("three-stage", {"ann": "3.64", "bob": "1.67", "cid": "0.69"}),
    ],
)
def test_its_worked_number(method: str, expected: dict[str, str]) -> None:
    assert charges(answer(method)) == expected


def test_a_minimum_rate_beyond_the_loss_leaves_a_surplus() -> None:
    made = answer("session-profit-minimum-rate", "0.3")
    assert charges(made) == {"ann": "0.3", "bob": "0.1"}
    assert (made["taken"], made["left"], made["surplus"]) == ("0.4", "0", "0.1")


def test_without_a_loss_no_minimum_rate_is_charged() -> None:
    assert charges(answer("session-profit-minimum-rate", "0")) == {}


def test_payouts_are_floored_and_the_rest_has_an_owner() -> None:
    thirds: dict[str, Any] = {
        "candidates": [bearer(name, "10", "0", "1") for name in ("ann", "bob", "cid")]
    }
    outside = answer("settlement-ratio", **thirds)
    assert charges(outside) == {"ann": "3.34", "bob": "3.34", "cid": "3.34"}
    assert outside["surplus"] == "0.02"
    inside = answer("settlement-ratio", **thirds, payee_of_remainder="bob")
    assert charges(inside) == {"ann": "3.34", "bob": "3.32", "cid": "3.34"}
    assert (inside["taken"], inside["surplus"]) == ("10", "0")


def test_the_funding_index_moves_both_sides_apart() -> None:
    made = answer("funding-index")
    assert made["index_change"] == {"long": "0.2", "short": "-0.2"}


def test_without_open_interest_the_loss_is_left_and_named() -> None:
    made = answer("funding-index", candidates=[bearer("ann", "1", "0", "0")])
    assert (made["left"], made["index_change"], made["charges"]) == ("10", None, [])


def test_three_stages_come_in_order() -> None:
    made = answer("three-stage")
    assert made["stages"] == {"unvested": "4", "fund": "4", "equity": "2"}
    assert made["fund_used"] == "4"
    assert answer("three-stage", "3")["stages"] == {"unvested": "3", "fund": "0", "equity": "0"}


ALL = sorted(METHODS)
GAINS = st.decimals(-50, 50, places=2).map(str)


@settings(max_examples=200)
@given(
    method=st.sampled_from(ALL),
    amount=st.decimals(0, 200, places=2).map(str),
    rows=st.lists(st.tuples(GAINS, GAINS, GAINS), max_size=6),
    order=st.data(),
)
def test_it_conserves_whatever_the_order(
    method: str, amount: str, rows: list[tuple[str, str, str]], order: st.DataObject
) -> None:
    candidates = [bearer(f"{number}", *row) for number, row in enumerate(rows)]
    made = answer(method, amount, candidates=candidates)
    paid = sum(Decimal(charge) for charge in charges(made).values())
    assert paid + Decimal(made["fund_used"]) == Decimal(made["taken"])
    asked_and_over = Decimal(made["asked"]) + Decimal(made["surplus"])
    assert Decimal(made["taken"]) + Decimal(made["left"]) == asked_and_over
    assert all(Decimal(charge) > 0 for charge in charges(made).values())
    assert made == answer(method, amount, candidates=order.draw(st.permutations(candidates)))


@pytest.mark.parametrize(
    ("method", "missing"),
    [(name, field) for name in ALL for field in (*METHODS[name].needs, *METHODS[name].fields)],
)
def test_what_a_method_misses_is_named(method: str, missing: str) -> None:
    rows = [row | {missing: None} for row in FILE["candidates"]]
    changes = {missing: None} if missing in FILE else {"candidates": rows}
    with pytest.raises(WorksheetError, match=f"`{missing}`, which {method} needs"):
        answer(method, **changes)


@pytest.mark.parametrize("method", ["three-stage", "withdrawal-factor"])
def test_whoever_lets_the_fund_pay_first_must_know_what_it_holds(method: str) -> None:
    assert answer(method, fund_balance="0")["fund_used"] == "0"
    with pytest.raises(WorksheetError, match=f"`fund_balance`, which {method} needs"):
        answer(method, fund_balance=None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"candidates": [FILE["candidates"][0]] * 2}, "received ann again"),
        ({"fund_balance": "-1"}, "expected a number >= 0, received -1 - at `fund_balance`"),
        ({"minimum_rate": "2"}, "expected a rate from 0 to 1, received 2"),
        ({"index_tick": "0"}, "index_tick"),
        ({"minor_unit": "0"}, "minor_unit"),
        ({"fund": "x"}, "expected known fields, received 'fund'"),
    ],
)
def test_a_mistake_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(WorksheetError, match=said):
        answer("session-profit", **changes)
