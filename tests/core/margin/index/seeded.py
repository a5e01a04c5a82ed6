"""Seeded bugs: each broken in the uncompiled index, each must be seen by the random worlds.

Run with NUMBA_DISABLE_JIT=1: functions are then plain Python and can be replaced one by one.
Prints the names of the bugs that no world saw.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from monitor.core.margin.index import buckets, guards, requirement, split, steps, verdict
from monitor.core.margin.index.columns import HITS
from tests.core.margin.index.worlds import World


@contextmanager
def replaced(module: ModuleType | type, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    right = getattr(module, name)
    setattr(module, name, make(right))
    try:
        yield
    finally:
        setattr(module, name, right)


def _flip_pnl(right: Any) -> Any:
    def wrong(c: Any, row: Any) -> Any:
        own = right(c, row)
        return (-own[0], *own[1:])

    return wrong


def _swap_short_sides(right: Any) -> Any:
    def wrong(c: Any, begin: int, place: int, falling: float, rising: float) -> None:
        short = c.reaches[place]["direction"] < 0
        right(c, begin, place, *((rising, falling) if short else (falling, rising)))

    return wrong


def _keep_guards(right: Any) -> Any:
    """Judge a unit that was set, but leave its guards as they were."""

    def wrong(c: Any, items: Any, first: int) -> Any:
        done = right(c, items, first)
        for number in range(int(c.counters[HITS])):
            steps.judge_unit(c, int(c.begins[c.hits[number]]), 0)
            c.heads[c.begins[c.hits[number]]]["listed"] = 0
        c.counters[HITS] = 0
        return done

    return wrong


def _forget_unit(right: Any) -> Any:
    def wrong(c: Any, begin: int) -> None:
        if c.heads[begin]["unit"] != 1:
            right(c, begin)

    return wrong


def _first_tier(right: Any) -> Any:
    del right
    return lambda c, terms, notional: int(terms["tiers"])


def _first_haircut(right: Any) -> Any:
    return lambda c, haircut, value: right(c, c.haircuts[1 - (haircut["tier_count"] == 1)], value)


def _away_from_price(right: Any) -> Any:
    return lambda price: right(price * 0.97)


def _half_reach(right: Any) -> Any:
    def wrong(c: Any, begin: int, place: int) -> None:
        right(c, begin, place)
        c.reaches[place]["reach"] *= 0.3

    return wrong


def _no_jumps(right: Any) -> Any:
    del right
    return lambda c, terms, notional: float("inf")


SEEDS_MAX = 200
BUGS: dict[str, tuple[ModuleType, str, Callable[[Any], Any]]] = {
    "sign of the pnl": (verdict, "position_measure", _flip_pnl),
    "tier boundary": (requirement, "tier_of", _first_tier),
    "stale guard after a position change": (steps, "set_units", _keep_guards),
    "wrong side for shorts": (guards, "aim_guards", _swap_short_sides),
    "forgotten unit": (buckets, "list_unit", _forget_unit),
    "haircut of the wrong asset": (verdict, "counted", _first_haircut),
    "guard rounded away from the price": (guards, "key_up", _away_from_price),
    "sensitivity too small": (split, "set_position_reach", _half_reach),
    "jump of a tier inside the guards": (verdict, "step_distance", _no_jumps),
}


def is_seen(seed: int) -> bool:
    """Return whether a random world shows a difference."""
    world = World(seed, accounts=8, instruments=3, jumping=seed % 2 == 1)
    for _ in range(30):
        if world.differences():
            return True
        world.step()
    return bool(world.differences())


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
