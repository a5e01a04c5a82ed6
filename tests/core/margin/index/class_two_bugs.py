"""Seeded bugs of the class 2 sums: each must be seen by comparing random worlds with the twin.

Run with NUMBA_DISABLE_JIT=1, as seeded.py. Prints the names of the bugs that no world saw.
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from monitor.core.margin.index import class_two, slopes
from tests.core.margin.index.seeded import replaced
from tests.core.margin.index.test_class_two import assert_equal, units_of, venue_of
from tests.core.margin.index.worlds import World
from tests.reference.naive_class_two import class_two as naive_class_two

SEEDS_MAX = 60


def _zero(right: Any) -> Any:
    del right
    return lambda *arguments: 0.0


def _kept_slope(right: Any) -> Any:
    """Take the slope of a price once for every item that has it."""
    del right
    return lambda scratch, slot: abs(scratch.slopes[slot])


def _long_only(right: Any) -> Any:
    return lambda c, row: (right(c, row)[0], abs(right(c, row)[1]))


def _next_bucket(right: Any) -> Any:
    return lambda state, slack, slope: min(right(state, slack, slope * 1.05), 14)


def _ratio_by_float(right: Any) -> Any:
    return lambda state, equity, maintenance: right(min(int(state), 2), equity, maintenance)


def _whole_worth(right: Any) -> Any:
    return lambda c, haircut, value: 1.0 if value > 0.0 else right(c, haircut, value)


def _best(right: Any) -> Any:
    return lambda equity, maintenance: -right(equity, maintenance)


BUGS: dict[str, tuple[ModuleType | type, str, Callable[[Any], Any]]] = {
    "requirement left out of the slope": (slopes, "marginal_rate", _zero),
    "value of the currency left out of the slope": (class_two, "value_slope", _zero),
    "collateral left out of the slope": (class_two, "asset_slope", _zero),
    "slope of a price taken twice": (class_two, "taken_slope", _kept_slope),
    "haircut left out of the slope": (slopes, "counted_share", _whole_worth),
    "losses added to gains": (class_two, "notional_and_gain", _long_only),
    "distance 5 % off": (class_two, "distance_bucket", _next_bucket),
    "bankrupt and unknown units among the ratios": (class_two, "ratio_bucket", _ratio_by_float),
    "the best for the worst": (class_two, "cover_of", _best),
}


def is_seen(seed: int) -> bool:
    """Return whether the sums of a random world differ from the twin's."""
    world = World(seed, accounts=25, instruments=5, rare=0.0)
    columns = world.index.columns
    wanted = naive_class_two(venue_of(world), units_of(columns))
    try:
        assert_equal(class_two.class_two(columns), wanted, len(world.instruments))
    except AssertionError:
        return True
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
