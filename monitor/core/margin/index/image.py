"""The book image: the index as it was at one moment, while the writer goes on.

`BookImages(index).take()` between two steps, with every verdict decided, costs the writer less than
a millisecond whatever the book's size: the small columns are copied, of the large ones (rows,
units' places) the marks are cleared, and a page is copied when it is first written afterwards
(`copy_on_write.py`). An `ImageReader` completes the image: a copy of everything, on which every
compiled function runs unchanged. The reader may be another thread or, if the index lies in shared
memory, another process: a handle is small and can be pickled. Where shared memory is slower (it has
no large pages on many systems) the index stays in private memory, and an `ImageRelay` in a thread
of the writer's process completes images into shared memory for all others.

One image of an index is held at a time. Release it when its readers are done: what is written
afterwards is not kept for it. A reader that was too slow is told so, never handed a mixture.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index.columns import (
    BEGIN_COPIES,
    IMAGE_NUMBER,
    ROW,
    ROW_COPIES,
    ROWS_A_PAGE,
    ROWS_USED,
    TO_COPY,
    UNDECIDED,
    UNITS_A_PAGE,
    WRITABLE,
    Capacity,
    Columns,
    ImageBuffer,
    Memory,
    PrivateMemory,
    Records,
    make_columns,
    reserved,
)
from monitor.core.margin.index.copy_on_write import read_begins, read_rows

# Copied when an image is taken: none grows with the number of units.
SMALL = (
    "rules", "slots", "instruments", "rare", "tiers", "steps", "haircuts", "counts", "constants",
    "amounts", "positions", "counters",
)  # fmt: skip
LINE = 64  # bytes of a line of the cache
# Room for copies whose memory is there before the first image: 16 MB.
ROWS_PREPARED = 1 << 19
Map = Callable[[Any], NDArray[np.uint8]]


class ImageReleased(Exception):  # noqa: N818 (what happened, not a fault)
    """The image was released before its reader was done: ask for a newer one."""


class Source(NamedTuple):
    """Where a reader finds an image: the arrays themselves, in memory that it can see."""

    number: int
    rows_used: int
    live: tuple[Records, Records]  # rows, units' places
    image: ImageBuffer
    small: dict[str, Records]


class Place(NamedTuple):
    """Where an array lies: a segment of shared memory, and what is read from there."""

    segment: Hashable
    offset: int
    kind: object
    shape: tuple[int, ...]


class ImageHandle(NamedTuple):
    """What another process needs to find an image: a few kilobytes, to be pickled."""

    number: int
    rows_used: int
    live: list[Place]
    image: list[Place]
    small: dict[str, Place]


class Book(Protocol):
    """What images are taken of: a `ThresholdIndex`, or a relay."""

    columns: Columns
    memory: Memory


class BookImage:
    """The book at one moment. Until `release`, a page is copied before its first write."""

    def __init__(self, source: Source, memory: Memory) -> None:
        """Hold what `take` took."""
        self.source = source
        self._memory = memory

    def release(self) -> None:
        """Let the writer write without copies again; once more does nothing."""
        image = self.source.image
        if image.counters[IMAGE_NUMBER] == self.source.number:
            image.counters[IMAGE_NUMBER] = -self.source.number
            _mark(self.source, WRITABLE)

    @property
    def copied_bytes(self) -> int:
        """Return how much the writer has copied for the image up to now, while it is held."""
        rows, begins = self.source.image.counters[[ROW_COPIES, BEGIN_COPIES]].tolist()
        return int(rows * ROWS_A_PAGE * ROW.itemsize + begins * UNITS_A_PAGE * 4)

    def handle(self) -> ImageHandle:
        """Return how another process finds the image; ValueError: the index is in private memory.

        The handle is good while this object lives.
        """
        source = self.source
        return ImageHandle(
            source.number,
            source.rows_used,
            [self._place(array) for array in source.live],
            [self._place(array) for array in source.image],
            {name: self._place(array) for name, array in source.small.items()},
        )

    def _place(self, array: Records) -> Place:
        segment, offset = self._memory.locate(array)
        return Place(segment, offset, array.dtype, array.shape)


class BookImages:
    """Takes images of one book, one at a time; reuses their memory, whose pages are costly."""

    def __init__(self, book: Book) -> None:
        """Take images of a book, where it has its memory."""
        self._book = book
        self._room = reserved(book.memory, 0, np.uint8)
        self._small()
        book.columns.image.rows[:ROWS_PREPARED] = np.zeros(1, ROW)

    def take(self) -> BookImage:
        """Take an image between two steps; ValueError: one is held, or a verdict is undecided."""
        columns = self._book.columns
        image, undecided = columns.image, int(columns.counts[UNDECIDED])
        last = int(image.counters[IMAGE_NUMBER])
        if last > 0:
            raise ValueError(f"expected no image held, image {last} is")
        if undecided:
            raise ValueError(f"expected every verdict decided, {undecided} are not")
        small = self._small()
        live = (columns.rows, columns.begins)
        source = Source(1 - last, int(columns.counters[ROWS_USED]), live, image, small)
        _mark(source, TO_COPY)
        image.counters[:] = (source.number, 0, 0)
        return BookImage(source, self._book.memory)

    def _small(self) -> dict[str, Records]:
        """Return copies of the small columns, side by side in the room of the image before."""
        arrays = {name: getattr(self._book.columns, name) for name in SMALL}
        sizes = [_pages(array.nbytes, LINE) * LINE for array in arrays.values()]
        if sum(sizes) > len(self._room):
            self._room = reserved(self._book.memory, 2 * sum(sizes), np.uint8)
        begin, copies = 0, {}
        for (name, array), size in zip(arrays.items(), sizes, strict=True):
            room = self._room[begin : begin + array.nbytes]
            copies[name] = room.view(array.dtype).reshape(array.shape)
            copies[name][...] = array
            begin += size
        return copies


class ImageReader:
    """Completes images, one after the other, into memory of its own that it uses again."""

    def __init__(self, map_segment: Map | None = None, memory: Memory | None = None) -> None:
        """Read images of this process or, with a way to map a segment, of another one.

        `memory`: where the complete image lies, private without.
        """
        self._map_segment = map_segment
        self._memory = memory or PrivateMemory()
        self._segments: dict[Hashable, NDArray[np.uint8]] = {}
        self._own = make_columns(Capacity(0, 0, 1, 0, 0), self._memory)
        self.copies = 0  # pages of the last image that the writer had copied

    def attach(self, handle: ImageHandle) -> Source:
        """Return what a handle of another process tells of; ImageReleased: it is gone."""
        places = [*handle.live, *handle.image, *handle.small.values()]
        needed = {place.segment for place in places}
        try:
            for segment in needed - self._segments.keys():
                self._segments[segment] = self._mapped(segment)
        except FileNotFoundError as error:
            raise ImageReleased(f"image {handle.number} is gone") from error
        self._segments = {segment: self._segments[segment] for segment in needed}
        rows, begins = (self._array(place) for place in handle.live)
        image = ImageBuffer(*(self._array(place) for place in handle.image))
        small = {name: self._array(place) for name, place in handle.small.items()}
        return Source(handle.number, handle.rows_used, (rows, begins), image, small)

    def _mapped(self, segment: Hashable) -> NDArray[np.uint8]:
        if self._map_segment is None:
            raise ValueError("expected a way to map segments of shared memory")
        return self._map_segment(segment)

    def _array(self, place: Place) -> Records:
        kind = np.dtype(place.kind)  # type: ignore[call-overload]
        size = int(np.prod(place.shape)) * kind.itemsize
        memory = self._segments[place.segment][place.offset : place.offset + size]
        return memory.view(kind).reshape(place.shape)

    def columns(self, source: Source) -> Columns:
        """Return the whole image as columns, good until the next; ImageReleased: too late.

        What only the writer needs (buckets, hits ...) has no elements. Prices may be changed to
        ask what would be.
        """
        self._check(source)
        self._make_room(source)
        rows, units = _unwritable(source.live)
        kept = _unwritable(source.image)
        begins = self._own.begins[: len(units)]
        self.copies = read_rows(rows, kept[1], kept[2], self._own.rows, source.rows_used)
        self.copies += read_begins(units, kept[3], kept[4], begins, len(begins))
        small = {name: array.copy() for name, array in source.small.items()}
        self._check(source)  # after all was read: what was written since a release is noticed
        return self._own._replace(begins=begins, **small)

    def _check(self, source: Source) -> None:
        if source.image.counters[IMAGE_NUMBER] != source.number:
            raise ImageReleased(f"image {source.number} is not held any more")

    def _make_room(self, source: Source) -> None:
        rows, units = source.rows_used, len(source.live[1])
        if rows > len(self._own.rows) or units > len(self._own.begins):
            room = Capacity(units + units // 8, rows + rows // 8, 1, 0, 0)
            self._own = make_columns(room, self._memory)


class ImageRelay:
    """Completes images into shared memory: what was read there is an image of its own.

    One thread of the writer's process calls `publish`; the book's own image may be released then.
    """

    def __init__(self, memory: Memory) -> None:
        """Begin without an image."""
        self.memory = memory
        self._reader = ImageReader(memory=memory)
        self.columns = make_columns(Capacity(0, 0, 1, 0, 0), memory)
        self._images = BookImages(self)
        self._published: BookImage | None = None

    def publish(self, source: Source) -> ImageHandle:
        """Complete an image; return how other processes find it, good until the next."""
        if self._published:
            self._published.release()
        self.columns = self._reader.columns(source)
        self._published = self._images.take()
        return self._published.handle()


def _pages(count: int, size: int) -> int:
    """Return how many pages hold so many elements."""
    return -(-count // size)


def _mark(source: Source, mark: int) -> None:
    """Set the marks of all pages that an image has."""
    source.image.row_marks[: _pages(source.rows_used, ROWS_A_PAGE)] = mark
    source.image.begin_marks[: _pages(len(source.live[1]), UNITS_A_PAGE)] = mark


def _unwritable(arrays: tuple[Records, ...]) -> tuple[Records, ...]:
    """Return the arrays, not to be written: compiled code is the same whosever memory it reads."""
    views = tuple(array.view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views
