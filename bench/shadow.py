"""Shadow deleveraging of a large book: how long it takes, and what it costs the engine beside it.

The book of the threshold benchmark: 1,000,000 accounts, 400 instruments, 11 policies. `shadow_s`
is one round of the worst accounts: all positions gathered from the image, plans and amounts of
every policy on every side. The event path (account events and price moves on the index, by the
wall clock) is measured alone and beside the analysis process, which then works all the time, in
turns; a pair is one of each, and what is told is the median of the pairs' ratios with its 95 %
interval. Between two rounds in the daemon the process sleeps at least four times as long.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import comb

import numpy as np

from bench.image import _decide_all, _set
from bench.measure import ROUNDS_MIN, Figure, Scale, main, quantile, seconds
from bench.threshold_book import Book, make_book, make_stream
from monitor.analysis.analyst import Question
from monitor.analysis.funding import Rates
from monitor.analysis.funds import Funds
from monitor.analysis.liquidity import without_books
from monitor.analysis.markets import Markets
from monitor.analysis.moves import MoveModel
from monitor.analysis.positions import Book as ImageBook
from monitor.analysis.positions import Floats, Listing, Positions, Terms, gather
from monitor.analysis.settings import LossAtRiskSettings
from monitor.analysis.shadow import Shadow, digests_of
from monitor.app.image_passing import ImagePasser
from monitor.app.shadow_watch import ShadowAnalysis, ShadowRequest
from monitor.core.book_sums import NamedColumns
from monitor.core.margin.index.columns import UNDECIDED, Records
from monitor.core.margin.index.image import BookImages, ImageReader
from monitor.runtime.companion import Companion

ACCOUNTS = {"small": 100_000, "full": 1_000_000}
PAIRS = 24
SLICES, EVENTS, MOVES = 400, 20, 40  # of one measurement: slices, and what is in each
WORKS_S = 1.0  # the analysis goes on so long when asked; a measurement is shorter
SIDES_PER_IMAGE = 20  # distances looked for, as by default
PATHS = 1_000  # of all marks, as by default
NO_TRADERS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Busy:
    """What the process is asked: to analyze one image again and again."""

    request: ShadowRequest
    lasts_s: float


class BusyAnalysis:
    """Does so, and answers how often."""

    def __init__(self) -> None:
        self._analysis = ShadowAnalysis()

    def __call__(self, busy: Busy) -> int:
        """Return how often it was done."""
        ends_s, done = time.perf_counter() + busy.lasts_s, 0
        while done == 0 or time.perf_counter() < ends_s:
            self._analysis(busy.request)
            done += 1
        return done


def measure(scale: Scale) -> list[Figure]:
    """Return the figures."""
    book = make_book(ACCOUNTS[scale], full=True)
    book.thresholds.set_units(book.items)
    book.thresholds.settle()
    _decide_all(book)
    return [*_round_figures(book), *asyncio.run(_event_figures(book))]


def listings_of(book: Book) -> list[Listing]:
    """Return lots worth about a dollar; neighbours are of one factor."""
    columns = book.thresholds.columns
    prices = columns.slots["price"][book.marks]
    lots = np.where(
        columns.instruments["inverse"][: len(prices)] > 0, 1.0, 10.0 ** -np.floor(np.log10(prices))
    )
    return [Listing(f"I{n:03d}", float(lot), n // 2) for n, lot in enumerate(lots.tolist())]


def moves_of(listings: list[Listing]) -> MoveModel:
    """Return how marks may move by default, before anything is known of them."""
    factor = np.array([listing.factor for listing in listings], np.int64)
    chances = LossAtRiskSettings()
    volatility = np.full(len(listings), chances.daily_volatility)
    return MoveModel(volatility, factor, chances.correlation, chances.degrees)


def traded_volume(terms: Terms, positions: Positions) -> Floats:
    """Return a day's volume of each instrument for the cascade: as much as is open."""
    return np.maximum(1e-12, np.add.reduceat(positions.size, positions.begins[:-1:2]) * terms.lot)


def _round_figures(book: Book) -> Iterator[Figure]:
    columns, listings = book.thresholds.columns, listings_of(book)
    books = [ImageBook(columns, [listing.name for listing in listings], NO_TRADERS)]
    digests = digests_of(range(2 * len(listings)))
    gathered, planned, spent = [], [], []
    for number in range(ROUNDS_MIN + 1):
        parts: list[Shadow] = []
        gather_s = seconds(lambda: parts.append(Shadow(*gather(books, listings))))  # noqa: B023
        plan_s = seconds(lambda: parts[0].all_sides(digests))  # noqa: B023
        if number:  # the first loads compiled code
            gathered.append(gather_s)
            planned.append(plan_s)
            spent.append(gather_s + plan_s)
    yield Figure(name="shadow_s", value=min(spent), unit="s")
    yield Figure(name="shadow_median_s", value=float(np.median(spent)), unit="s")
    yield Figure(name="gather_s", value=min(gathered), unit="s")
    yield Figure(name="plans_s", value=min(planned), unit="s")
    yield Figure(name="positions", value=float(len(book.units)), unit="positions")


class _Path:
    """The event path: slices of account events and price moves, each timed."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._draw = np.random.default_rng(21)
        count = SLICES * MOVES * (2 * PAIRS + 2)
        prices = book.thresholds.columns.slots["price"][book.marks].copy()
        self._stream = make_stream(book, "calm", count, (0.0, 1e-4), prices)
        self._at = 0

    def timed(self) -> tuple[float, float]:
        """Return (seconds of all slices, p99 of one)."""
        book, draw = self._book, self._draw
        chosen = [
            np.sort(draw.choice(len(book.constants), EVENTS, replace=False)) for _ in range(SLICES)
        ]
        slices = [self._items(units) for units in chosen]
        spent = []
        for items in slices:
            begin, self._at = self._at, self._at + MOVES
            started_s = time.perf_counter()
            _set(book, items)
            self._move(slice(begin, begin + MOVES))
            spent.append(time.perf_counter() - started_s)
        return sum(spent), quantile(spent, 0.99)

    def _items(self, units: Records) -> Records:
        book = self._book
        picked = np.concatenate([np.arange(*book.starts[unit : unit + 2]) for unit in units])
        items = book.items[picked]
        touched = self._draw.random(len(items)) < 0.4
        items["quantity"][touched] *= self._draw.uniform(0.8, 1.2, int(touched.sum()))
        return items

    def _move(self, own: slice) -> None:
        slots, prices = self._stream.slots[own], self._stream.prices[own]
        done = 0
        while done < len(slots):
            done, changes = self._book.thresholds.move_each(slots, prices, done)
            for change in changes[changes["after"] == UNDECIDED]:
                self._book.thresholds.decide(int(change["unit"]), 0)


async def _event_figures(book: Book) -> list[Figure]:
    """Time the event path alone and beside the process."""
    listings, reader, passer = listings_of(book), ImageReader(), ImagePasser()
    image = BookImages(book.thresholds).take()
    columns = reader.columns(image.source)
    image.release()
    names = [listing.name for listing in listings]
    named = [NamedColumns(columns, [(name, "USD") for name in names])]
    rates = Rates(np.full(len(listings), 0.0001), np.ones(len(listings), np.int64))
    count = len(listings)
    volume = traded_volume(*gather([ImageBook(columns, names, NO_TRADERS)], listings))
    law = without_books(volume, np.full(count, 0.05), 0.5)
    funds = Funds(np.zeros(count, np.int64), np.array([1e6]), ("main",))
    question = Question(
        as_of_ns=0,
        listings=listings,
        rates=rates,
        markets=Markets(law, funds, moves_of(listings), SIDES_PER_IMAGE, PATHS),
        configured="queue-bitmex",
    )
    companion: Companion[Busy, int] = Companion(BusyAnalysis)
    path, pairs = _Path(book), []
    in_thread = asyncio.get_running_loop().run_in_executor

    async def beside() -> tuple[float, float]:
        passing = in_thread(None, passer.passed, named)
        request = ShadowRequest(question, await passing, [NO_TRADERS])
        asked = asyncio.create_task(companion.ask(Busy(request, WORKS_S), timeout_s=300))
        await asyncio.sleep(0.2)
        found = path.timed()
        await asked
        return found

    try:
        await beside()
        path.timed()
        for number in range(PAIRS):
            if number % 2:
                alone, other = path.timed(), await beside()
            else:
                other, alone = await beside(), path.timed()
            pairs.append((other[0] / alone[0], other[1] / alone[1]))
    finally:
        companion.close()
    totals, tails = zip(*pairs, strict=True)
    return [*_interval("event_time_beside", totals), *_interval("event_p99_beside", tails)]


def _interval(name: str, ratios: tuple[float, ...]) -> list[Figure]:
    """Return the median of ratios and the 95 % interval of it, by order statistics."""
    ordered = sorted(ratios)
    count, rank, tail = len(ordered), 0, 0.0
    while tail + comb(count, rank) * 0.5**count <= 0.025:
        tail += comb(count, rank) * 0.5**count
        rank += 1
    low, high = ordered[rank - 1], ordered[count - rank]
    values = {"": float(np.median(ordered)), "_low": low, "_high": high}
    return [
        Figure(name=name + part, value=value, unit="beside / alone")
        for part, value in values.items()
    ]


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
