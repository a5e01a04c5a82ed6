"""An image equals a deep copy taken at the same moment, whatever the writer does meanwhile."""

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from monitor.core.margin.index import steps
from monitor.core.margin.index.columns import (
    AMOUNT,
    HEAD,
    ITEM,
    POSITION,
    ROWS_A_PAGE,
    UNDECIDED,
    Capacity,
    Columns,
)
from monitor.core.margin.index.copy_on_write import read_rows
from monitor.core.margin.index.image import (
    SMALL,
    BookImages,
    ImageHandle,
    ImageReader,
    ImageRelay,
    ImageReleased,
)
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms
from monitor.runtime.shared_memory import SharedMemory, map_segment
from tests.core.margin.index.meaning import meaning
from tests.core.margin.index.worlds import World

ROOT = Path(__file__).parents[4]
FLAT = ((float("inf"), 0.05, 0.0, 0.05),)
UNITS = 3_000


@pytest.mark.parametrize("seed", range(20))
def test_an_image_is_the_book_at_its_moment_while_random_things_happen(seed: int) -> None:
    world, reader = World(seed), ImageReader()
    images = BookImages(world.index)
    for _ in range(12):
        wanted = meaning(world.index.columns)
        image = images.take()
        for _ in range(world.chance.randint(0, 8)):
            world.step()
        found = reader.columns(image.source)
        assert meaning(found) == wanted
        image.release()
        for _ in range(2):
            world.step()
    assert world.differences() == []


def make_crowd(memory: SharedMemory | None = None, rows: int = 8 * UNITS) -> ThresholdIndex:
    """Return an index of long and short units on three marks of 100."""
    draw = np.random.default_rng(3)
    index = ThresholdIndex(1.25, Capacity(UNITS, rows), memory)
    for _ in range(3):
        mark = index.add_price(100.0)
        index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT))
    items = [item for unit in range(UNITS) for item in some_items(draw, unit)]
    index.set_units(np.array(items, ITEM))
    return index


def some_items(draw: np.random.Generator, unit: int) -> list[tuple[int, int, float, float, int]]:
    """Return the items of a unit: a balance and up to 20 positions."""
    count = int(draw.choice([1, 2, 3, 20], p=[0.4, 0.3, 0.2, 0.1]))
    return [
        (unit, 0, float(draw.uniform(8, 60)), 0.0, AMOUNT),
        *(
            (unit, number % 3, float(draw.choice([-1.0, 0.5, 1.0])), 100.0, POSITION)
            for number in range(count)
        ),
    ]


def disturb(index: ThresholdIndex, draw: np.random.Generator) -> None:
    """Let prices move, units change, grow, go and come."""
    for slot in (1, 2, 3):
        index.move([slot], [100.0 * float(np.exp(draw.normal(0, 0.1)))])
    units = np.unique(draw.integers(0, UNITS, 60)).tolist()
    items = [item for unit in units for item in some_items(draw, unit)]
    index.set_units(np.array(items, ITEM))
    gone = units[::5]
    index.remove_units(gone)
    back = [item for unit in gone[::2] for item in some_items(draw, unit)]
    index.set_units(np.array(back, ITEM))
    index.settle()


def test_a_reader_that_stops_between_pages_still_reads_one_moment() -> None:
    """The writer goes on between the pages, which no lucky order of two processes could show."""
    index, draw = make_crowd(), np.random.default_rng(9)
    image = BookImages(index).take()
    wanted, source = meaning(index.columns), image.source
    own = np.zeros_like(index.columns.rows)
    before = source.live[0].copy()
    for first in range(0, source.rows_used, 1_024):
        end = min(first + 1_024, source.rows_used)
        live, marks = source.live[0][first:end], source.image.row_marks[first // ROWS_A_PAGE :]
        read_rows(live, source.image.rows, marks, own[first:end], end - first)
        disturb(index, draw)
    found = ImageReader().columns(source)._replace(rows=own, heads=own.view(HEAD))
    assert meaning(found) == wanted
    assert image.copied_bytes > 0
    assert (before != index.columns.rows).any()


def test_rows_and_units_may_grow_while_an_image_is_held() -> None:
    index = ThresholdIndex(1.25, Capacity(16, 64))
    mark = index.add_price(100.0)
    index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT))
    for unit in range(12):
        index.set_unit(unit, [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, 1.0, 100.0)])
    image, wanted = BookImages(index).take(), meaning(index.columns)
    before = index.columns
    for unit in range(6_000):
        index.set_unit(unit, [Item(AMOUNT, 0, 9.0), Item(POSITION, 0, 2.0, 100.0)])
    assert len(index.columns.rows) > len(before.rows)
    assert len(index.columns.begins) > len(before.begins)
    assert meaning(ImageReader().columns(image.source)) == wanted
    image.release()
    later, wanted = BookImages(index).take(), meaning(index.columns)
    index.remove_units(range(0, 6_000, 2))
    assert meaning(ImageReader().columns(later.source)) == wanted


def test_compiled_functions_run_on_an_image_and_prices_may_be_changed_there() -> None:
    index = make_crowd()
    image = BookImages(index).take()
    units = np.arange(UNITS, dtype=np.int32)
    before = index.verdicts(units)
    index.move([1], [60.0])
    columns = ImageReader().columns(image.source)
    states = np.zeros(UNITS, np.uint8)
    steps.verdicts_of(columns, units, states)
    assert (states == before).all()
    columns.slots["price"][1] = 60.0
    steps.verdicts_of(columns, units, states)
    assert (states == index.verdicts(units)).all()
    assert (states != before).any()
    steps.decide_unit(columns, 0, UNDECIDED)  # changes the reader's own book alone
    assert index.states([0])[0] != UNDECIDED


def test_one_image_at_a_time_and_none_after_its_release() -> None:
    index = make_crowd()
    image = BookImages(index).take()
    with pytest.raises(ValueError, match="no image held"):
        BookImages(index).take()
    image.release()
    with pytest.raises(ImageReleased, match="not held"):
        ImageReader().columns(image.source)
    second = BookImages(index).take()
    image.release()  # of an older one: nothing
    with pytest.raises(ImageReleased):
        ImageReader().columns(image.source)
    assert meaning(ImageReader().columns(second.source)) == meaning(index.columns)


def test_no_image_is_taken_while_a_verdict_is_open() -> None:
    index = ThresholdIndex(1.25)
    mark = index.add_price(100.0)
    index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT))
    changes = index.set_unit(0, [Item(AMOUNT, 0, 5.0), Item(POSITION, 0, 1.0, 100.0)])
    assert changes["after"].tolist() == [UNDECIDED]
    with pytest.raises(ValueError, match="every verdict decided, 1 are not"):
        BookImages(index).take()


def test_a_released_image_costs_no_copies() -> None:
    index = make_crowd()
    image = BookImages(index).take()
    image.release()
    kept = index.columns.image.rows.copy()
    disturb(index, np.random.default_rng(1))
    assert (index.columns.image.rows == kept).all()


def test_private_memory_has_no_handle() -> None:
    with pytest.raises(ValueError, match="shared memory"):
        BookImages(make_crowd()).take().handle()
    memory = SharedMemory()
    handle = BookImages(make_crowd(memory)).take().handle()
    with pytest.raises(ValueError, match="a way to map"):
        ImageReader().attach(handle)


# --- two at once ---------------------------------------------------------------------------------


def test_a_thread_reads_while_the_writer_writes() -> None:
    index, draw, reader = make_crowd(), np.random.default_rng(4), ImageReader()
    images = BookImages(index)
    found: list[Columns] = []
    for _ in range(10):
        image, wanted = images.take(), meaning(index.columns)
        thread = threading.Thread(
            target=lambda s: found.append(reader.columns(s)), args=[image.source]
        )
        thread.start()
        disturb(index, draw)
        thread.join()
        assert meaning(found.pop()) == wanted
        image.release()


def _answer(pipe: Connection) -> None:
    """Read the images whose handles arrive; answer with what they mean."""
    reader = ImageReader(map_segment)
    while handle := pipe.recv():
        source = reader.attach(handle)
        pipe.send("attached")
        try:
            pipe.send((meaning(reader.columns(source)), reader.copies))
        except ImageReleased as released:
            pipe.send(str(released))


@pytest.fixture
def other() -> Iterator[Connection]:
    """Return a pipe to a process that reads images."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs,))
    process.start()
    yield ours
    ours.send(None)
    process.join()
    assert process.exitcode == 0


@pytest.mark.timeout(300)
def test_another_process_reads_while_the_writer_writes(other: Connection) -> None:
    index, draw = make_crowd(SharedMemory(), rows=4 * UNITS), np.random.default_rng(5)
    images = BookImages(index)
    for _ in range(12):
        image, wanted = images.take(), meaning(index.columns)
        handle = image.handle()
        assert len(pickle.dumps(handle)) < 8_000
        disturb(index, draw)
        other.send(handle)
        assert other.recv() == "attached"
        while not other.poll():
            disturb(index, draw)
        found, copied = other.recv()
        assert found == wanted
        assert copied > 0
        image.release()
        disturb(index, draw)


@pytest.mark.timeout(300)
def test_a_relay_shows_a_private_book_to_other_processes(other: Connection) -> None:
    index, draw = make_crowd(rows=4 * UNITS), np.random.default_rng(6)
    images, relay = BookImages(index), ImageRelay(SharedMemory())
    handles: list[ImageHandle] = []
    for _ in range(8):
        image, wanted = images.take(), meaning(index.columns)
        thread = threading.Thread(
            target=lambda s: handles.append(relay.publish(s)), args=[image.source]
        )
        thread.start()
        disturb(index, draw)
        thread.join()
        image.release()
        other.send(handles[-1])
        assert other.recv() == "attached"
        disturb(index, draw)
        assert other.recv() == (wanted, 0)
    relay.publish(images.take().source)
    other.send(handles[-1])
    assert other.recv() == "attached"
    assert other.recv() == f"image {handles[-1].number} is not held any more"


@pytest.mark.timeout(300)
def test_another_process_is_told_that_it_was_too_slow(other: Connection) -> None:
    index = make_crowd(SharedMemory())
    image = BookImages(index).take()
    handle = image.handle()
    image.release()
    other.send(handle)
    assert other.recv() == "attached"
    assert other.recv() == "image 1 is not held any more"


def test_a_handle_of_an_ended_process_is_of_no_use() -> None:
    code = (
        "import pickle, sys\n"
        "from monitor.core.margin.index.image import BookImages\n"
        "from tests.core.margin.index.test_image import make_crowd, SharedMemory\n"
        "from monitor.core.margin.index.index import ThresholdIndex\n"
        "index = ThresholdIndex(1.25, memory=SharedMemory())\n"
        "image = BookImages(index).take()\n"
        "sys.stdout.buffer.write(pickle.dumps(image.handle()))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    handle: ImageHandle = pickle.loads(done.stdout)
    with pytest.raises(ImageReleased, match="image 1 is gone"):
        ImageReader(map_segment).attach(handle)


def test_small_columns_are_all_that_is_no_row() -> None:
    """A column that is added later must be copied, or be one that only the writer needs."""
    writers = {"draft", "buckets", "chunks", "words", "free_blocks", "crossed", "pending", "hits",
               "changes", "reaches", "image"}  # fmt: skip
    assert set(Columns._fields) == {*SMALL, *writers, "rows", "heads", "begins"}
