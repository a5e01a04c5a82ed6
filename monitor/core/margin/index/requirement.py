"""What a position must keep, in floats, and how fast that can grow: monitor/core/requirements.py.

`terms` is the instrument's record; a notional is in the settlement currency. `size` is in base
units; that of an inverse position is its notional.
"""

import math

from monitor.core.margin.index.columns import (
    SIZE_LINEAR,
    SQUARE_ROOT,
    TIERED,
    Columns,
    Records,
)
from monitor.core.margin.index.compile import inlined

_ROOT_KEPT = 0.8
# What the cut of the square root to 18 decimals can be off, as a share of the notional's gross.
_ROOT_CUT = 1e-5


@inlined
def tier_of(c: Columns, terms: Records, notional: float) -> int:
    """Return the row of the tier that holds a notional; bounds are inclusive."""
    tier = terms["tiers"]
    last = tier + terms["tier_count"] - 1
    while tier < last and c.tiers[tier]["bound"] < notional:
        tier += 1
    return int(tier)


@inlined
def requirement(c: Columns, terms: Records, notional: float, size: float) -> tuple[float, float]:
    """Return (maintenance margin, sum of the magnitudes that it was made of)."""
    model = terms["model"]
    if model == SIZE_LINEAR:
        charged = notional * (terms["rate"] + terms["per_unit"] * size)
        return charged, charged
    if terms["tier_count"] == 0:
        rate, deduction = 0.0, 0.0
    else:
        tier = tier_of(c, terms, notional)
        rate, deduction = c.tiers[tier]["rate"], c.tiers[tier]["deduction"]
    if model == TIERED:
        charged = notional * rate
        return max(0.0, charged - deduction), charged + deduction
    if model == SQUARE_ROOT:
        charged = notional * root_rate(terms, rate, size)
        cut = notional * terms["per_unit"] * _ROOT_CUT
        return max(0.0, charged - deduction), charged + deduction + cut
    charged = notional * (rate + terms["per_unit"] * size)
    scalar = terms["scalar"]
    return scalar * max(0.0, charged - deduction), scalar * (charged + deduction)


@inlined
def root_rate(terms: Records, rate: float, size: float) -> float:
    """Return max(rate, 0.8 x rate + factor x sqrt(size))."""
    return float(max(rate, _ROOT_KEPT * rate + terms["per_unit"] * math.sqrt(size)))


@inlined
def steepest_rate(
    c: Columns, terms: Records, notional: float, size: float, stretch: float
) -> float:
    """Return the largest marginal rate while the notional stays within a factor `stretch`.

    No jump may lie in that range: the guards end at the nearest one (`step_distance`).
    """
    model, inverse = terms["model"], terms["inverse"]
    per_unit = terms["per_unit"]
    if model == SIZE_LINEAR:
        if inverse:
            return float(terms["rate"] + 2.0 * per_unit * notional * stretch)
        return float(terms["rate"] + per_unit * size)
    if terms["tier_count"] == 0:
        rate = 0.0
    elif model == TIERED:
        return float(c.tiers[tier_of(c, terms, notional * stretch)]["steepest"])
    else:
        rate = c.tiers[tier_of(c, terms, notional)]["rate"]
    if model == SQUARE_ROOT:
        if inverse:
            root = 1.5 * per_unit * math.sqrt(size * stretch)
            return float(max(rate, _ROOT_KEPT * rate + root))
        return root_rate(terms, rate, size)
    growth = 2.0 * stretch if inverse else 1.0
    return float(terms["scalar"] * (rate + per_unit * size * growth))


@inlined
def highest_rate(c: Columns, terms: Records, size: float) -> float:
    """Return the largest marginal rate at any mark, of a linear position without jumps ahead."""
    if terms["model"] == TIERED:
        count = terms["tier_count"]
        return float(c.tiers[terms["tiers"] + count - 1]["steepest"]) if count else 0.0
    if terms["model"] == SIZE_LINEAR or terms["tier_count"] <= 1:
        return steepest_rate(c, terms, 0.0, size, 1.0)
    return math.inf


@inlined
def step_distance(c: Columns, terms: Records, notional: float) -> float:
    """Return r: no jump lies within a factor 1 + r of a notional; infinite without any."""
    nearest = math.inf
    for number in range(terms["steps"], terms["steps"] + terms["step_count"]):
        bound = c.steps[number]
        ratio = bound / notional if bound > notional else notional / bound
        nearest = min(nearest, ratio - 1.0)
    return nearest
