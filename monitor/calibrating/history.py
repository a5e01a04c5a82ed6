"""Histories of prices from files, cleaned, with a count of everything that was left out.

A file is CSV (plain or `.gz`) with a header. Needed: a time (`ts_ms`, `open_time`, `timestamp` in
Unix milliseconds or ISO; `date` or `time` in ISO; UTC) and a price (`close`, `mark_price` or
`price`). `symbol` is taken from the file's name (up to the first `_`) where no such column is.
The price of a candle counts for the cell of a grid in which the candle starts.

A row without a usable price or time is left out and counted, as is one that runs back in time; of
two rows of one time the later row counts. A file whose times only fall is read from its end.
Parquet is not read: a reader would be the largest dependency of the whole monitor.
"""

import csv
import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import numpy as np

from monitor.analysis.returns import Floats, Integers

TIME_COLUMNS = ("ts_ms", "open_time", "timestamp", "date", "time")
PRICE_COLUMNS = ("close", "mark_price", "price")
ROWS_MAX = 20_000_000
SYMBOLS_MAX = 2_000


class HistoryError(ValueError):
    """A file cannot be used; the message says what was expected, received, and where."""


@dataclass(slots=True, kw_only=True)
class Faults:
    """Rows that were left out, by reason, and whether the file was newest first."""

    no_number: int = 0
    not_positive: int = 0
    bad_time: int = 0
    duplicate: int = 0
    backward: int = 0
    newest_first: bool = False

    def told(self) -> list[str]:
        """Return a sentence for each kind of fault there was."""
        counted = (
            (self.no_number, "rows without a number as price"),
            (self.not_positive, "rows with a price that is not positive"),
            (self.bad_time, "rows without a usable time"),
            (self.duplicate, "rows of a time that came twice (the later row counts)"),
            (self.backward, "rows that run back in time"),
        )
        said = [f"{count} {what} left out" for count, what in counted if count]
        return [*said, "newest first: read from its end"] if self.newest_first else said


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceHistory:
    """Prices of one instrument: times rise, prices are positive."""

    symbol: str
    times_ns: Integers
    prices: Floats
    faults: Faults
    source: str


@dataclass(slots=True)
class _Rows:
    """What was read of one symbol, in the order of the file."""

    times: list[int] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)


def read_histories(path: Path) -> list[PriceHistory]:
    """Return the histories of a file, one a symbol.

    Raises HistoryError for a file that is not readable, lacks a column or holds no price.
    """
    if path.suffix == ".parquet":
        raise HistoryError(f"{path}: expected CSV, plain or .gz, received Parquet: convert it")
    rows: dict[str, _Rows] = {}
    try:
        with _open_text(path) as lines:
            _read_rows(csv.DictReader(lines), path, rows)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise HistoryError(f"{path}: expected a readable CSV file, received {error}") from error
    if not rows:
        raise HistoryError(f"{path}: expected rows of prices, received a header alone")
    return [_cleaned(symbol, found, path) for symbol, found in rows.items()]


def _open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _read_rows(reader: "csv.DictReader[str]", path: Path, rows: dict[str, _Rows]) -> None:
    columns = tuple(reader.fieldnames or ())
    time_column = next((name for name in TIME_COLUMNS if name in columns), None)
    price_column = next((name for name in PRICE_COLUMNS if name in columns), None)
    if time_column is None or price_column is None:
        raise HistoryError(
            f"{path}: expected the columns {'|'.join(TIME_COLUMNS)} and {'|'.join(PRICE_COLUMNS)}; "
            f"received {', '.join(columns) or 'no header'}"
        )
    named = path.name.split("_")[0].split(".")[0].upper()
    for number, row in enumerate(reader, start=2):
        if number > ROWS_MAX:
            raise HistoryError(f"{path}:{number}: expected at most {ROWS_MAX} rows, received more")
        symbol = row.get("symbol") or named
        if symbol not in rows and len(rows) >= SYMBOLS_MAX:
            raise HistoryError(
                f"{path}:{number}: expected at most {SYMBOLS_MAX} symbols, received more"
            )
        _take(rows.setdefault(symbol, _Rows()), row.get(time_column), row.get(price_column))


def _take(rows: _Rows, time_text: str | None, price_text: str | None) -> None:
    """Keep a row, or count why not."""
    price = _number(price_text)
    time_ns = _time_ns(time_text or "")
    if time_ns is None:
        rows.faults.bad_time += 1
    elif price is None:
        rows.faults.no_number += 1
    elif price <= 0.0:
        rows.faults.not_positive += 1
    else:
        rows.times.append(time_ns)
        rows.prices.append(price)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _time_ns(text: str) -> int | None:
    """Return Unix milliseconds or an ISO time (UTC where it names no zone) in nanoseconds."""
    if text.isdecimal():
        return int(text) * 1_000_000 if len(text) <= 15 else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return round(moment.timestamp() * 1_000) * 1_000_000


def _cleaned(symbol: str, rows: _Rows, path: Path) -> PriceHistory:
    faults = rows.faults
    if not rows.prices:
        said = "; ".join(faults.told())
        raise HistoryError(f"{path}: expected positive prices of {symbol}, received none: {said}")
    times, prices = np.array(rows.times, np.int64), np.array(rows.prices)
    if len(times) > 1 and times[0] > times[-1] and np.all(np.diff(times) <= 0):
        faults.newest_first = True
        times, prices = times[::-1], prices[::-1]
    newest = np.maximum.accumulate(times)
    forward = times == newest
    faults.backward += int((~forward).sum())
    times, prices = times[forward], prices[forward]
    last = np.append(np.diff(times) > 0, True)
    faults.duplicate += int((~last).sum())
    return PriceHistory(
        symbol=symbol, times_ns=times[last], prices=prices[last], faults=faults, source=str(path)
    )


def histories_of(paths: list[Path]) -> Iterator[PriceHistory]:
    """Yield the histories of files. Raises HistoryError, too for a symbol in two of them."""
    seen: dict[str, str] = {}
    for path in paths:
        for history in read_histories(path):
            if history.symbol in seen:
                raise HistoryError(
                    f"{path}: expected each symbol in one file, received {history.symbol} here "
                    f"and in {seen[history.symbol]}"
                )
            seen[history.symbol] = str(path)
            yield history
