"""A file of candidates is refused for each mistake, in a sentence that says where."""

import json
from typing import Any

import pytest

from monitor.core.deleveraging import POLICIES
from monitor.core.deleveraging.request import parse_candidates, round_for
from monitor.core.worksheet import WorksheetError

CANDIDATE = {"account": "ann", "size": "-4", "entry_price": "100", "equity": "40", "owner": "o1"}
FILE: dict[str, Any] = {
    "instrument": {"kind": "linear", "contract_size": "1", "lot_size": "0.5", "tick_size": "1"},
    "side": "short",
    "mark_price": 80,
    "candidates": [CANDIDATE, CANDIDATE | {"account": "bob"}],
}


def file_with(second: dict[str, Any] | None = None, **changes: Any) -> bytes:
    """Return the file with its second candidate, or its own fields, changed."""
    candidates = [CANDIDATE, CANDIDATE | {"account": "bob"} | (second or {})]
    return json.dumps(FILE | {"candidates": candidates} | changes).encode()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (file_with({"size": "4"}), r"short winner \(size < 0\), received size 4 - at `candidates"),
        (file_with({"size": 0}), "received size 0"),
        (file_with({"size": "-4.2"}), "multiple of the lot 0.5, received -4.2"),
        (file_with({"account": "ann"}), r"received ann again - at `candidates\[1\].account`"),
        (file_with({"equity": "-1"}), r"expected a number >= 0, received -1 - at `candidates\[1\]"),
        (file_with({"equity": float("nan")}), r"received NaN - at `candidates\[1\].equity`"),
        (file_with({"entry_price": float("inf")}), "received Infinity"),
        (file_with({"entry_price": 0}), "expected a number > 0, received 0"),
        (file_with({"haircut_max": "1.5"}), "share from 0 to 1, received 1.5"),
        (file_with({"leverage": "3"}), "expected known fields, received 'leverage'"),
        (file_with({"account": None}), r"account"),
        (file_with(side="both"), "side"),
        (file_with(instrument={"kind": "linear", "lot_size": 1}), "contract_size"),
        (file_with(instrument=7), "instrument"),
        (file_with(bankrupt_account="bob"), "being closed itself, received bob"),
        (file_with(bankrupt_owner="o1"), "another owner than that of the bankrupt account"),
    ],
)
def test_a_mistake_is_named(raw: bytes, said: str) -> None:
    with pytest.raises(WorksheetError, match=said):
        parse_candidates(raw)


@pytest.mark.parametrize(
    ("policy", "raw", "said"),
    [
        ("queue-bitmex", file_with({"equity": None}), r"`equity`, which queue-bitmex needs"),
        ("queue-binance", file_with(), "`wallet_balance`, which queue-binance needs"),
        ("minimax-leverage", file_with(mark_price=None), "`mark_price`, which minimax-leverage"),
        ("random-walk", file_with(), "`bankruptcy_price`, which random-walk needs"),
        ("pro-rata-pnl-capped", file_with({"equity": None, "equity_min": 3}), "`equity_min` needs"),
        (
            "pro-rata-contracts",
            file_with({"equity": None}, spare_counterparties=True),
            "`equity`, which `spare_counterparties` needs",
        ),
    ],
)
def test_what_a_policy_misses_is_named(policy: str, raw: bytes, said: str) -> None:
    with pytest.raises(WorksheetError, match=said):
        round_for(POLICIES[policy], parse_candidates(raw), seed=1)


def test_what_a_policy_does_not_need_may_be_left_out() -> None:
    least = {"account": "ann", "size": "-4"}
    raw = json.dumps(FILE | {"candidates": [least], "mark_price": None}).encode()
    round_ = round_for(POLICIES["pro-rata-contracts"], parse_candidates(raw), seed=1)
    assert round_.winners[0].lots == 8
