"""What does an image of the book cost? The pause of its writer, its events meanwhile, its reader.

The index lies in shared memory and carries the full margin rules. While an image is held account
events come in slices of 1,000, ten an image: what the engine is asked for in a second; prices in
runs of a stream. Ours is with an image held, the peer the same without, in turns; what the first
image of all costs, whose pages no one has written yet, stands apart. Another process completes an
image and makes the class 2 sums from it. Times are those that a thread was busy, so that what else
the machine does is left out; only the pause is also measured by the clock.
"""

import gc
import multiprocessing
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import msgspec
import numpy as np

from bench.measure import Figure, Scale, main, quantile
from bench.threshold_book import Book, make_book, make_stream
from monitor.core.margin.index.class_two import class_two
from monitor.core.margin.index.columns import UNDECIDED, Columns, Records
from monitor.core.margin.index.image import BookImages, ImageReader, ImageRelay
from monitor.runtime.shared_memory import SharedMemory, map_segment

ACCOUNTS = {"small": 100_000, "full": 1_000_000}
TAKES = 200
SLICE, SLICES = 1_000, 10
ROUNDS = 8
RUNS = {"calm": (0.0, 1e-4, 20_000), "crash": (-2e-4, 2e-4, 2_000)}


def measure(scale: Scale) -> list[Figure]:
    """Return the figures."""
    book = _filled(scale, None)
    figures = _writer_figures(book, "private_")
    figures.append(_relay_figure(book))
    del book
    book = _filled(scale, SharedMemory())
    figures += _writer_figures(book, "")
    figures += _pause_figures(book)
    return figures + list(_reader_figures(book))


def _filled(scale: Scale, memory: SharedMemory | None) -> Book:
    """Return a book in private or in shared memory."""
    book = make_book(ACCOUNTS[scale], full=True, memory=memory)
    book.thresholds.set_units(book.items)
    book.thresholds.settle()
    _decide_all(book)
    return book


def _writer_figures(book: Book, prefix: str) -> list[Figure]:
    """Say what events and prices cost with an image held and without."""
    figures = list(_event_figures(book))
    figures += [_stream_figure(book, name, shape) for name, shape in RUNS.items()]
    return [msgspec.structs.replace(figure, name=prefix + figure.name) for figure in figures]


def busy(work: Callable[[], object]) -> float:
    """Return how many seconds this thread works at something."""
    gc.collect()
    started_s = time.thread_time()
    work()
    return time.thread_time() - started_s


def _decide_all(book: Book) -> None:
    """Decide what the caller of the index has to decide: the generated book has no exact twin."""
    units = np.arange(len(book.constants), dtype=np.int32)
    for unit in units[book.thresholds.states(units) == UNDECIDED]:
        book.thresholds.decide(int(unit), 0)


def _answer(book: Book, changes: Records) -> None:
    for change in changes[changes["after"] == UNDECIDED]:
        book.thresholds.decide(int(change["unit"]), 0)


def _held(images: BookImages, work: Callable[[], None]) -> tuple[float, int]:
    """Return (seconds, bytes copied) of work while an image is held."""
    image = images.take()
    spent = busy(work)
    copied = image.copied_bytes
    image.release()
    return spent, copied


def _in_turns(
    book: Book, make_work: Callable[[], Callable[[], None]]
) -> tuple[list[float], list[float], list[int]]:
    """Return (seconds with an image, seconds without, bytes copied) of each round."""
    images = BookImages(book.thresholds)
    held, free, copied = [], [], []
    for number in range(2 * ROUNDS):
        if number % 4 in (1, 2):  # neither is always the first
            spent, size = _held(images, make_work())
            held.append(spent)
            copied.append(size)
        else:
            free.append(busy(make_work()))
    return held, free, copied


# --- the writer ----------------------------------------------------------------------------------


def _event_figures(book: Book) -> Iterator[Figure]:
    """Time account events: sizes and balances changed."""
    draw = np.random.default_rng(9)

    def make_work() -> Callable[[], None]:
        slices = [_changed_items(book, draw) for _ in range(SLICES)]
        return lambda: _set_all(book, slices)

    make_work()()
    first, _ = _held(BookImages(book.thresholds), make_work())
    held, free, copied = _in_turns(book, make_work)
    per_event = 1e6 / (SLICE * SLICES)
    yield Figure(name="account_event_first_us", value=first * per_event, unit="us")
    yield _pair("account_event_us", held, free, per_event)
    yield Figure(name="account_events_copied_mb", value=max(copied) / 1e6, unit="MB an image")


def _changed_items(book: Book, draw: np.random.Generator) -> Records:
    units = draw.permutation(len(book.constants))[:SLICE]
    units.sort()
    picked = np.concatenate([np.arange(*book.starts[unit : unit + 2]) for unit in units])
    items = book.items[picked]
    touched = draw.random(len(items)) < 0.4
    items["quantity"][touched] *= draw.uniform(0.8, 1.2, int(touched.sum()))
    return items


def _set_all(book: Book, slices: list[Records]) -> None:
    for items in slices:
        _set(book, items)


def _set(book: Book, items: Records) -> None:
    _answer(book, book.thresholds.set_units(items))
    book.thresholds.settle()


def _stream_figure(book: Book, name: str, shape: tuple[float, float, int]) -> Figure:
    """Time single moves of prices."""
    drift, volatility, moves = shape
    prices = book.thresholds.columns.slots["price"][book.marks].copy()
    whole = make_stream(book, name, moves * 2 * ROUNDS, (drift, volatility), prices)
    runs = iter(range(0, len(whole.slots), moves))

    def make_work() -> Callable[[], None]:
        begin = next(runs)
        own = slice(begin, begin + moves)
        return lambda: _move_each(book, whole.slots[own], whole.prices[own])

    held, free, copied = _in_turns(book, make_work)
    del copied
    return _pair(f"{name}_us", held, free, 1e6 / moves)


def _move_each(book: Book, slots: Records, prices: Records) -> None:
    done = 0
    while done < len(slots):
        done, changes = book.thresholds.move_each(slots, prices, done)
        _answer(book, changes)


def _pair(name: str, held: list[float], free: list[float], scale: float) -> Figure:
    """Compare the medians: a stream is another one in every round."""
    ours, peer = float(np.median(held)), float(np.median(free))
    return Figure(
        name=name,
        value=ours * scale,
        unit="us, an image held",
        peer=peer * scale,
        peer_name="no image held",
        ratio=peer / ours,
    )


def _pause_figures(book: Book) -> Iterator[Figure]:
    """Time the taking, a slice of account events between two."""
    draw, images = np.random.default_rng(12), BookImages(book.thresholds)
    spent: list[float] = []
    clock: list[float] = []
    released: list[float] = []
    for _ in range(TAKES):
        gc.collect()
        busy_s, clock_s = time.thread_time(), time.perf_counter()
        image = images.take()
        clock.append(1e3 * (time.perf_counter() - clock_s))
        spent.append(1e3 * (time.thread_time() - busy_s))
        _set(book, _changed_items(book, draw))
        released.append(1e3 * busy(image.release))
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        yield Figure(name=f"pause_{name}_ms", value=quantile(spent, share), unit="ms")
        yield Figure(name=f"pause_clock_{name}_ms", value=quantile(clock, share), unit="ms")
    yield Figure(name="release_max_ms", value=max(released), unit="ms")


# --- the reader ----------------------------------------------------------------------------------


def _serve(pipe: Connection) -> None:
    """Complete each image whose handle arrives; answer with what it took."""
    reader = ImageReader(map_segment)
    while handle := pipe.recv():
        source = reader.attach(handle)
        columns: list[Columns] = []
        complete_ms = 1e3 * busy(lambda s=source, c=columns: c.append(reader.columns(s)))  # type: ignore[misc]
        class_two_ms = 1e3 * busy(lambda c=columns: class_two(c[0]))  # type: ignore[misc]
        pipe.send((complete_ms, class_two_ms))


def _relay_figure(book: Book) -> Figure:
    """Time the completion of images of a private book into shared memory, once it is mapped."""
    images, relay, spent = BookImages(book.thresholds), ImageRelay(SharedMemory()), []
    for _ in range(ROUNDS + 1):
        image = images.take()
        spent.append(1e3 * busy(lambda i=image: relay.publish(i.source)))  # type: ignore[misc]
        image.release()
    return Figure(name="private_relay_ms", value=float(np.median(spent[1:])), unit="ms")


def _reader_figures(book: Book) -> Iterator[Figure]:
    """Time another process that completes images while account events go on."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,))
    process.start()
    draw, images = np.random.default_rng(13), BookImages(book.thresholds)
    answers = []
    for _ in range(ROUNDS + 1):
        image = images.take()
        ours.send(image.handle())
        while not ours.poll():
            _set(book, _changed_items(book, draw))
        answers.append(ours.recv())
        image.release()
    ours.send(None)
    process.join()
    completed, summed = zip(*answers[1:], strict=True)
    yield Figure(name="complete_first_ms", value=answers[0][0], unit="ms, compiled code loaded")
    yield Figure(name="complete_ms", value=float(np.median(completed)), unit="ms")
    yield Figure(name="class_two_ms", value=float(np.median(summed)), unit="ms")
    share = float(np.median(np.add(completed, summed))) / 1e3
    yield Figure(name="class_two_share", value=share, unit="of one core, every second")


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
