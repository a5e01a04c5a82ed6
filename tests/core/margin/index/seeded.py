"""Seeded bugs: each broken in the uncompiled index, each must be seen by the random worlds.

Seen means: a state or verdict that differs from the exact one. An error on the way is no sight of
it and ends the run.

Run with NUMBA_DISABLE_JIT=1: functions are then plain Python and can be replaced one by one.
Prints the names of the bugs that nothing saw.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from monitor.core.margin.index import blocks, buckets, guards, requirement, split, steps, verdict
from monitor.core.margin.index.columns import AMOUNT, CHANGES, HITS, POSITION
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms
from tests.core.margin.index.crowds import FLAT, Crowd
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


def _keep_guards_of_one(right: Any) -> Any:
    """Judge a unit that the ledger changed, but leave its guards as they were."""

    def wrong(c: Any, holdings: Any, items: Any, first: int, subject: Any) -> Any:
        unit = subject[0]
        if unit >= len(c.begins) or c.begins[unit] < 0:
            return right(c, holdings, items, first, subject)
        with replaced(steps, "list_unit", lambda _: lambda c, begin: None):
            return right(c, holdings, items, first, subject)

    return wrong


def _forget_unit(right: Any) -> Any:
    def wrong(c: Any, begin: int) -> None:
        if c.heads[begin]["unit"] != 1:
            right(c, begin)

    return wrong


def _forget_isolated(right: Any) -> Any:
    """Forget the units of one position: isolated ones are such."""

    def wrong(c: Any, begin: int) -> None:
        head = c.heads[begin]
        if head["count"] - head["assets"] != 1:
            right(c, begin)

    return wrong


def _in_float32(right: Any) -> Any:
    """Compute the slack in float32: infinite for large amounts, so that no guard is set."""
    return lambda *amounts: float(right(*map(np.float32, amounts)))


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


def _fee_of_one_leg(right: Any) -> Any:
    """Solve the bankruptcy price for a leg instead of the net position."""

    def wrong(c: Any, row: Any, quantities: Any, equity: float, gross: float) -> Any:
        return right(c, row, (row["quantity"], quantities[1]), equity, gross)

    return wrong


SEEDS_MAX = 100


def _is_seen_in(world: World) -> bool:
    """Return whether a random world shows a difference from exact rationals in 30 steps."""
    for _ in range(30):
        if world.differences():
            return True
        world.step()
    return bool(world.differences())


def by_worlds(seed: int) -> bool:
    """Look at a world of accounts, every other one with tiers that jump."""
    return _is_seen_in(World(seed, accounts=8, instruments=3, jumping=seed % 2 == 1))


def by_rare_rules(seed: int) -> bool:
    """Look at a world in which every unit is in liquidation and half of all rules are rare."""
    return _is_seen_in(World(seed, accounts=8, instruments=3, rare=0.5, liquidating=True))


def by_engine(seed: int) -> bool:
    """Look at the verdicts of an engine that is told events: all of them after each step."""
    world = World(seed, accounts=8, instruments=3)
    for _ in range(40):
        world.step()
        if any(unit.state != world.exact(unit) for unit in world.units.values()):
            return True
    return False


def by_prices(seed: int) -> bool:
    """Look at prices inside the guards of a random crowd."""
    changed, _ = Crowd(150, seed).changed_inside(12)
    return changed > 0


def by_size(seed: int) -> bool:
    """Look at units whose amounts no float32 holds: at states that a new verdict contradicts."""
    draw = np.random.default_rng(seed)
    index = ThresholdIndex(1.25)
    marks = [index.add_price(10.0) for _ in range(2)]
    for mark in marks:
        index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT))
    for unit in range(20):
        balance, size = draw.uniform(5, 40) * 1e40, draw.choice([-3.0, -1.0, 1.0, 3.0]) * 1e40
        items = [Item(AMOUNT, 0, balance), Item(POSITION, unit % 2, size, 10.0)]
        index.set_unit(unit, items)
    for _ in range(20):
        index.move(marks, 10.0 * np.exp(draw.normal(0, 0.5, 2)), by_rescan=False)
        if (index.states(range(20)) != index.verdicts(range(20))).any():
            return True
    return False


Maker = Callable[[Any], Any]
# What sees it; where the function is replaced, and by what.
BUGS: dict[str, tuple[Callable[[int], bool], ModuleType, str, Maker]] = {
    "sign of the pnl": (by_worlds, verdict, "position_measure", _flip_pnl),
    "tier boundary": (by_worlds, requirement, "tier_of", _first_tier),
    "stale guard after a position change": (by_worlds, steps, "set_units", _keep_guards),
    "stale guard after an event": (by_engine, steps, "put_unit", _keep_guards_of_one),
    "wrong side for shorts": (by_prices, guards, "aim_guards", _swap_short_sides),
    "forgotten unit": (by_worlds, buckets, "list_unit", _forget_unit),
    "forgotten isolated unit": (by_worlds, buckets, "list_unit", _forget_isolated),
    "haircut of the wrong asset": (by_worlds, verdict, "counted", _first_haircut),
    "guard rounded away from the price": (by_prices, guards, "key_up", _away_from_price),
    "sensitivity too small": (by_prices, split, "set_position_reach", _half_reach),
    "jump of a tier inside the guards": (by_prices, verdict, "step_distance", _no_jumps),
    "float32 overflow": (by_size, split, "slack_of", _in_float32),
    "both legs instead of the larger": (by_rare_rules, blocks, "mark_rules", _sum_of_legs),
    "no guard on the end of a liquidation": (by_prices, guards, "radius", _no_end),
    "end of a liquidation without its buffer": (by_prices, guards, "end_slack", _no_buffer),
    "liquidation forgotten when a unit is set": (by_rare_rules, steps, "place_unit", _forget_end),
    "fees that do not follow equity": (by_prices, guards, "set_reaches", _fees_stand_still),
    "bankruptcy price of one leg": (by_rare_rules, verdict, "bankruptcy_fee", _fee_of_one_leg),
}


def main() -> None:
    """Print the bugs that stay unseen, and what finds the right code wrong."""
    unseen = []
    for name, (is_seen, module, attribute, make) in BUGS.items():
        with replaced(module, attribute, make):
            if not any(is_seen(seed) for seed in range(SEEDS_MAX)):
                unseen.append(name)
    unseen += [
        f"nothing: {is_seen.__name__} finds the right code wrong"
        for is_seen in (by_worlds, by_rare_rules, by_engine, by_prices, by_size)
        if any(is_seen(seed) for seed in range(2))
    ]
    sys.stdout.write("\n".join(unseen))


if __name__ == "__main__":
    main()
