"""Trips on calm days: counted by day and instrument, a stormy day left out."""

from pathlib import Path

import pytest

from tools.false_alarms import follow, main, table

MINUTE_MS, DAY_MS = 60_000, 86_400_000


def candles(path: Path, closes: dict[int, float], first: float) -> str:
    """Write a candle a minute where something changes, by minute from 1970-01-02 on."""
    rows, before = ["ts_ms,open,high,low,close,volume"], first
    for minute, close in sorted(closes.items()):
        high, low = max(before, close), min(before, close)
        at = DAY_MS + minute * MINUTE_MS
        rows.append(f"{at},{before:.2f},{high:.2f},{low:.2f},{close:.2f},1")
        before = close
    path.write_text("\n".join(rows) + "\n")
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Return two days of two symbols: BTCUSDT is calm on the first, and falls on the second."""
    day = 1_440
    btc = {0: 100.0, 1: 101.0, day: 101.0, day + 1: 85.0}
    alt = {0: 10.0, 1: 8.0, day: 8.0, day + 1: 6.0}
    return [
        candles(tmp_path / "btcusdt_1m.csv", btc, 100.0),
        candles(tmp_path / "altusdt_1m.csv", alt, 10.0),
    ]


def test_only_what_trips_on_a_calm_day_is_a_false_alarm(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    days = follow(files)
    assert len(days.low) == 2
    assert len(days.calm) == 1
    by_symbol = [(day - min(days.low), symbol) for day, _, symbol in days.trips]
    assert sorted(by_symbol) == [(0, "ALTUSDT"), (1, "ALTUSDT"), (1, "BTCUSDT")]
    assert list(table(days))[-1] == "| velocity-5m | 1 | 15.00 | ALTUSDT 1 |"
    assert main(files) == 0
    assert "2 days, 1 of them calm, 2 instruments" in capsys.readouterr().out


def test_files_that_do_not_serve_are_refused(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(files[1:]) == 2
    assert "expected BTCUSDT among the files" in capsys.readouterr().err
    assert main(["/nowhere.csv"]) == 2
    assert "nowhere.csv" in capsys.readouterr().err
