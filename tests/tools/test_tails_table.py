"""The table of the rolling test: what rejects a model, what it is compared with, and its form."""

import dataclasses
from pathlib import Path

import numpy as np

from monitor.analysis.measures import LONG
from tools.tails_table import (
    BEGIN,
    DOCUMENT,
    END,
    Row,
    best_other,
    level_rows,
    plans,
    read,
    summary,
    table,
)

PRICES = Path(__file__).parent / "data/btcusd_daily.csv.gz"

ROW = Row(
    series="X 1d", side="long", level=0.99, model="gpd", forecasts=700, coverage_ratio=1.0,
    undercoverage=0.5, kupiec=0.9, conditional=0.9, z2=0.0, z2_p=0.5, shortfall=0.10, score=-2.0,
)  # fmt: skip
OURS = dataclasses.replace(ROW, model="cautious", shortfall=0.11, score=-2.5)
LOW = dataclasses.replace(ROW, model="ewma", undercoverage=0.01, shortfall=0.05, score=-3.0)


def test_a_model_that_promised_too_little_is_rejected_and_never_the_best() -> None:
    assert LOW.rejected
    assert dataclasses.replace(ROW, z2_p=0.01).rejected
    assert not ROW.rejected
    assert best_other([ROW, OURS, LOW], OURS) is ROW
    assert best_other([OURS, LOW], OURS) is None


def test_a_failure_stands_in_the_table() -> None:
    lines = table([ROW, OURS, LOW]).splitlines()
    assert len(lines) == 5
    assert lines[4].endswith("| **rejected** |")
    assert "| 1.10 |" in lines[3]
    assert "cautious 0" in summary([ROW, OURS, LOW, ROW, ROW])
    assert "ewma 1" in summary([ROW, OURS, LOW, ROW, ROW])


def test_nothing_is_chosen_with_what_comes_after_the_split(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    prices = 100.0 * np.cumprod(1.0 + generator.standard_t(4, size=900) * 0.01)
    days = np.datetime64("2022-01-01") + np.arange(900)

    def made(name: str, values: np.ndarray) -> str:
        path = tmp_path / name
        rows = (f"{day},{price}\n" for day, price in zip(days, values, strict=True))
        path.write_text("date,price\n" + "".join(rows))
        return f"X:1d={path}"

    changed = np.where(days >= np.datetime64("2024-01-01"), prices**2, prices)
    plain, other = read(made("a.csv", prices)), read(made("b.csv", changed))
    assert plain.split == 729
    assert plans([plain]) == plans([other])


def test_the_document_holds_the_table() -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    held = page.partition(BEGIN)[2].partition(END)[0]
    assert held.count("\n| ") == 1 + 4 * 2 * 2 * 5


def test_rows_of_the_document_are_made_again_from_real_prices() -> None:
    series = read(f"BTCUSD:1d={PRICES}")
    plan = plans([series])[series.name]
    lines = table(list(level_rows(series, plan, (LONG, 0.99)))).splitlines()[2:]
    page = DOCUMENT.read_text(encoding="utf-8")
    for line in lines[:4]:  # the class of `cautious` has fits of another series, too
        assert line in page
    assert "| BTCUSD 1d long 0.99 | cautious |" in page
