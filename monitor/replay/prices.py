"""History as events: candles become marks, and a synthetic book of accounts lives through them.

A candle file is CSV (plain or `.gz`) with a header. Needed: the start of the candle in Unix
milliseconds or as an ISO time in UTC (`ts_ms`, `open_time` or `timestamp`), `open`, `high`, `low`,
`close`; `symbol` is taken from the file's name (up to the first `_`) when there is no such column.

**The path inside a candle is not known; this rule makes one.** A candle that closes at or above
its open goes open, low, high, close; one that closes below it goes open, high, low, close: the
extreme against the direction comes first. The four points lie at 0, 1/4, 3/4 of the candle and
one millisecond before its end. Between two points the marks move in geometrically equal parts so
that no mark of the candle moves by more than `STEP_RATIO_MAX` at once (at most `PARTS_MAX`
parts). All instruments move together: one `mark_prices_changed` a point. Trade prices stand in
for marks.

`events_from_history` is the whole thing; the book is in `synthetic_book.py`.
"""

import csv
import gzip
import itertools
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TextIO

from monitor.core.events import Event
from monitor.replay.synthetic_book import Book, SyntheticBook

STEP_RATIO_MAX = 0.02
PARTS_MAX = 60
POINTS = (0.0, 0.25, 0.75, 1.0)
TIME_COLUMNS = ("ts_ms", "open_time", "timestamp")
PRICE_COLUMNS = ("open", "high", "low", "close")
DIGITS_MAX = 12
ACCOUNTS_DEFAULT = 2_000
SEED_DEFAULT = 1
STEP_DEFAULT_NS = 60_000_000_000

Path4 = tuple[int, int, int, int]


class HistoryError(ValueError):
    """A price file cannot be used; the message says what was expected, received, and where."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `begin_ns` on and before `end_ns`, nanoseconds since the epoch, UTC."""

    begin_ns: int = 0
    end_ns: int = 2**63 - 1

    @classmethod
    def parse(cls, begin: str | None, end: str | None) -> "TimeRange":
        """Return the range between two ISO times (`2025-05-06`, `2025-05-06T08:00`); null: open.

        Raises HistoryError for a text that is no time.
        """
        return cls(
            0 if begin is None else parse_time_ns(begin),
            2**63 - 1 if end is None else parse_time_ns(end),
        )


ALL_TIME = TimeRange()


def parse_time_ns(text: str) -> int:
    """Return an ISO time as nanoseconds since the epoch; UTC where it names no zone.

    Raises HistoryError for a text that is no time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise HistoryError(
            f"expected a time such as 2025-05-06 or 2025-05-06T08:00, received {text!r}"
        ) from error
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return round(moment.timestamp() * 1_000) * 1_000_000


@dataclass(frozen=True, slots=True)
class Candle:
    """One row: prices as decimals, `start_ns` in nanoseconds since the epoch."""

    symbol: str
    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(slots=True)
class History:
    """Candles by their start, prices in ticks; `digits` says what a tick of a symbol is."""

    digits: dict[str, int]
    candles: dict[int, dict[str, Path4]] = field(default_factory=dict)

    @property
    def step_ns(self) -> int:
        """Return the length of a candle: the smallest distance between two of them."""
        starts = sorted(self.candles)
        gaps = [right - left for left, right in itertools.pairwise(starts)]
        return min(gaps, default=STEP_DEFAULT_NS)


def read_candles(path: str | os.PathLike[str]) -> Iterator[Candle]:
    """Yield the candles of a file.

    Raises HistoryError for a file without the needed columns or with a row that is no candle.
    """
    where = Path(path)
    try:
        with _open_text(where) as lines:
            rows = csv.DictReader(lines)
            columns = tuple(rows.fieldnames or ())
            time_column = next((name for name in TIME_COLUMNS if name in columns), None)
            missing = [name for name in PRICE_COLUMNS if name not in columns]
            if time_column is None or missing:
                raise HistoryError(
                    f"{where}: expected the columns {'|'.join(TIME_COLUMNS)}, "
                    f"{', '.join(PRICE_COLUMNS)}; received {', '.join(columns) or 'no header'}"
                )
            for number, row in enumerate(rows, start=2):
                symbol = row.get("symbol") or where.name.split("_")[0].split(".")[0].upper()
                yield _candle(row, symbol, time_column, f"{where}:{number}")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise HistoryError(f"{where}: expected a readable CSV file, received {error}") from error


def _open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _candle(row: Mapping[str, str | None], symbol: str, time_column: str, where: str) -> Candle:
    try:
        start_ns = _start_ns(row[time_column] or "")
        prices = [Decimal(row[name] or "") for name in PRICE_COLUMNS]
    except (ValueError, InvalidOperation) as error:
        raise HistoryError(
            f"{where}: expected a time (ms or ISO) and four prices, received {dict(row)}"
        ) from error
    opened, high, low, close = prices
    if not all(price.is_finite() and price > 0 for price in prices):
        raise HistoryError(f"{where}: expected prices above 0, received {dict(row)}")
    if high < max(prices) or low > min(prices) or _digits(prices) > DIGITS_MAX:
        raise HistoryError(
            f"{where}: expected low <= open, close <= high with at most {DIGITS_MAX} digits "
            f"after the point, received {dict(row)}"
        )
    return Candle(symbol, start_ns, opened, high, low, close)


def _start_ns(text: str) -> int:
    """Return a candle's start from Unix milliseconds or an ISO time."""
    return int(text) * 1_000_000 if text.isdigit() else parse_time_ns(text)


def _digits(prices: Sequence[Decimal]) -> int:
    return max(max(0, -int(price.normalize().as_tuple().exponent)) for price in prices)


def read_history(
    paths: Sequence[str | os.PathLike[str]],
    *,
    between: TimeRange = ALL_TIME,
) -> History:
    """Return the candles of all files that start in a time range.

    Raises HistoryError when there are none, or a symbol has two candles at one time.
    """
    candles = [
        candle
        for path in paths
        for candle in read_candles(path)
        if between.begin_ns <= candle.start_ns < between.end_ns
    ]
    if not candles:
        names = ", ".join(str(path) for path in paths)
        raise HistoryError(f"{names}: expected candles in the time asked for, received none")
    digits: dict[str, int] = defaultdict(int)
    for candle in candles:
        prices = (candle.open, candle.high, candle.low, candle.close)
        digits[candle.symbol] = max(digits[candle.symbol], _digits(prices))
    history = History(dict(digits))
    for candle in sorted(candles, key=lambda candle: (candle.start_ns, candle.symbol)):
        row = history.candles.setdefault(candle.start_ns, {})
        if candle.symbol in row:
            raise HistoryError(
                f"{candle.symbol}: expected one candle a time, received two at {candle.start_ns} ns"
            )
        row[candle.symbol] = candle_path(candle, digits[candle.symbol])
    return history


def candle_path(candle: Candle, digits: int) -> Path4:
    """Return the candle's four prices, in ticks of 10^-digits, in the order of the path rule."""
    rising = candle.close >= candle.open
    inner = (candle.low, candle.high) if rising else (candle.high, candle.low)
    first, second, third, fourth = (
        int(price.scaleb(digits)) for price in (candle.open, *inner, candle.close)
    )
    return first, second, third, fourth


def marks_of(history: History) -> Iterator[tuple[int, dict[str, int]]]:
    """Yield (event_ns, the marks that changed in ticks) along the paths of all candles."""
    length = history.step_ns - 1_000_000
    known: dict[str, int] = {}
    for start_ns, paths in history.candles.items():
        for point, share in enumerate(POINTS):
            target = {symbol: path[point] for symbol, path in paths.items()}
            before = POINTS[max(0, point - 1)]
            parts = _parts(known, target)
            for part in range(1, parts + 1):
                marks = {
                    symbol: _between(known.get(symbol, ticks), ticks, part / parts)
                    for symbol, ticks in target.items()
                }
                changed = {s: ticks for s, ticks in marks.items() if known.get(s) != ticks}
                if part == parts:
                    known |= target
                if changed:
                    at = before + (share - before) * part / parts
                    yield start_ns + round(length * at), changed


def _parts(known: Mapping[str, int], target: Mapping[str, int]) -> int:
    """Return in how many parts the marks move to their targets."""
    moves = [
        abs(math.log(ticks / known[symbol])) for symbol, ticks in target.items() if symbol in known
    ]
    return min(PARTS_MAX, max(1, math.ceil(max(moves, default=0.0) / STEP_RATIO_MAX)))


def _between(start: int, end: int, share: float) -> int:
    """Return the point at a share of the way, on a geometric line; the end itself at 1."""
    if share >= 1:
        return end
    return max(1, round(start * math.pow(end / start, share)))


def events_from_history(
    paths: Sequence[str | os.PathLike[str]],
    *,
    accounts: int = ACCOUNTS_DEFAULT,
    seed: int = SEED_DEFAULT,
    between: TimeRange = ALL_TIME,
) -> Iterator[Event]:
    """Yield the events of a synthetic book of accounts that lives through real prices.

    Deterministic for the files, `accounts` and `seed`. Raises HistoryError before the first
    event when a file cannot be used.
    """
    if accounts < 2:
        raise HistoryError(
            f"accounts: expected 2 at least (a long and a short), received {accounts}"
        )
    history = read_history(paths, between=between)
    first_prices = {
        symbol: path[0] for symbol, path in next(iter(history.candles.values())).items()
    }
    book = SyntheticBook(
        Book(digits=history.digits, first_prices=first_prices, accounts=accounts, seed=seed)
    )
    marks = marks_of(history)
    first_ns, first = next(marks)
    yield from book.open(first_ns, first)
    for event_ns, changed in marks:
        yield from book.step(event_ns, changed)
