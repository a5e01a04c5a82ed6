"""`replay` as an operator meets it: one line says what is wrong, and a bug is not hidden."""

import json
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.core import gate
from monitor.core.engine import RiskEngine
from tests.builders import Journal


@pytest.fixture
def recording(tmp_path: Path) -> str:
    journal = Journal()
    journal.balance("ann", "10")
    path = tmp_path / "events.ndjson"
    path.write_bytes(gate.encode(journal.events[0]) + b"\n")
    return str(path)


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one line that a wrong command says; its status is 2."""
    assert main(list(words)) == 2
    said = capsys.readouterr().err
    assert said.startswith("loss-monitor: ")
    assert said.count("\n") == 1
    assert "expected" in said
    assert "received" in said
    return said


def test_a_bug_of_the_engine_is_no_wrong_input(
    recording: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(RiskEngine, "apply", broken)
    with pytest.raises(ValueError, match="a bug"):
        main(["replay", recording, "--output", str(tmp_path / "out")])


def test_a_folder_that_cannot_be_made_is_named(
    recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for output in ("/proc/x", recording, f"{recording}/x"):
        said = complaint(capsys, "replay", recording, "--output", output)
        assert f"--output {output}: expected a folder to write into" in said


@pytest.mark.parametrize(
    "option",
    [("--from", "2025-05-06"), ("--to", "2025-05-06"), ("--accounts", "5"), ("--seed", "0")],
)
def test_what_only_a_history_of_prices_has_is_refused_beside_recordings(
    option: tuple[str, str], recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = complaint(capsys, "replay", recording, "--output", str(tmp_path / "out"), *option)
    assert f"expected {option[0]} together with --prices, received EVENTS" in said
    assert not (tmp_path / "out").exists()


BREAKERS = """
[[breakers]]
name = "fall"
kind = "price_velocity"
lookback_s = 60
limit_ratio = {}
"""


@pytest.fixture
def falling(tmp_path: Path) -> str:
    """Return a recording of a mark that falls by 8 %."""
    journal = Journal()
    journal.list_instrument("X")
    for price in ("100", "92"):
        journal.mark("X", price)
        journal.wait(1)
    path = tmp_path / "falling.ndjson"
    path.write_bytes(b"".join(gate.encode(one) + b"\n" for one in journal.events))
    return str(path)


def test_two_sets_of_rules_stand_side_by_side(
    falling: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for limit in ("0.05", "0.1"):
        files.append(str(tmp_path / f"{limit}.toml"))
        Path(files[-1]).write_text(BREAKERS.format(limit))
    assert main(["replay", "--compare", *files, falling]) == 0
    told = capsys.readouterr().out
    assert "1 x, first" in told
    assert "never" in told
    assert main(["replay", "--compare", *files, "--json", falling]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["sets"] == files
    assert [side["trips"] for side in answer["breakers"][0]["sets"]] == [1, 0]
    assert [trip["measured"] for trip in answer["trips"]] == ["0.08"]
    said = complaint(capsys, "replay", "--compare", *files, "--output", "x", falling)
    assert "expected --compare alone, received --output too" in said
    assert "expected --output, received none" in complaint(capsys, "replay", falling)


def test_a_report_is_one_more_file(
    falling: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.html"
    words = ["replay", falling, "--output", str(tmp_path / "out"), "--html", str(report)]
    assert main(words) == 0
    assert f"report in {report}" in capsys.readouterr().out
    assert "mark X" in report.read_text()
    words[-1] = "/proc/nowhere/report.html"
    assert main(words) == 1
    assert "expected /proc/nowhere/report.html to take the answers" in capsys.readouterr().err
