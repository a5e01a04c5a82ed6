"""How far each price of a unit may move before a verdict can change: the slack, split.

For every boundary F = equity - c x maintenance each item may change F by at most
(reach + c x steep) x r while its own price stays within a factor 1 + r; the radii are chosen so
that the sum of these reserves is at most the slack, by construction: item j takes the share
weight_j / sum of weights. Two kinds of items (docs/model/thresholds.md):

- signed: F rises and falls with the price, whatever the others do; only one side needs a guard;
- boxed: guarded on both sides, within a factor STRETCH, in which reach and steep are bounds.
"""

import math

from monitor.core.margin.index.columns import (
    CONSTANT,
    POSITION,
    Columns,
    Records,
)
from monitor.core.margin.index.compile import inlined
from monitor.core.margin.index.requirement import highest_rate, steepest_rate
from monitor.core.margin.index.verdict import (
    FLOAT_BAND,
    JUMP_BAND,
    Measured,
    position_measure,
    slack_of,
    slot_of,
)

BOXED_MAX = 0.1
STRETCH = 1.0 + BOXED_MAX
# A signed short with steeper tiers ahead looks this far.
SIGNED_MAX = 0.4
SHARES = 1.0 - 1e-9  # what rounding of the split itself could add is far below the rest


@inlined
def set_asset_reach(c: Columns, begin: int, place: int, fee_share: float) -> None:
    """Say how far an amount moves equity: by itself, signed; and the fees that follow equity."""
    row, own = c.rows[begin + place], c.reaches[place]
    slot = slot_of(c, row)
    own["reach"] = 0.0 if slot == CONSTANT else abs(row["quantity"]) * c.slots[slot]["price"]
    own["steep"] = 0.0
    own["radius_max"] = math.inf
    own["direction"] = 1 if row["quantity"] > 0.0 else -1
    if fee_share > 0.0:
        own["direction"], own["radius_max"] = 0, BOXED_MAX
        own["reach"] *= STRETCH
        own["steep"] = fee_share * own["reach"]


@inlined
def carrier_of(c: Columns, begin: int, slot: int) -> int:
    """Return the place of the first amount of a unit that is valued by a slot."""
    place = 1
    while slot_of(c, c.rows[begin + place]) != slot:
        place += 1
    return place


@inlined
def set_carrier_reach(c: Columns, begin: int, slot: int, moved: float, kept: float) -> None:
    """Add what the value of a settlement currency moves to the amount that carries its guard."""
    own = c.reaches[carrier_of(c, begin, slot)]
    if own["direction"] != 0:
        own["direction"] = 0
        own["reach"] *= STRETCH
        own["radius_max"] = BOXED_MAX
    own["reach"] += moved
    own["steep"] += kept


@inlined
def is_signed(
    c: Columns, terms: Records, quantity: float, rate: float, bounds: tuple[float, float]
) -> bool:
    """Return whether equity - c x maintenance rises (long) or falls (short) with the mark always.

    Linear, valued 1, without a jump; of a long the requirement may not grow faster than the pnl.
    `rate`: what is asked on the mark beside the requirement. `bounds`: of `set_position_reach`.
    """
    factor, fee_share = bounds
    if terms["inverse"] or terms["value"] != CONSTANT or fee_share > 0.0:
        return False
    if quantity > 0.0 and rate * factor >= 1.0 - 1e-6:
        return False
    if terms["at_entry"]:
        return True
    if terms["step_count"]:
        return False
    rate += highest_rate(c, terms, abs(quantity))
    return bool(quantity < 0.0 or rate * factor < 1.0 - 1e-6)


@inlined
def set_position_reach(c: Columns, begin: int, place: int, bounds: tuple[float, float]) -> None:
    """Say how far a position moves equity and requirement, on its mark and on its value.

    `bounds`: the largest factor of a boundary, and how fast closing fees follow equity. Of a unit
    in liquidation a buffer counts as a rate of the requirement: its boundary has a factor >= 1.
    """
    row, own = c.rows[begin + place], c.reaches[place]
    terms = c.instruments[row["ref"]]
    rate = terms["fee"]
    buffer = c.rare[row["ref"]]["buffer"] if c.heads[begin]["ending"] else 0.0
    rate += buffer
    quantity = row["quantity"]
    pnl, kept, _, notional, distance = position_measure(c, row)
    value = c.slots[terms["value"]]["price"]
    reach = notional * value
    own["radius_max"] = math.inf
    if is_signed(c, terms, quantity, rate, bounds):
        own["reach"], own["steep"] = reach, 0.0
        own["direction"] = 1 if quantity > 0.0 else -1
        if quantity < 0.0:
            if not terms["at_entry"]:
                ahead = steepest_rate(c, terms, notional, -quantity, 1.0 + SIGNED_MAX)
                if ahead < highest_rate(c, terms, -quantity):
                    own["radius_max"] = SIGNED_MAX
                rate += ahead
            own["steep"] = rate * reach
        return
    own["radius_max"] = BOXED_MAX
    if not terms["at_entry"]:
        size = notional if terms["inverse"] else abs(quantity)
        rate += steepest_rate(c, terms, notional, size, STRETCH)
        own["radius_max"] = max(0.0, min(BOXED_MAX, distance - 2.0 * JUMP_BAND))
    own["direction"] = 0
    own["reach"] = reach * STRETCH * STRETCH
    # a closing fee follows equity, and the notional that its price is solved from
    own["steep"] = (rate + 2.0 * bounds[1]) * own["reach"]
    if terms["value"] != CONSTANT:
        moved = STRETCH * (abs(pnl) + BOXED_MAX * reach)
        grown = STRETCH * (kept + buffer * reach + BOXED_MAX * rate * reach)
        grown += bounds[1] * (moved + own["reach"])
        set_carrier_reach(c, begin, terms["value"], moved, grown)


@inlined
def set_reaches(c: Columns, begin: int, fee_share: float) -> float:
    """Say what each item of a unit can move; return the sum of the weights.

    A busy or a large item takes a larger share: for a steady drift the fewest hits come from
    shares as the square root of how far and how often the price moves the unit.
    """
    head = c.heads[begin]
    factor = c.rules[0]["call_factor"]
    if head["ending"]:
        factor = max(factor, c.rules[0]["end_factor"])
    bounds = (factor, fee_share)
    for place in range(1, head["count"] + 1):
        if c.rows[begin + place]["kind"] == POSITION:
            set_position_reach(c, begin, place, bounds)
        else:
            set_asset_reach(c, begin, place, fee_share)
    weights = 0.0
    for place in range(1, head["count"] + 1):
        own = c.reaches[place]
        busy = c.slots[slot_of(c, c.rows[begin + place])]["moves"]
        own["weight"] = math.sqrt((own["reach"] + own["steep"]) * busy)
        weights += own["weight"]
    return weights


@inlined
def radius(
    c: Columns,
    place: int,
    share: float,
    measured: Measured,
    side: tuple[float, float],
) -> float:
    """Return how far an item's price may move against the boundaries on one side of zero.

    `side`: 1 for those that F is above and may fall to, -1 for those that it may rise to; and
    `end_slack`. Infinite without any. A slack is drawn in by the float band before it is shared.
    """
    sign, to_end = side[0], side[0] * side[1]
    own = c.reaches[place]
    call = c.rules[0]["call_factor"]
    nearest = math.inf
    for number in range(3):
        factor = 0.0 if number == 0 else 1.0 if number == 1 else call
        slack = sign * slack_of(measured[0], measured[1], factor)
        reach = own["reach"] + factor * own["steep"]
        if slack > 0.0 and reach > 0.0:
            slack = max(0.0, slack - 4.0 * FLOAT_BAND * (1.0 + factor) * measured[2])
            nearest = min(nearest, slack * share / reach)
    if to_end > 0.0:
        reach = own["reach"] + c.rules[0]["end_factor"] * own["steep"]
        if reach > 0.0:
            nearest = min(nearest, to_end * share / reach)
    return nearest
