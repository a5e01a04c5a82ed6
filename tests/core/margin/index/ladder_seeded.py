"""Seeded bugs of the ladder: each broken in the uncompiled code, each must be seen.

Run with NUMBA_DISABLE_JIT=1, as `seeded.py`. Prints the names of the bugs that nothing saw.
"""

import math
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from monitor.core.margin.index import ladder_differences, ladder_steps, placing, roots
from monitor.core.margin.index.columns import HITS
from monitor.core.margin.index.ladder_columns import PLACED, REACHED, cell_of
from tests.core.margin.index.followed_worlds import FollowedWorld
from tests.core.margin.index.ladder_crowds import LadderCrowd
from tests.core.margin.index.ladder_worlds import LadderWorld, cells_before_a_jump
from tests.core.margin.index.seeded import replaced

Make = Callable[[Any], Any]
SEEDS_MAX = 12


def _infinite_room(right: Any) -> Any:
    def wrong(*arguments: Any) -> Any:
        _, *rest = right(*arguments)
        return (math.inf, *rest)

    return wrong


def _wide_buckets(right: Any) -> Any:
    return lambda *arguments: 3 * right(*arguments)


def _never_nearer(right: Any) -> Any:
    """Let the mark come as near as it may, with the bucket as wide as it was."""

    def wrong(c: Any, ladder: Any, own: Any, start: Any, side: int) -> Any:
        room, moved, _, off = right(c, ladder, own, start, side)
        return room, moved, math.inf, off

    return wrong


def _nothing(right: Any) -> Any:
    del right
    return lambda *_: None


def _no_jump(right: Any) -> Any:
    del right
    return lambda _c, _ladder, _own, _at, limit: limit


def _next_cell(right: Any) -> Any:
    return lambda c, ladder, own, side, cell: right(c, ladder, own, side, cell + 1)


def _first_row(right: Any) -> Any:
    """Forget the other legs of an instrument."""

    def wrong(c: Any, ladder: Any, own: Any, side: int, cell: int) -> None:
        following = ladder.following[own[1]]
        ladder.following[own[1]] = 0
        right(c, ladder, own, side, cell)
        ladder.following[own[1]] = following

    return wrong


def _unheard(right: Any) -> Any:
    """Set a unit that has changed, and forget to place it anew."""

    def wrong(c: Any, ladder: Any) -> Any:
        for number in range(int(c.counters[HITS])):
            if c.hits[number] == 1:
                ladder.entries[c.begins[1] : c.begins[1] + 4] = 0
        return right(c, ladder) if c.counters[HITS] != 1 else _drop_hits(c)

    return wrong


def _drop_hits(c: Any) -> bool:
    for number in range(int(c.counters[HITS])):
        c.heads[c.begins[c.hits[number]]]["listed"] = 0
    c.counters[HITS] = 0
    return True


def _always_placed(right: Any) -> Any:
    def wrong(c: Any, begin: int, measured: Any) -> int:
        standing = int(right(c, begin, measured))
        return PLACED if standing == REACHED else standing

    return wrong


def _equal(right: Any) -> Any:
    """Look at the first row of each unit alone."""

    def wrong(image: Any, c: Any, there: int, here: int) -> bool:
        if image.heads[there]["count"] < 2:
            return bool(right(image, c, there, here))
        fields = ["quantity", "entry", "ref", "kind"]
        return bool(image.rows[there + 1][fields] != c.rows[here + 1][fields])

    return wrong


BUGS: dict[str, tuple[ModuleType, str, Make]] = {
    "any room": (placing, "place_side", _infinite_room),
    "buckets three times as wide": (placing, "cells_allowed", _wide_buckets),
    "the mark comes nearer unseen": (placing, "place_side", _never_nearer),
    "value of the settlement currency forgotten": (placing, "limit_values", _nothing),
    "a jump on the way overlooked": (roots, "next_jump", _no_jump),
    "one cell farther": (placing, "place_rows", _next_cell),
    "another leg forgotten": (placing, "place_rows", _first_row),
    "old entries left on the ladder": (placing, "take_out", _nothing),
    "hits not placed anew": (ladder_steps, "replace_hits", _unheard),
    "a liquidatable unit on the ladder": (placing, "standing_of", _always_placed),
    "no guards": (placing, "guard_item", _nothing),
    "a change of a unit overlooked": (ladder_differences, "differs", _equal),
    "entries of a changed unit left on the ladder": (ladder_differences, "take_out", _nothing),
    "a unit that is gone stays counted": (ladder_differences, "stand", _nothing),
    "a unit that is gone stays in the book": (ladder_differences, "drop_unit", _nothing),
    "a changed unit not placed anew": (ladder_differences, "list_unit", _nothing),
}


def is_seen(seed: int) -> bool:
    """Return whether a random world or a crowd at its guards shows a difference."""
    cell, root = cells_before_a_jump()
    if cell != cell_of(root):
        return True
    try:
        return _is_seen_in_a_world(seed) or _is_seen_in_images(seed) or _is_seen_in_a_crowd(seed)
    except (AssertionError, IndexError, ValueError):
        return True


def _is_seen_in_a_world(seed: int) -> bool:
    world = LadderWorld(seed, accounts=6, instruments=3, jumping=seed % 2 == 1)
    if world.wrong() or world.miscounted():
        return True
    for number in range(16):
        if number % 2:
            world.creep()
        else:
            world.step()
        if world.drifted() or world.miscounted():
            return True
    world.index.ladder.refresh()
    return bool(world.wrong())


def _is_seen_in_images(seed: int) -> bool:
    world = FollowedWorld(seed, accounts=6, instruments=3, jumping=seed % 2 == 1)
    for _ in range(8):
        world.happen()
        world.index.look()
        if world.drifted() or world.miscounted():
            return True
    world.index.ladder.refresh()
    return bool(world.wrong() or world.different())


def _is_seen_in_a_crowd(seed: int) -> bool:
    far, _, _ = LadderCrowd(40, seed).off(4)
    return far > 0


def main() -> None:
    """Print the bugs that stay unseen, and whether the right code is found right."""
    unseen = []
    for name, (module, attribute, make) in BUGS.items():
        with replaced(module, attribute, make):
            if not any(is_seen(seed) for seed in range(SEEDS_MAX)):
                unseen.append(name)
    if any(is_seen(seed) for seed in range(2)):
        unseen.append("nothing: the right code is found wrong")
    sys.stdout.write("\n".join(unseen))


if __name__ == "__main__":
    main()
