"""`deleverage` and `socialize` as an operator and a program meet them."""

import json
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.core import deleveraging, socialization
from tests.core.deleveraging.test_request import FILE
from tests.core.socialization.test_request import FILE as LOSS_FILE


@pytest.fixture
def winners(tmp_path: Path) -> str:
    path = tmp_path / "winners.json"
    extra = {"wallet_balance": "20", "maintenance_margin": 3}
    rows = [row | extra for row in FILE["candidates"]]
    path.write_text(json.dumps(FILE | {"candidates": rows, "bankruptcy_price": "85"}))
    return str(path)


@pytest.mark.parametrize("policy", deleveraging.POLICIES)
def test_every_policy_answers_a_program(
    policy: str, winners: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["deleverage", "--policy", policy, "--candidates", winners, "--amount", "6", "--json"]
    assert main(words) == 0
    answer = json.loads(capsys.readouterr().out)
    expected = {"policy", "unit", "asked", "taken", "left", "reductions", "metrics"}
    assert answer.keys() == expected
    assert (answer["asked"], answer["taken"], answer["left"]) == ("6", "6", "0")
    assert answer["reductions"][0].keys() == {
        "account", "size", "amount", "score", "rank", "light",
    }  # fmt: skip


def test_beyond_the_capacity_what_is_left_is_said(
    winners: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["deleverage", "--policy", "queue-bitmex", "--candidates", winners, "--amount", "20"]
    assert main(words) == 0
    assert "asked 20 contracts, taken 8, left 12" in capsys.readouterr().out


def test_policies_are_compared_and_those_that_cannot_answer_say_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "winners.json"
    path.write_text(json.dumps(FILE))
    words = ["deleverage", "--compare", "--candidates", str(path), "--amount", "6"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "minimax-leverage-factor" in shown
    assert "random-walk: expected `bankruptcy_price`" in shown
    assert main([*words, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["policies"]
    assert [answer["policy"] for answer in answers] == list(deleveraging.POLICIES)


@pytest.mark.parametrize("method", socialization.METHODS)
def test_every_method_answers(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(json.dumps(LOSS_FILE))
    words = ["socialize", "--method", method, "--candidates", str(path), "--amount", "10"]
    assert main(words) == 0
    assert f"{method}: asked 10 USDT, taken 10, left 0" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == {
        "method", "asset", "asked", "taken", "left", "surplus", "fund_used", "stages",
        "index_change", "charges",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "text", "said"),
    [
        ("-1", "{}", "deleverage: expected an amount >= 0, received -1"),
        ("nan", "{}", "expected a finite number"),
        ("1", "[]", "winners.json: expected a JSON object, received an array"),
        ("1", None, "No such file"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    amount: str,
    text: str | None,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "winners.json"
    if text is not None:
        path.write_text(text)
    words = ["deleverage", "--policy", "queue-bitmex", "--candidates", str(path)]
    assert main([*words, f"--amount={amount}"]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1
