"""Seeded bugs: each broken in the uncompiled index, each must be seen by the random worlds.

Run with NUMBA_DISABLE_JIT=1: functions are then plain Python and can be replaced one by one.
Prints the names of the bugs that no world saw.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from monitor.core.margin.index import blocks, buckets, guards, requirement, split, steps, verdict
from monitor.core.margin.index.columns import CHANGES, HITS
from tests.core.margin.index.crowds import Crowd
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
        c.counters[HITS] = c.counters[CHANGES] = 0
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
    def wrong(c: Any, begin: int, place: int, bounds: Any) -> None:
        right(c, begin, place, bounds)
        c.reaches[place]["reach"] *= 0.3

    return wrong


def _no_jumps(right: Any) -> Any:
    del right
    return lambda c, terms, notional: float("inf")


def _sum_of_legs(right: Any) -> Any:
    """Note no unit that has two legs of which the larger counts."""

    def wrong(c: Any, begin: int) -> None:
        right(c, begin)
        c.heads[begin]["rare"] = 0

    return wrong


def _no_end(right: Any) -> Any:
    """Guard a unit in liquidation as if it were in none."""

    def wrong(c: Any, place: int, share: float, measured: Any, side: Any) -> Any:
        return right(c, place, share, measured, (side[0], 0.0))

    return wrong


def _no_buffer(right: Any) -> Any:
    def wrong(c: Any, begin: int, measured: Any) -> Any:
        kept, c.rare["buffer"] = c.rare["buffer"].copy(), 0.0
        slack = right(c, begin, measured)
        c.rare["buffer"] = kept
        return slack

    return wrong


def _forget_end(right: Any) -> Any:
    """Take a unit that is set anew out of liquidation."""

    def wrong(c: Any, unit: int, assets: int, count: int) -> int:
        begin = int(right(c, unit, assets, count))
        c.heads[begin]["ending"] = 0
        return begin

    return wrong


def _fees_stand_still(right: Any) -> Any:
    """Forget that a fee at the bankruptcy price moves with the unit's equity."""
    return lambda c, begin, fee_share: right(c, begin, 0.0 * fee_share)


def _fee_of_the_whole_leg(right: Any) -> Any:
    """Solve the bankruptcy price for a leg instead of the net position."""

    def wrong(c: Any, row: Any, quantities: Any, equity: float, gross: float) -> Any:
        return right(c, row, (row["quantity"], quantities[1]), equity, gross)

    return wrong


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
    "both legs instead of the larger": (blocks, "mark_rules", _sum_of_legs),
    "no guard on the end of a liquidation": (guards, "radius", _no_end),
    "end of a liquidation without its buffer": (guards, "end_slack", _no_buffer),
    "liquidation forgotten when a unit is set": (steps, "place_unit", _forget_end),
    "fees that do not follow equity": (guards, "set_reaches", _fees_stand_still),
    "bankruptcy price of one leg": (verdict, "bankruptcy_fee", _fee_of_the_whole_leg),
}


def is_seen_by_prices(seed: int) -> bool:
    """Return whether a verdict of a random crowd changes inside its guards."""
    changed, _ = Crowd(150, seed).changed_inside(12)
    return changed > 0


def is_seen(seed: int) -> bool:
    """Return whether a random world shows a difference."""
    if seed % 4 == 3:
        return is_seen_by_prices(seed)
    steps = 30
    jumping, liquidating = seed % 4 == 1, seed % 4 == 2
    rare = 0.5 if liquidating else 0.15
    world = World(
        seed, accounts=8, instruments=3, jumping=jumping, rare=rare, liquidating=liquidating
    )
    for _ in range(steps):
        if world.differences():
            return True
        world.step()
    return bool(world.differences())


def is_seen_or_breaks(seed: int) -> bool:
    """Return whether a bug is seen; the engine, which stands on the index, may fail by it."""
    try:
        return is_seen(seed)
    except (AssertionError, LookupError, ValueError):
        return True


def main() -> None:
    """Print the bugs that stay unseen, and whether the right code is found right."""
    unseen = []
    for name, (module, attribute, make) in BUGS.items():
        with replaced(module, attribute, make):
            if not any(is_seen_or_breaks(seed) for seed in range(SEEDS_MAX)):
                unseen.append(name)
    if any(is_seen(seed) for seed in range(4)):
        unseen.append("nothing: the right code is found wrong")
    sys.stdout.write("\n".join(unseen))


if __name__ == "__main__":
    main()
