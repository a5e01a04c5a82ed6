"""Which units can a price move? The threshold index against peers that look at more of them.

Peers, one thread each: `rescan` of all units, `holders` of the moved instrument, `delta` (equity
and requirement of each holder by differences; drifts), NumPy for scale. For the full margin rules
the peers use the index's own verdict function. Moves are applied in slices, as the engine does.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from bench import threshold_peers as peers
from bench.measure import Figure, Scale, main, seconds
from bench.threshold_book import (
    INSTRUMENTS,
    Book,
    Floats,
    Stream,
    make_book,
    make_stream,
)
from monitor.core.margin.index.columns import (
    BUCKETS_USED,
    CHUNKS_FREE,
    CHUNKS_USED,
    ROWS_USED,
    UNDECIDED,
)

ACCOUNTS = {"small": 100_000, "full": 1_000_000}
STREAMS = {"calm": (0.0, 1e-4, 200_000), "volatile": (0.0, 5e-4, 60_000)}
CRASH = (-2e-4, 2e-4, 20_000)
BATCHES = {"1bp": 1e-4, "10bp": 1e-3, "50bp": 5e-3, "-100bp": -0.01, "-1000bp": -0.1}


def make_warm() -> None:
    """Call everything once on a small book, so that nothing is compiled while it is timed."""
    book = make_book(200, full=False)
    _fill(book)
    prices = _prices(book)
    _run(book, make_stream(book, "warm", 50, (0.0, 1e-3), prices))
    book.thresholds.move(book.marks, prices * 1.01)
    book.thresholds.move(book.marks, prices, by_rescan=True)
    book.thresholds.rescan()
    book.thresholds.sums()
    plain = peers.plain_columns(book, _prices(book))
    peers.rescan_holders(plain, 0, 1.0)
    peers.add_differences(plain, 0, 1.0)
    book.thresholds.verdicts(np.arange(10))
    book.thresholds.states([1])


def measure(scale: Scale) -> list[Figure]:
    """Return the figures."""
    figures = list(_compile_figures(scale))
    for full in (False, True):
        prefix = "full_margin_" if full else ""
        book = make_book(ACCOUNTS[scale], full=full)
        started_s = seconds(lambda book=book: _fill(book))  # type: ignore[misc]
        figures.append(Figure(name=f"{prefix}start_s", value=started_s, unit="s"))
        figures += _stream_figures(book, prefix, full=full)
        figures.append(_memory_figure(book, prefix))
        figures += _batch_figures(book, prefix, full=full)
        figures += _event_figures(book, prefix)
        figures.append(_share_figure(book, prefix, figures[-1].value))
    sizes = (10_000, 100_000, 1_000_000) if scale == "full" else (10_000, 100_000)
    return figures + [_growth_figure(accounts) for accounts in sizes]


def _compile_figures(scale: Scale) -> Iterator[Figure]:
    """Say how long a first start takes: with nothing compiled (full scale), from the cache."""
    make_warm()
    run = [sys.executable, "-c", "import bench.thresholds as b; b.make_warm()"]
    with tempfile.TemporaryDirectory() as folder:
        places = {"compile_warm_s": dict(os.environ)}
        if scale == "full":
            cold = {**os.environ, "NUMBA_CACHE_DIR": folder}
            places = {"compile_cold_s": cold, **places}
        for name, environment in places.items():
            started = time.perf_counter()
            subprocess.run(run, check=True, env=environment)  # noqa: S603 (our own code)
            yield Figure(name=name, value=time.perf_counter() - started, unit="s")


def _fill(book: Book) -> None:
    book.thresholds.set_units(book.items)
    book.thresholds.settle()


def _prices(book: Book) -> Floats:
    return np.asarray(book.thresholds.columns.slots["price"][book.marks]).copy()


def _run(book: Book, stream: Stream) -> int:
    """Apply a stream; return the number of changes of state."""
    done = changed = 0
    while done < len(stream.slots):
        done, changes = book.thresholds.move_each(stream.slots, stream.prices, done)
        changed += len(changes)
        for change in changes[changes["after"] == UNDECIDED]:
            book.thresholds.decide(int(change["unit"]), int(change["before"]))
    return changed


def _stream_figures(book: Book, prefix: str, *, full: bool) -> Iterator[Figure]:
    """Time the three streams, one after the other on one book, and the peers on parts of them."""
    plain = None if full else peers.plain_columns(book, _prices(book))
    for name, (drift, volatility, moves) in {**STREAMS, "crash": CRASH}.items():
        stream = make_stream(book, name, moves, (drift, volatility), _prices(book))
        found: list[int] = []
        ours_us = seconds(lambda s=stream, f=found: f.append(_run(book, s))) * 1e6  # type: ignore[misc]
        ours_us /= len(stream.slots)
        yield Figure(name=f"{prefix}{name}_us", value=ours_us, unit="us a move")
        changes = found[0] / len(stream.slots)
        yield Figure(name=f"{prefix}{name}_changes", value=changes, unit="changes of state a move")
        for peer, peer_us in _peer_times(book, stream, plain):
            yield Figure(
                name=f"{prefix}{name}_vs_{peer}",
                value=ours_us,
                unit="us a move",
                peer=peer_us,
                peer_name=peer,
                ratio=peer_us / ours_us,
            )
    wrong = np.arange(len(book.constants))
    differ = (book.thresholds.states(wrong) != book.thresholds.verdicts(wrong)).sum()
    yield Figure(name=f"{prefix}wrong_states", value=float(differ), unit="units")


def _peer_times(
    book: Book, stream: Stream, plain: peers.Plain | None
) -> Iterator[tuple[str, float]]:
    """Yield each peer's mean time for a move, over a part of the stream."""
    if plain is None:
        yield "rescan", _best_us(lambda: book.thresholds.verdicts(_everyone(book)))
        part = range(0, len(stream.slots), max(1, len(stream.slots) // 50))
        holders = [book.units[book.instruments == stream.instruments[i]] for i in part]
        spent = [seconds(lambda own=own: book.thresholds.verdicts(own)) for own in holders]  # type: ignore[misc]
        yield "holders", 1e6 * float(np.mean(spent))
        return
    plain.prices[:] = _prices(book)
    yield "rescan", _best_us(lambda: peers.rescan(plain))
    yield "numpy", _best_us(lambda: peers.revalue_in_numpy(book, plain.prices), rounds=3)
    part = range(max(0, len(stream.slots) - 300), len(stream.slots))
    walks: dict[str, Callable[[peers.Plain, int, float], int]] = {
        "holders": peers.rescan_holders,
        "delta": peers.add_differences,
    }
    for name, walk in walks.items():
        started = time.perf_counter()
        for number in part:
            walk(plain, stream.instruments[number], stream.prices[number])
        yield name, 1e6 * (time.perf_counter() - started) / len(part)


def _everyone(book: Book) -> NDArray[np.int32]:
    return np.arange(len(book.constants), dtype=np.int32)


def _best_us(work: Callable[[], object], rounds: int = 5) -> float:
    return 1e6 * min(seconds(work) for _ in range(rounds))


def _memory_figure(book: Book, prefix: str) -> Figure:
    """Say how many bytes an account needs after the crash, with outdated guards sorted out."""
    columns = book.thresholds.columns
    book.thresholds.sort_out()
    counters = columns.counters
    chunks = int(counters[CHUNKS_USED] - counters[CHUNKS_FREE])
    used = int(counters[ROWS_USED]) * 32 + chunks * 512 + int(counters[BUCKETS_USED]) * 8
    units = len(book.constants)
    return Figure(name=f"{prefix}bytes_per_account", value=used / units + 8, unit="bytes")


def _batch_figures(book: Book, prefix: str, *, full: bool) -> Iterator[Figure]:
    """Time whole batches of all marks: verdicts, then guards."""
    draw = np.random.default_rng(5)
    plain = None if full else peers.plain_columns(book, _prices(book))
    for name, size in BATCHES.items():
        rounds = 1 if name == "-1000bp" else 9
        verdicts, guards = [], []
        for _ in range(rounds):
            common = size if size < 0 else draw.normal(0, 0.8 * size)
            own = 0.0 if size < 0 else 0.6 * size
            to = _prices(book) * np.exp(common + draw.normal(0, 1, INSTRUMENTS) * own)
            verdicts.append(seconds(lambda to=to: _batch(book, to)))  # type: ignore[misc]
            guards.append(seconds(book.thresholds.settle))
        if plain is None:
            peer_us = _best_us(lambda: book.thresholds.verdicts(_everyone(book)))
        else:
            plain.prices[:] = _prices(book)
            peer_us = _best_us(lambda: peers.rescan(plain))
        latency_us = 1e6 * float(np.median(verdicts))
        yield Figure(
            name=f"{prefix}batch_{name}_latency_vs_rescan",
            value=latency_us / 1e3,
            unit="ms",
            peer=peer_us / 1e3,
            peer_name="rescan",
            ratio=peer_us / latency_us,
        )
        repaired_ms = 1e3 * float(np.median(guards))
        yield Figure(name=f"{prefix}batch_{name}_guards_after", value=repaired_ms, unit="ms")


def _batch(book: Book, prices: Floats) -> None:
    changes = book.thresholds.move(book.marks, prices)
    for change in changes[changes["after"] == UNDECIDED]:
        book.thresholds.decide(int(change["unit"]), int(change["before"]))


def _event_figures(book: Book, prefix: str) -> Iterator[Figure]:
    """Time account events in slices of 1,000: sizes and balances changed."""
    draw = np.random.default_rng(9)
    spent, events = 0.0, 0
    for _ in range(30):
        units = np.unique(draw.integers(0, len(book.constants), 1_000))
        picked = np.concatenate([np.arange(*book.starts[u : u + 2]) for u in units])
        items = book.items[picked]
        touched = draw.random(len(items)) < 0.4
        items["quantity"][touched] *= draw.uniform(0.8, 1.2, int(touched.sum()))
        spent += seconds(lambda items=items: _events(book, items))  # type: ignore[misc]
        events += len(units)
    event_us = 1e6 * spent / events
    yield Figure(name=f"{prefix}account_event_us", value=event_us, unit="us")


def _share_figure(book: Book, prefix: str, event_us: float) -> Figure:
    """Say what part of a core 10,000 account events and one batch of all marks a second need."""
    draw = np.random.default_rng(11)
    spent: list[float] = []
    for _ in range(20):
        to = _prices(book) * np.exp(draw.normal(0, 1e-3, INSTRUMENTS))
        spent.append(seconds(lambda to=to: _batch(book, to)) + seconds(book.thresholds.settle))  # type: ignore[misc]
    share = 1e4 * event_us / 1e6 + float(np.mean(spent))
    return Figure(name=f"{prefix}busy_second_share", value=share, unit="of one core")


def _events(book: Book, items: Floats) -> None:
    book.thresholds.set_units(items)
    book.thresholds.settle()


def _growth_figure(accounts: int) -> Figure:
    """Say what a calm move costs at a number of accounts."""
    book = make_book(accounts, full=False)
    _fill(book)
    stream = make_stream(book, "calm", 200_000, (0.0, 1e-4), _prices(book))
    spent = seconds(lambda: _run(book, stream))
    value = 1e6 * spent / len(stream.slots)
    return Figure(name=f"growth_calm_us_{accounts}", value=value, unit="us a move")


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
