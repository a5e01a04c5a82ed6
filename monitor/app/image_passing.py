"""Book images on their way to another process: large columns in shared memory, the rest pickled.

`ImagePasser` copies a complete image, in a thread, into memory that it uses again; `received`
makes columns of its own from that in the other process, which may then take its time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.core.book_sums import NamedColumns
from monitor.core.margin.index.columns import (
    HEAD,
    ROW,
    ROWS_USED,
    Capacity,
    Columns,
    PrivateMemory,
    Records,
    make_columns,
)
from monitor.runtime.shared_memory import Segment, SharedMemory, map_segment

# What measuring a unit reads beside its rows.
SMALL = ("rules", "slots", "instruments", "rare", "tiers", "steps", "haircuts", "counts")
_LINE = 64


@dataclass(frozen=True)
class PassedImage:
    """Where one shard's image lies: bytes of rows, then of units' places, from an offset on."""

    segment: Segment
    offset: int
    rows: int
    units: int
    small: dict[str, Records]
    instruments: list[str]


class ImagePasser:
    """Copies images into shared memory; what was passed before is overwritten."""

    def __init__(self) -> None:
        """Begin with no memory."""
        self._memory = SharedMemory()
        self._room: NDArray[np.uint8] = self._memory.reserve(1)

    def passed(self, images: Sequence[NamedColumns]) -> list[PassedImage]:
        """Return where the copies of complete images lie; good until the next call."""
        sizes = [_size(image.columns) for image in images]
        if sum(sizes) > len(self._room):
            self._room = self._memory.reserve(sum(sizes) + sum(sizes) // 8)
        offset, found = 0, []
        for image, size in zip(images, sizes, strict=True):
            found.append(self._pass(image, offset))
            offset += size
        return found

    def _pass(self, image: NamedColumns, offset: int) -> PassedImage:
        columns, rows = image.columns, int(image.columns.counters[ROWS_USED])
        middle = offset + rows * ROW.itemsize
        end = middle + columns.begins.nbytes
        self._room[offset:middle] = columns.rows[:rows].view(np.uint8)
        self._room[middle:end] = np.ascontiguousarray(columns.begins).view(np.uint8)
        segment, start = self._memory.locate(self._room)
        assert isinstance(segment, Segment)
        return PassedImage(
            segment=segment,
            offset=start + offset,
            rows=rows,
            units=len(columns.begins),
            small={name: getattr(columns, name).copy() for name in SMALL},
            instruments=[name for name, _ in image.instruments],
        )


def _size(columns: Columns) -> int:
    size = int(columns.counters[ROWS_USED]) * ROW.itemsize + columns.begins.nbytes
    return -(-size // _LINE) * _LINE


def received(image: PassedImage) -> Columns:
    """Return a passed image as columns of this process; FileNotFoundError: it is gone."""
    shared = map_segment(image.segment)
    memory = PrivateMemory()
    middle = image.offset + image.rows * ROW.itemsize
    rows = memory.reserve(image.rows * ROW.itemsize)
    rows[:] = shared[image.offset : middle]
    begins = np.zeros(image.units, np.int32)
    begins.view(np.uint8)[:] = shared[middle : middle + 4 * image.units]
    return make_columns(Capacity(0, 0, 1, 0, 0), memory)._replace(
        rows=rows.view(ROW), heads=rows.view(HEAD), begins=begins, **image.small
    )
