"""What does the liquidation ladder cost a price tick? Kept by differences against built anew.

Peers, one thread each, with the ladder's own compiled root finder: `rebuild` of every unit,
`holders` of the moved instrument only (exact too: no other unit's prices moved). The book is that
of `bench.thresholds`; every tick is applied alone, and in slices of 100 as an engine would. Then as
the daemon keeps it: from images of an index, a second of a market apart (calm: every mark moved by
1 bp, one account in 1,000 changed), against building it anew from the same image.
"""

from collections.abc import Iterator

import numpy as np

from bench import ladder_peers as peers
from bench.measure import Figure, Scale, main, seconds
from bench.threshold_book import (
    Book,
    Floats,
    Stream,
    capacity_for,
    list_instruments,
    make_book,
    make_stream,
)
from monitor.core.margin.index.columns import (
    BUCKETS_USED,
    CHUNKS_FREE,
    CHUNKS_USED,
    ROWS_USED,
    UNDECIDED,
    Columns,
)
from monitor.core.margin.index.image import BookImages, ImageReader
from monitor.core.margin.index.index import ThresholdIndex
from monitor.core.margin.index.ladder import Ladder
from monitor.core.margin.index.ladder_columns import make_ladder

ACCOUNTS = {"small": (10_000, 100_000), "full": (10_000, 100_000, 1_000_000)}
STREAMS = {
    "calm": (0.0, 1e-4, 200_000),
    "volatile": (0.0, 5e-4, 20_000),
    "crash": (-2e-4, 2e-4, 3_000),
}
SLICE = 100
PEER_TICKS = 20
LOOKS, LOOKS_BEFORE, REBUILDS = 20, 200, 3  # guards come near their prices only in time


def measure(scale: Scale) -> list[Figure]:
    """Return the figures."""
    _make_warm()
    figures: list[Figure] = []
    for full in (False, True):
        for accounts in ACCOUNTS[scale]:
            prefix = f"{'full_margin_' if full else ''}{accounts}_"
            figures += _book_figures(accounts, prefix, full=full)
    largest = max(ACCOUNTS[scale])
    ratio = next(f for f in figures if f.name == f"full_margin_{largest}_calm_vs_rebuild")
    return [*figures, _named(ratio, "ladder_vs_rebuild")]


def _named(figure: Figure, name: str) -> Figure:
    return Figure(
        name=name,
        value=figure.value,
        unit=figure.unit,
        peer=figure.peer,
        peer_name=figure.peer_name,
        ratio=figure.ratio,
    )


def _make_warm() -> None:
    """Compile everything on a small book."""
    for _ in _book_figures(200, "", full=True):
        pass


def _filled(book: Book, prices: Floats, *, full: bool) -> Ladder:
    ladder = Ladder(capacity_for(len(book.constants)))
    list_instruments(ladder, prices, full=full)
    ladder.set_units(book.items)
    return ladder


def _book_figures(accounts: int, prefix: str, *, full: bool) -> Iterator[Figure]:
    book = make_book(accounts, full=full)
    prices = np.asarray(book.thresholds.columns.slots["price"][book.marks]).copy()
    made: list[Ladder] = []
    start_s = seconds(lambda: made.append(_filled(book, prices, full=full)))
    ladder = made[0]
    yield Figure(name=f"{prefix}start_s", value=start_s, unit="s")
    refresh_ms = 1e3 * min(seconds(ladder.refresh) for _ in range(3))
    yield Figure(name=f"{prefix}refresh_ms", value=refresh_ms, unit="ms")
    for name, (drift, volatility, ticks) in STREAMS.items():
        stream = make_stream(book, name, ticks, (drift, volatility), prices)
        yield from _stream_figures(book, ladder, stream, prefix)
    yield _event_figure(book, ladder, prefix)
    yield from _image_figures(book, prices, prefix)
    rungs_us = 1e6 * min(seconds(lambda: ladder.rungs(0, 0)) for _ in range(9))
    yield Figure(name=f"{prefix}rungs_us", value=rungs_us, unit="us")
    yield from _memory_figures(book, ladder, prefix)


def _stream_figures(book: Book, ladder: Ladder, stream: Stream, prefix: str) -> Iterator[Figure]:
    """Time a stream in slices, then on tick by tick, and the peers at its end."""
    half = len(stream.slots) // 2
    sliced_us = 1e6 * seconds(lambda: _in_slices(ladder, stream, half)) / half
    before = ladder.replaced
    ours_us = 1e6 * seconds(lambda: ladder.move_each(stream.slots[half:], stream.prices[half:]))
    ours_us /= half
    replaced = (ladder.replaced - before) / half
    own = f"{prefix}{stream.name}"
    yield Figure(name=f"{own}_us", value=ours_us, unit="us a tick")
    yield Figure(name=f"{own}_sliced_us", value=sliced_us, unit="us a tick")
    yield Figure(name=f"{own}_replaced", value=replaced, unit="units placed anew a tick")
    columns = ladder.columns
    twin = make_ladder(columns)
    rebuild_us = 1e6 * min(seconds(lambda: peers.rebuild(columns, twin)) for _ in range(3))
    part = stream.instruments[:: max(1, len(stream.instruments) // PEER_TICKS)]
    holders = [book.units[book.instruments == number] for number in part]
    spent = [seconds(lambda u=u: peers.replace_units(columns, twin, u)) for u in holders]  # type: ignore[misc]
    for peer, peer_us in (("rebuild", rebuild_us), ("holders", 1e6 * float(np.mean(spent)))):
        yield Figure(
            name=f"{own}_vs_{peer}",
            value=ours_us,
            unit="us a tick",
            peer=peer_us,
            peer_name=peer,
            ratio=peer_us / ours_us,
        )


def _in_slices(ladder: Ladder, stream: Stream, end: int) -> None:
    """Apply the ticks up to one in slices; the last price of each slot counts."""
    for first in range(0, end, SLICE):
        slots, prices = stream.slots[first : first + SLICE], stream.prices[first : first + SLICE]
        last, places = np.unique(slots[::-1], return_index=True)
        ladder.move(last, prices[::-1][places])


def _event_figure(book: Book, ladder: Ladder, prefix: str) -> Figure:
    """Time account events in slices of 1,000: sizes and balances changed."""
    draw = np.random.default_rng(9)
    spent, events = 0.0, 0
    for _ in range(10):
        units = np.unique(draw.integers(0, len(book.constants), 1_000))
        picked = np.concatenate([np.arange(*book.starts[u : u + 2]) for u in units])
        items = book.items[picked]
        touched = draw.random(len(items)) < 0.4
        items["quantity"][touched] *= draw.uniform(0.8, 1.2, int(touched.sum()))
        spent += seconds(lambda items=items: ladder.set_units(items))  # type: ignore[misc]
        events += len(units)
    return Figure(name=f"{prefix}account_event_us", value=1e6 * spent / events, unit="us")


def _image_figures(book: Book, prices: Floats, prefix: str) -> Iterator[Figure]:
    """Time what one look of the daemon costs: an image followed, and all buckets added up."""
    index, ladder, reader = (
        book.thresholds,
        Ladder(capacity_for(len(book.constants))),
        ImageReader(),
    )
    index.move(book.marks, prices)
    index.set_units(book.items)
    draw, images = np.random.default_rng(11), BookImages(index)
    spent, anew, summed, changed = [], [], [], 0
    for look in range(-LOOKS_BEFORE, LOOKS):
        _move_a_second(book, draw, prices)
        columns = _image_of(index, images, reader)
        before = ladder.replaced
        spent.append(seconds(lambda c=columns: ladder.follow(c)))  # type: ignore[misc]
        changed += ladder.replaced - before if look >= 0 else 0
        summed.append(seconds(ladder.sums))
        if 0 <= look < REBUILDS:
            fresh = Ladder(capacity_for(len(book.constants)))
            anew.append(seconds(lambda c=columns, f=fresh: f.follow(c)))  # type: ignore[misc]
    ours_ms, anew_ms = (1e3 * float(np.median(each)) for each in (spent[-LOOKS:], anew))
    yield Figure(name=f"{prefix}look_replaced", value=changed / LOOKS, unit="units placed anew")
    yield Figure(name=f"{prefix}look_sums_ms", value=1e3 * float(np.median(summed)), unit="ms")
    yield Figure(
        name=f"{prefix}look_vs_anew",
        value=ours_ms,
        unit="ms a look",
        peer=anew_ms,
        peer_name="built anew from the image",
        ratio=anew_ms / ours_ms,
    )


def _move_a_second(book: Book, draw: np.random.Generator, prices: Floats) -> None:
    """Let a calm second pass: every mark moves by 1 bp, one account in 1,000 changes."""
    index = book.thresholds
    prices *= np.exp(draw.normal(0.0, 1e-4, len(prices)))
    index.move(book.marks, prices)
    units = np.unique(draw.integers(0, len(book.constants), max(1, len(book.constants) // 1_000)))
    picked = np.concatenate([np.arange(*book.starts[unit : unit + 2]) for unit in units])
    items = book.items[picked]
    items["quantity"] *= draw.uniform(0.8, 1.2, len(items))
    index.set_units(items)


def _image_of(index: ThresholdIndex, images: BookImages, reader: ImageReader) -> Columns:
    """Return the book as it is, complete; what is undecided has no exact twin here: healthy."""
    units = np.flatnonzero(index.columns.begins >= 0)
    for unit in units[index.states(units) == UNDECIDED]:
        index.decide(int(unit), 0)
    image = images.take()
    columns = reader.columns(image.source)
    image.release()
    return columns


def _memory_figures(book: Book, ladder: Ladder, prefix: str) -> Iterator[Figure]:
    """Say what a unit takes (rows, entries, guards), and what the cells of all instruments take."""
    ladder.sort_out()
    counters = ladder.columns.counters
    chunks = int(counters[CHUNKS_USED] - counters[CHUNKS_FREE])
    used = int(counters[ROWS_USED]) * (32 + 8) + chunks * 512 + int(counters[BUCKETS_USED]) * 8
    units = len(book.constants)
    yield Figure(name=f"{prefix}bytes_per_account", value=used / units + 9, unit="bytes")
    yield Figure(name=f"{prefix}cells_mib", value=ladder.cells_bytes / 2**20, unit="MiB")


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
