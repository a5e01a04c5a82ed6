"""Histories from files: every kind of bad row is left out, counted and told."""

import gzip
from pathlib import Path

import pytest

from monitor.calibrating.history import HistoryError, histories_of, read_histories

DATA = Path(__file__).parent.parent / "replay/data"


def made(folder: Path, text: str, name: str = "btc_1h.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_candles_of_a_venue_are_read() -> None:
    (plain,) = read_histories(DATA / "layerusdt_1m.csv")
    (packed,) = read_histories(DATA / "btcusdt_1m.csv.gz")
    assert (plain.symbol, packed.symbol) == ("LAYERUSDT", "BTCUSDT")
    assert len(plain.prices) == len(packed.prices) == 120
    assert plain.times_ns[1] - plain.times_ns[0] == 60 * 10**9
    assert plain.faults.told() == []


def test_every_kind_of_bad_row_is_left_out_and_told(tmp_path: Path) -> None:
    path = made(
        tmp_path,
        "date,close\n"
        "2024-01-01,100\n2024-01-02,\n2024-01-03,nan\n2024-01-04,abc\n2024-01-05,0\n"
        "2024-01-06,-5\nsoon,100\n2024-01-07,101\n2024-01-07,102\n2024-01-03,99\n2024-01-08,inf\n"
        "2024-01-09,103\n",
    )
    (found,) = read_histories(path)
    assert found.prices.tolist() == [100.0, 102.0, 103.0]
    assert found.faults.told() == [
        "4 rows without a number as price left out",
        "2 rows with a price that is not positive left out",
        "1 rows without a usable time left out",
        "1 rows of a time that came twice (the later row counts) left out",
        "1 rows that run back in time left out",
    ]


def test_a_file_that_is_newest_first_is_read_from_its_end(tmp_path: Path) -> None:
    path = made(tmp_path, "ts_ms,price\n3000,12\n2000,11\n1000,10\n")
    (found,) = read_histories(path)
    assert found.prices.tolist() == [10.0, 11.0, 12.0]
    assert found.faults.told() == ["newest first: read from its end"]


def test_symbols_of_one_file_are_histories_of_their_own(tmp_path: Path) -> None:
    path = made(tmp_path, "symbol,ts_ms,close\nA,1000,1\nB,1000,5\nA,2000,2\n")
    assert {one.symbol: one.prices.tolist() for one in read_histories(path)} == {
        "A": [1.0, 2.0],
        "B": [5.0],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected the columns ts_ms|open_time|timestamp|date|time and"),
        ("ts_ms,volume\n1000,5\n", "received ts_ms, volume"),
        ("ts_ms,close\n", "expected rows of prices, received a header alone"),
        ("ts_ms,close\n1000,NaN\n2000,NaN\n", "received none: 2 rows without a number as price"),
        ("ts_ms,close\n1000,0\n2000,0\n", "2 rows with a price that is not positive"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    path = made(tmp_path, text)
    with pytest.raises(HistoryError) as caught:
        read_histories(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_no_text_or_no_file_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "a.csv.gz"
    broken.write_bytes(gzip.compress(b"ts_ms,close\n1000,1\n" * 1_000)[:-20])
    for path in (broken, tmp_path / "missing.csv", made(tmp_path, "\0\n", "zero.csv")):
        with pytest.raises(HistoryError, match="expected"):
            read_histories(path)
    with pytest.raises(HistoryError, match="received Parquet: convert it"):
        read_histories(tmp_path / "a.parquet")


def test_a_symbol_in_two_files_is_an_error(tmp_path: Path) -> None:
    text = "ts_ms,close\n1000,1\n"
    paths = [made(tmp_path, text, "btc_1.csv"), made(tmp_path, text, "btc_2.csv")]
    with pytest.raises(HistoryError, match="expected each symbol in one file, received BTC"):
        list(histories_of(paths))
