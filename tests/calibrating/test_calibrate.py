"""The verb `calibrate` from the command line: answers, exit status and the form of errors."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from monitor.cli import main

DATA = Path(__file__).parent.parent / "replay/data"


def history(folder: Path, name: str, count: int, *, seed: int = 1, days: int = 1) -> str:
    steps = 1.0 + np.random.default_rng(seed).standard_t(4, size=count) * 0.02
    dates = np.datetime64("2020-01-01") + days * np.arange(count)
    rows = "".join(f"{d},{p}\n" for d, p in zip(dates, 100.0 * np.cumprod(steps), strict=True))
    path = folder / name
    path.write_text("date,close\n" + rows)
    return str(path)


def test_it_writes_parameters_and_a_report_and_prints_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [history(tmp_path, "btc_1d.csv", 700), history(tmp_path, "new_1d.csv", 30, seed=2)]
    output, page = tmp_path / "params.toml", tmp_path / "report.html"
    arguments = ["--output", str(output), "--html", str(page), "--json"]
    assert main(["calibrate", "--history", *files, *arguments]) == 0
    printed = json.loads(capsys.readouterr().out)
    written = tomllib.loads(output.read_text())
    assert set(printed["grids"]) == set(written["grids"]) == {"1d"}
    (known, new) = (written["grids"]["1d"]["instruments"][name] for name in ("BTC", "NEW"))
    assert (known["observations"], new["observations"]) == (699, 29)
    assert "volatility" not in new
    least = known["long"]["tails"][1]["expected_shortfall"]
    assert new["long"]["tails"][1]["expected_shortfall"] > least
    assert page.read_text().startswith("<!doctype html>")


def test_real_candles_of_minutes_are_fitted_on_every_grid_they_fill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "params.toml"
    file = str(DATA / "layerusdt_1m.csv")
    assert main(["calibrate", "--history", file, "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert "LAYERUSDT: volatility and tail: 119 returns, fewer than 250" in said
    assert set(tomllib.loads(output.read_text())["grids"]) == {"1m", "1h", "1d"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "date,close\n2024-01-01,nan\n", "expected positive prices of A, received none"),
        ("b.parquet", "", "expected CSV, plain or .gz, received Parquet"),
        ("c.csv", "when,what\n", "received when, what"),
    ],
)
def test_input_that_cannot_be_used_is_one_line_and_status_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    output = tmp_path / "params.toml"
    assert main(["calibrate", "--history", str(path), "--output", str(output)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"loss-monitor: calibrate: {path}")
    assert said in error
    assert error.count("\n") == 1
    assert not output.exists()


def test_prices_once_a_month_fit_no_grid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = history(tmp_path, "x_1.csv", 40, days=30)
    assert main(["calibrate", "--history", file, "--output", str(tmp_path / "p")]) == 2
    assert "expected prices at least once a day" in capsys.readouterr().err


def test_output_that_cannot_be_written_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = history(tmp_path, "x_1.csv", 40)
    assert main(["calibrate", "--history", file, "--output", str(tmp_path)]) == 1
    assert "expected to write the answers, received" in capsys.readouterr().err
