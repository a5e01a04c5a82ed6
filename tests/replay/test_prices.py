"""Candles become marks by a stated rule, and bad files are refused with their place."""

import gzip
import itertools
import re
from fractions import Fraction
from pathlib import Path

import pytest

from monitor.core import events
from monitor.replay.prices import (
    STEP_RATIO_MAX,
    HistoryError,
    TimeRange,
    events_from_history,
    marks_of,
    read_history,
)

DATA = Path(__file__).parent / "data"
LAYER, BTC = DATA / "layerusdt_1m.csv", DATA / "btcusdt_1m.csv.gz"
HEADER = "ts_ms,open,high,low,close,volume\n"
MINUTE_NS = 60_000_000_000


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_rising_candle_visits_its_low_first_and_a_falling_one_its_high(tmp_path: Path) -> None:
    rising = write(tmp_path / "aaausdt_1m.csv", HEADER + "60000,1.00,1.02,0.99,1.01,5\n")
    falling = write(tmp_path / "bbbusdt_1m.csv", HEADER + "60000,1.00,1.02,0.99,0.995,5\n")
    history = read_history([rising, falling])
    assert history.candles[MINUTE_NS] == {
        "AAAUSDT": (100, 99, 102, 101),
        "BBBUSDT": (1000, 1020, 990, 995),
    }


def test_the_points_of_a_candle_lie_inside_it_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "aaausdt_1m.csv", HEADER + "60000,1.00,1.00,0.99,1.00,5\n")
    length = MINUTE_NS - 1_000_000
    assert list(marks_of(read_history([path]))) == [
        (MINUTE_NS, {"AAAUSDT": 100}),
        (MINUTE_NS + length // 4, {"AAAUSDT": 99}),
        (MINUTE_NS + length * 3 // 4, {"AAAUSDT": 100}),
    ]


def test_no_mark_moves_by_more_than_the_largest_step(tmp_path: Path) -> None:
    path = write(tmp_path / "aaausdt_1m.csv", HEADER + "60000,1000,1000,700,800,5\n")
    prices = [marks["AAAUSDT"] for _, marks in marks_of(read_history([path]))]
    assert min(prices) == 700
    assert prices[-1] == 800
    for before, after in itertools.pairwise(prices):
        assert abs(after / before - 1) < STEP_RATIO_MAX * 1.05


def test_symbols_come_from_the_column_or_from_the_name_of_the_file(tmp_path: Path) -> None:
    text = "symbol,open_time,open,high,low,close\nXUSDT,0,1,1,1,1\nYUSDT,0,2,2,2,2\n"
    both = tmp_path / "all.csv.gz"
    both.write_bytes(gzip.compress(text.encode()))
    assert set(read_history([both]).digits) == {"XUSDT", "YUSDT"}
    assert set(read_history([LAYER, BTC]).digits) == {"LAYERUSDT", "BTCUSDT"}


def test_a_candle_may_start_at_an_iso_time(tmp_path: Path) -> None:
    text = "timestamp,open,high,low,close\n2025-05-06 08:08:00,1,1,1,1\n"
    path = write(tmp_path / "aaausdt_30m.csv", text)
    assert list(read_history([path]).candles) == [1_746_518_880_000_000_000]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the columns"),
        ("ts_ms,open,high,low\n0,1,1,1\n", "open, high, low, close; received ts_ms, open, high"),
        (HEADER + "0,1,1,1,x,1\n", "csv:2: expected a time (ms or ISO) and four prices"),
        (HEADER + "0,1,1,1\n", "csv:2: expected a time (ms or ISO) and four prices"),
        (HEADER + "0,1,1,1,0,1\n", "csv:2: expected prices above 0"),
        (HEADER + "0,1,1,NaN,1,1\n", "csv:2: expected prices above 0"),
        (HEADER + "0,1,0.5,0.9,1,1\n", "csv:2: expected low <= open, close <= high"),
        (HEADER + "0,1,1,1,1,1\n0,1,1,1,1,1\n", "expected one candle a time, received two"),
        (HEADER, "expected candles in the time asked for, received none"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "aaausdt_1m.csv", text)
    with pytest.raises(HistoryError, match=re.escape(message)):
        next(events_from_history([path]))


def test_a_missing_or_damaged_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="expected a readable CSV file, received"):
        next(events_from_history([tmp_path / "none.csv"]))
    damaged = tmp_path / "aaausdt_1m.csv.gz"
    damaged.write_bytes(BTC.read_bytes()[:200])
    with pytest.raises(HistoryError, match="expected a readable CSV file, received"):
        next(events_from_history([damaged]))


def test_a_time_range_cuts_the_history() -> None:
    after = TimeRange.parse("2025-05-06T08:08", None)
    before = TimeRange.parse(None, "2025-05-06T10:08+02:00")
    history = read_history([LAYER], between=after)
    assert min(history.candles) == 1_746_518_880_000_000_000
    cut = read_history([LAYER], between=before)
    assert len(history.candles) + len(cut.candles) == 120


def test_the_marks_of_the_events_reach_every_extreme_of_the_candles() -> None:
    marks = [
        Fraction(event.prices["LAYERUSDT"])
        for event in events_from_history([LAYER], accounts=10)
        if isinstance(event, events.MarkPricesChanged)
    ]
    rows = [line.split(",") for line in LAYER.read_text().splitlines()[1:]]
    assert max(marks) == max(Fraction(row[2]) for row in rows)
    assert min(marks) == min(Fraction(row[3]) for row in rows)
    assert marks[0] == Fraction(rows[0][1])
    assert marks[-1] == Fraction(rows[-1][4])


def test_a_time_that_is_none_and_a_book_that_is_empty_are_refused() -> None:
    with pytest.raises(HistoryError, match=r"expected a time such as .*, received 'noon'"):
        TimeRange.parse("noon", None)
    with pytest.raises(HistoryError, match=r"expected 2 at least .*, received 1"):
        next(events_from_history([LAYER], accounts=1))
