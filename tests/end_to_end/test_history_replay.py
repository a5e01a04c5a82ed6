"""A real crash through the command: the monitor finds it, and finds the same each time."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import main

ROOT = Path(__file__).parents[2]
LAYER = str(ROOT / "tests" / "replay" / "data" / "layerusdt_1m.csv")


def replay(output: Path, *arguments: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the documented command; return the summary and the decisions."""
    config = str(ROOT / "docs" / "replays.toml")
    command = ["replay", "--config", config, "--output", str(output), *arguments]
    assert main(command) == 0
    lines = (output / "decisions.ndjson").read_text(encoding="utf-8").splitlines()
    summary = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    return summary, [json.loads(line) for line in lines]


def test_the_fall_of_layer_trips_the_breaker_and_leaves_shortfalls(tmp_path: Path) -> None:
    summary, decisions = replay(tmp_path / "out", "--prices", LAYER, "--accounts", "600")
    kinds = summary["decisions"]
    assert kinds["breaker_tripped"] >= 1
    assert kinds["account_liquidatable"] > 50
    assert kinds["shortfall_incurred"] == kinds["insurance_fund_drawn"] > 5
    assert summary["events"]["quarantined"] == 0
    assert float(summary["shortfall_usd"]) > 0
    assert (
        summary["open_interest"]["LAYERUSDT"]["long"]
        == (summary["open_interest"]["LAYERUSDT"]["short"])
    )
    trip = next(decision for decision in decisions if decision["type"] == "breaker_tripped")
    assert (trip["scope"], trip["action"]) == ("LAYERUSDT", "halt")
    assert float(trip["measured"]) > 0.10


def test_the_same_history_gives_the_same_decisions(tmp_path: Path) -> None:
    arguments = ("--prices", LAYER, "--accounts", "100", "--to", "2025-05-06T08:10")
    first, _ = replay(tmp_path / "a", *arguments)
    second, _ = replay(tmp_path / "b", *arguments)
    assert first["state_hash"] == second["state_hash"]
    names = ("decisions.ndjson", "accounts.ndjson", "summary.json")
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prices", "no_such_file.csv"], "expected a readable CSV file"),
        (["--prices", LAYER, "--from", "2030-01-01"], "expected candles in the time asked for"),
        (["--prices", LAYER, "--to", "tomorrow"], "expected a time such as 2025-05-06"),
        (["--prices", LAYER, "--accounts", "1"], "expected 2 at least"),
    ],
)
def test_input_that_cannot_be_used_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["replay", "--output", str(tmp_path / "out"), *arguments]) == 2
    assert message in capsys.readouterr().err
