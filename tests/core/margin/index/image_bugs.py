"""Seeded bugs of the book image: each must be seen by comparing images with deep copies.

Run with NUMBA_DISABLE_JIT=1, as seeded.py. Prints the names of the bugs that no world saw.
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from monitor.core.margin.index import blocks, copy_on_write, image, sums
from monitor.core.margin.index.image import SMALL, BookImages, ImageReader
from tests.core.margin.index.meaning import meaning
from tests.core.margin.index.seeded import replaced
from tests.core.margin.index.worlds import World

SEEDS_MAX = 30


def _nothing(right: Any) -> Any:
    del right
    return lambda *arguments: None


def _head_alone(right: Any) -> Any:
    return lambda c, first, end: right(c, first, first + 1)


def _unmarked(right: Any) -> Any:
    """Copy a page at every write: the copy is then as new as the page."""

    def wrong(live: Any, kept: Any, marks: Any, where: tuple[int, int, int]) -> None:
        right(live, kept, marks, where)
        marks[where[0]] = 0

    return wrong


def _live_alone(right: Any) -> Any:
    def wrong(live: Any, kept: Any, marks: Any, own: Any, end: int) -> int:
        return int(right(live, kept, marks * 0, own, end))

    return wrong


def _uncopied(right: Any) -> Any:
    del right
    return lambda self: {name: getattr(self._book.columns, name) for name in SMALL}


BUGS: dict[str, tuple[ModuleType | type, str, Callable[[Any], Any]]] = {
    "rows of a unit written without a copy": (blocks, "keep_rows", _nothing),
    "a unit that reaches into the next page": (blocks, "keep_rows", _head_alone),
    "a state changed without a copy": (sums, "keep_rows", _nothing),
    "a unit's place written without a copy": (blocks, "keep_begin", _nothing),
    "a page copied again": (copy_on_write, "copy_page", _unmarked),
    "a reader that does not look at marks": (image, "read_rows", _live_alone),
    "a reader that does not look at marks of units": (image, "read_begins", _live_alone),
    "prices not copied": (BookImages, "_small", _uncopied),
}


def is_seen(seed: int) -> bool:
    """Return whether an image differs from what the book meant, or has no room for its copies."""
    try:
        return _differs(seed)
    except IndexError:
        return True


def _differs(seed: int) -> bool:
    world, reader = World(seed), ImageReader()
    images = BookImages(world.index)
    for _ in range(12):
        wanted = meaning(world.index.columns)
        held = images.take()
        for _ in range(4):
            world.step()
        if meaning(reader.columns(held.source)) != wanted:
            return True
        held.release()
    return False


def main() -> None:
    """Print the bugs that stay unseen, and whether the right code is found right."""
    unseen = []
    for name, (module, attribute, make) in BUGS.items():
        with replaced(module, attribute, make):
            if not any(is_seen(seed) for seed in range(SEEDS_MAX)):
                unseen.append(name)
    if any(is_seen(seed) for seed in range(4)):
        unseen.append("nothing: the right code is found wrong")
    sys.stdout.write("\n".join(unseen))


if __name__ == "__main__":
    main()
