"""`replay` as an operator meets it: one line says what is wrong, and a bug is not hidden."""

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
