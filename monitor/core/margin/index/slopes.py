"""How fast a unit nears its liquidation: equity - maintenance margin, to first order, by price.

A slope is the change of equity - maintenance margin, valued, for a relative rise of one price by
1 (100 %), at the present prices. Rising prices help where it is above 0. Where a requirement or a
haircut has a kink, it is the slope of the tier that holds the present value.
"""

import math

from monitor.core.margin.index.columns import (
    COLLATERAL,
    SIZE_LINEAR,
    SQUARE_ROOT,
    TIERED,
    Columns,
    Records,
)
from monitor.core.margin.index.compile import inlined
from monitor.core.margin.index.requirement import requirement, root_rate, tier_of


@inlined
def marginal_rate(c: Columns, terms: Records, notional: float, size: float) -> float:
    """Return by how much the requirement grows with the notional, when the mark moves it.

    The size of a linear position stays; that of an inverse one is its notional and grows with it.
    """
    model, per_unit = terms["model"], terms["per_unit"]
    growth = 2.0 if terms["inverse"] else 1.0
    if model == SIZE_LINEAR:
        return float(terms["rate"] + growth * per_unit * size)
    rate, deduction = 0.0, 0.0
    if terms["tier_count"]:
        tier = tier_of(c, terms, notional)
        rate, deduction = c.tiers[tier]["rate"], c.tiers[tier]["deduction"]
    average = slope = rate
    if model == SQUARE_ROOT:
        average = slope = root_rate(terms, rate, size)
        if terms["inverse"] and average > rate:
            slope += 0.5 * per_unit * math.sqrt(size)
    elif model != TIERED:
        average = rate + per_unit * size
        slope = terms["scalar"] * (rate + growth * per_unit * size)
    return float(slope) if average * notional > deduction else 0.0


@inlined
def mark_slope(c: Columns, row: Records, notional: float) -> float:
    """Return the slope of a position on its mark; `notional` in the settlement currency."""
    terms = c.instruments[row["ref"]]
    rate = terms["fee"]
    if not terms["at_entry"]:
        size = notional if terms["inverse"] else abs(row["quantity"])
        rate += marginal_rate(c, terms, notional, size)
    side = 1.0 if row["quantity"] > 0.0 else -1.0
    kept = -rate if terms["inverse"] else rate  # an inverse notional falls when its mark rises
    return float(c.slots[terms["value"]]["price"] * notional * (side - kept))


@inlined
def value_slope(c: Columns, row: Records, notional: float, gain: float) -> float:
    """Return the slope of a position on the value of its settlement currency."""
    terms = c.instruments[row["ref"]]
    margined = notional
    if terms["at_entry"]:
        size = abs(row["quantity"])
        margined = size / row["entry"] if terms["inverse"] else size * row["entry"]
    size = margined if terms["inverse"] else abs(row["quantity"])
    kept, _ = requirement(c, terms, margined, size)
    owned = gain - kept - terms["fee"] * notional
    return float(owned * c.slots[terms["value"]]["price"])


@inlined
def asset_slope(c: Columns, row: Records, price: float) -> float:
    """Return the slope of an amount or of collateral on the price that values it."""
    worth = row["quantity"] * price
    if row["kind"] == COLLATERAL and worth > 0.0:
        return float(worth * counted_share(c, c.haircuts[row["ref"]], worth))
    return float(worth)


@inlined
def counted_share(c: Columns, haircut: Records, value: float) -> float:
    """Return which share of the next unit of collateral would count."""
    if haircut["tier_count"] == 0:
        return 1.0
    rest = value
    for number in range(haircut["tiers"], haircut["tiers"] + haircut["tier_count"]):
        if rest <= c.tiers[number]["bound"]:
            return float(c.tiers[number]["rate"])
        rest -= c.tiers[number]["bound"]
    return 0.0
