"""A replay gives the same bytes, whatever the hash seed of its process and the batches it makes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from monitor.config import configuration_hash, parse_configuration
from monitor.core import gate
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent, PositionRecord
from monitor.core.settings import EngineSettings
from monitor.replay.player import Line, Player, read
from tests import strategies
from tests.builders import Journal

CONFIGURATION = """
[[funds]]
name = "main"
asset = "USD"

[[breakers]]
name = "fast"
kind = "price_velocity"
lookback_s = 10
limit_ratio = 0.1
"""


def random_sequences(number: int) -> list[list[AnyEvent]]:
    """Return the longest of a few random sequences, the same in every run."""
    found: list[list[AnyEvent]] = []

    @settings(
        max_examples=30,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies.chaos(steps_max=100))
    def collect(sequence: list[AnyEvent]) -> None:
        found.append(sequence)

    collect()
    return sorted(found, key=len)[-number:]


def record(sequence: list[AnyEvent], path: Path) -> None:
    """Write a recording in which every fourth line is an array of three events."""
    events = [gate.encode(event) for event in sequence]
    lines: list[bytes] = []
    while events:
        count = 3 if len(lines) % 4 == 3 else 1
        taken, events = events[:count], events[count:]
        lines.append(taken[0] if count == 1 else b"[" + b",".join(taken) + b"]")
        if len(lines) == 20:
            lines.append(b'{"type":"money_printed"}')
    path.write_bytes(b"\n".join(lines) + b"\n")


def written(output: Path) -> dict[str, bytes]:
    """Return all files of a replay."""
    return {path.name: path.read_bytes() for path in sorted(output.iterdir())}


def run_command(recording: Path, output: Path, hash_seed: str) -> dict[str, bytes]:
    """Replay in a process of its own."""
    configuration = recording.with_suffix(".toml")
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    subprocess.run(
        [
            sys.executable, "-m", "monitor", "replay", "--config", str(configuration),
            str(recording), "--output", str(output),
        ],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
        timeout=60,
    )  # fmt: skip
    return written(output)


def play(recording: Path, output: Path, batch_events: int) -> dict[str, bytes]:
    """Replay in this process, in batches of a size."""
    configuration = parse_configuration(CONFIGURATION, where="test")
    engine = RiskEngine(
        configuration.engine_settings(), configuration_hash=configuration_hash(CONFIGURATION)
    )
    Player(engine, output).play(read([str(recording)]), batch_events=batch_events)
    return written(output)


def test_the_hash_seed_of_the_process_changes_no_byte(tmp_path: Path) -> None:
    recording = tmp_path / "events.ndjson"
    record(random_sequences(1)[0], recording)
    first, second = (
        run_command(recording, tmp_path / f"seed-{seed}", seed) for seed in ("1", "4242")
    )
    assert {"decisions.ndjson", "accounts.ndjson", "summary.json"} <= first.keys()
    assert first == second
    assert first["decisions.ndjson"].count(b"\n") > 10
    assert len(json.loads(first["summary.json"])["state_hash"]) == 64


@pytest.mark.parametrize("number", range(5))
def test_the_size_of_the_batches_changes_no_byte(tmp_path: Path, number: int) -> None:
    recording = tmp_path / "events.ndjson"
    record(random_sequences(5)[number], recording)
    expected = play(recording, tmp_path / "whole", 100_000)
    for batch_events in (1, 2, 7):
        assert play(recording, tmp_path / f"of-{batch_events}", batch_events) == expected


def test_an_array_that_two_batches_share_is_still_one_cause(tmp_path: Path) -> None:
    journal = Journal()
    for balance in (-1, 1, -1, 1, -1):
        journal.balance("ann", balance)
    recording = tmp_path / "events.ndjson"
    recording.write_bytes(b"[" + b",".join(gate.encode(event) for event in journal.events) + b"]")
    expected = play(recording, tmp_path / "whole", 100)
    assert play(recording, tmp_path / "single", 1) == expected
    decisions = [json.loads(line) for line in expected["decisions.ndjson"].splitlines()]
    assert [decision["type"] for decision in decisions] == [
        "account_bankrupt",
        "account_recovered",
        "account_bankrupt",
        "account_recovered",
        "account_bankrupt",
    ]
    assert len({decision["decision_id"] for decision in decisions}) == 5


def test_no_two_decisions_share_an_identity(tmp_path: Path) -> None:
    recording = tmp_path / "events.ndjson"
    for number, sequence in enumerate(random_sequences(5)):
        record(sequence, recording)
        files = play(recording, tmp_path / str(number), 1)
        lines = files["decisions.ndjson"].splitlines()
        identities = [json.loads(line)["decision_id"] for line in lines]
        assert len(set(identities)) == len(identities)


def replayed(tmp_path: Path, lines: list[bytes]) -> tuple[Path, list[dict[str, object]]]:
    """Return the answers' folder, and what was quarantined."""
    path = tmp_path / "in.ndjson"
    path.write_bytes(b"\n".join(lines) + b"\n")
    output = tmp_path / "out"
    engine = RiskEngine(parse_configuration("", where="test").engine_settings())
    Player(engine, output).play(read([str(path)]))
    quarantine = (output / "quarantine.ndjson").read_text().splitlines()
    return output, [json.loads(line) for line in quarantine]


def test_a_change_that_the_recording_leaves_open_is_quarantined(tmp_path: Path) -> None:
    journal = Journal()
    journal.balance("ann", "10")
    journal.balance("ann", "11", more=True)
    _, quarantined = replayed(tmp_path, [gate.encode(event) for event in journal.events])
    assert [(one["reason"], one["position"]["line"]) for one in quarantined] == [  # type: ignore[index]
        ("unfinished_change", 2)
    ]


def test_of_an_array_only_the_refused_elements_are_quarantined(tmp_path: Path) -> None:
    journal = Journal()
    good = gate.encode(journal.balance("ann", "10"))
    off_unit = gate.encode(journal.balance("ann", "0.0000000001"))
    opened = gate.encode(journal.balance("ann", "5", more=True))
    lines = [b"[%s, 7,%s,%s]" % (good, off_unit, opened), b'["x"]', b'"y"', b"[", b"[]"]
    _, quarantined = replayed(tmp_path, lines)
    assert [(one["position"], one["line"]) for one in quarantined] == [
        ({"file": str(tmp_path / "in.ndjson"), "line": line, **element}, text)
        for line, element, text in (
            (1, {"element": 1}, "7"),
            (1, {"element": 2}, off_unit.decode()),
            (2, {"element": 0}, '"x"'),
            (3, {}, '"y"'),
            (4, {}, "["),
            (1, {"element": 3}, opened.decode()),
        )
    ]


def test_how_a_number_is_written_changes_no_state(tmp_path: Path) -> None:
    hashes = []
    for price, size in (("100.5", "2"), ("0100.50", "2.0")):
        journal = Journal()
        journal.list_instrument("X")
        journal.mark("X", price)
        journal.balance("ann", "10")
        journal.position("ann", "X", size, price)
        output, _ = replayed(tmp_path, [gate.encode(event) for event in journal.events])
        hashes.append(json.loads((output / "summary.json").read_text())["state_hash"])
    assert hashes[0] == hashes[1]


def test_an_account_whose_event_the_gate_refuses_is_suspect(tmp_path: Path) -> None:
    journal = Journal()
    journal.balance("ann", "10")
    refused = gate.encode(journal.balance("ann", "11")).replace(b"deposit", b"bogus")
    lines = [gate.encode(journal.events[0]), refused]
    output, quarantined = replayed(tmp_path, lines)
    assert [one["reason"] for one in quarantined] == ["invalid_field"]
    (account,) = (json.loads(line) for line in (output / "accounts.ndjson").open())
    assert account["flags"] == ["suspect"]
    (decision,) = (json.loads(line) for line in (output / "decisions.ndjson").open())
    assert (decision["type"], decision["expected"], decision["received"], decision["reason"]) == (
        "stream_gap_detected",
        2,
        2,
        "refused_event",
    )
    assert json.loads((output / "summary.json").read_text())["events"]["applied"] == 1


def test_the_lines_of_what_has_been_applied_are_not_kept(tmp_path: Path) -> None:
    journal = Journal()
    for name in ("X", "Y"):
        journal.position("ann", name, "1", "10")
        journal.mark(name, "10")
    journal.list_instrument("X")
    source = [Line("made", number, event, b"") for number, event in enumerate(journal.events)]
    player = Player(RiskEngine(EngineSettings()), tmp_path)
    player.play(source, batch_events=1)
    assert [line.line for line in player._late.values()] == [2, 3]
    assert player.outcome.quarantined == 2


def test_one_line_may_be_refused_in_parts(tmp_path: Path) -> None:
    journal = Journal()
    journal.snapshot(
        "ann",
        positions=[
            PositionRecord(instrument=name, size="0.5", entry_price="10") for name in ("X", "Y")
        ],
    )
    for name in ("X", "Y"):
        journal.list_instrument(name)
    source = [Line("made", number, event, b"") for number, event in enumerate(journal.events)]
    player = Player(RiskEngine(EngineSettings()), tmp_path)
    player.play(source, batch_events=1)
    assert player.outcome.quarantined == 2
