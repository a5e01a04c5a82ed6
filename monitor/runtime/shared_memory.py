"""Memory that another process can map, without a name in any file system.

A segment is an anonymous file (`memfd_create`): the system frees it with the last process that has
it open or mapped, however that process ended, so a crash leaves nothing behind; and the size of
/dev/shm, 64 MB in many containers, is no limit. Another process of the same user opens it through
`/proc/<process>/fd/<descriptor>` while its owner lives and has not let it go. Linux only.
"""

import mmap
import os
import weakref
from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# From here on, ask for large pages of the system: random access needs fewer look-ups of addresses.
_LARGE = 4 << 20


class Segment(NamedTuple):
    """The name of a segment: which process holds it open, how, and which file that must be."""

    process: int
    descriptor: int
    inode: int
    size: int


class SharedMemory:
    """Segments of this process, each freed when the last array in it is forgotten."""

    def __init__(self) -> None:
        """Begin without a segment."""
        self._starts: dict[int, Segment] = {}

    def reserve(self, size: int) -> NDArray[np.uint8]:
        """Return so many bytes of 0; a page of memory is taken when it is first written."""
        descriptor = os.memfd_create("socialized-loss-monitor")
        size_kept = max(1, size)
        os.ftruncate(descriptor, size_kept)
        mapped = mmap.mmap(descriptor, size_kept)
        _want_large_pages(mapped)
        array: NDArray[np.uint8] = np.frombuffer(mapped, np.uint8)
        start = array.ctypes.data
        inode = os.fstat(descriptor).st_ino
        self._starts[start] = Segment(os.getpid(), descriptor, inode, size_kept)
        weakref.finalize(mapped, self._forget, start, descriptor)
        return array[:size]

    def _forget(self, start: int, descriptor: int) -> None:
        del self._starts[start]
        os.close(descriptor)

    def locate(self, array: NDArray[Any]) -> tuple[Hashable, int]:
        """Return (segment, offset) of an array that lies here; ValueError: it does not."""
        address = array.ctypes.data
        for start, segment in self._starts.items():
            if start <= address and address + array.nbytes <= start + segment.size:
                return segment, address - start
        raise ValueError(f"expected an array in shared memory, received {array.nbytes} bytes")


def map_segment(segment: Segment) -> NDArray[np.uint8]:
    """Return a segment of any process of this user, to be read only.

    FileNotFoundError: its owner has ended or has let it go.
    """
    descriptor = os.open(f"/proc/{segment.process}/fd/{segment.descriptor}", os.O_RDONLY)
    try:
        found = os.fstat(descriptor)
        if (found.st_ino, found.st_size) != (segment.inode, segment.size):
            raise FileNotFoundError(f"expected {segment}, found inode {found.st_ino}")
        mapped = mmap.mmap(descriptor, segment.size, prot=mmap.PROT_READ)
    finally:
        os.close(descriptor)
    _want_large_pages(mapped)
    return np.frombuffer(mapped, np.uint8)


def _want_large_pages(mapped: mmap.mmap) -> None:
    """Ask for large pages where the system has them: without, everything is only slower."""
    if len(mapped) >= _LARGE and hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            mapped.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            return  # built without them
