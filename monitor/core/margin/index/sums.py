"""Equity by state, by differences: constants and amounts that prices multiply.

The equity of all units of one state is constant + sum of amount x price + sum of position x mark
x value (inverse: value / mark); a change of state moves a unit's amounts from one state to
another. Collateral whose haircut has several tiers is not linear in its price: it is left out
here and belongs to class 2.
"""

import math

from monitor.core.margin.index.columns import COLLATERAL, CONSTANT, POSITION, Columns
from monitor.core.margin.index.compile import inlined
from monitor.core.margin.index.copy_on_write import keep_rows


@inlined
def add_unit(c: Columns, begin: int, state: int, sign: float) -> None:
    """Add a unit to the sums of a state, or take it away with `sign` -1."""
    head = c.heads[begin]
    c.counts[state] += int(sign)
    c.constants[state] += sign * head["constant"]
    for number in range(begin + 1, begin + 1 + head["count"]):
        row = c.rows[number]
        quantity, ref = sign * row["quantity"], row["ref"]
        if row["kind"] == POSITION:
            terms = c.instruments[ref]
            paid = quantity / row["entry"] if terms["inverse"] else -quantity * row["entry"]
            c.positions[ref, state] += -quantity if terms["inverse"] else quantity
            if terms["value"] == CONSTANT:
                c.constants[state] += paid
            else:
                c.amounts[terms["value"], state] += paid
        elif row["kind"] == COLLATERAL:
            add_collateral(c, ref, quantity, (state, sign))
        else:
            c.amounts[ref, state] += quantity


@inlined
def add_collateral(c: Columns, ref: int, quantity: float, where: tuple[int, float]) -> None:
    """Add collateral to (state, sign): a debt in full, a credit after its one haircut."""
    haircut = c.haircuts[ref]
    share = 1.0
    if quantity * where[1] > 0.0 and haircut["tier_count"]:
        if haircut["tier_count"] > 1 or not math.isinf(c.tiers[haircut["tiers"]]["bound"]):
            share = 0.0
        else:
            share = c.tiers[haircut["tiers"]]["rate"]
    c.amounts[haircut["slot"], where[0]] += quantity * share


@inlined
def change_state(c: Columns, begin: int, state: int) -> None:
    """Move a unit to another state."""
    head = c.heads[begin]
    add_unit(c, begin, head["state"], -1.0)
    keep_rows(c, begin, begin + 1)
    head["state"] = state
    add_unit(c, begin, state, 1.0)


@inlined
def equity_of(c: Columns, state: int) -> float:
    """Return the equity of all units of a state other than UNKNOWN.

    None of them depends on a missing price: what stands there is left by rounding.
    """
    total = c.constants[state]
    for slot in range(c.amounts.shape[0]):  # the constant one too: collateral that is worth 1
        worth = c.amounts[slot, state] * c.slots[slot]["price"]
        if not math.isnan(worth):
            total += worth
    for number in range(c.positions.shape[0]):
        quantity = c.positions[number, state]
        if quantity != 0.0:
            terms = c.instruments[number]
            mark, value = c.slots[terms["mark"]]["price"], c.slots[terms["value"]]["price"]
            worth = quantity * value / mark if terms["inverse"] else quantity * value * mark
            if not math.isnan(worth):
                total += worth
    return float(total)
