"""Equity by state, by differences: constants and amounts that prices multiply, as exact integers.

The equity of all units of one state is constant + sum of amount x price + sum of position x mark
x value (inverse: value / mark); a change of state moves a unit's amounts from one state to
another. Collateral whose haircut has several tiers is not linear in its price: it is left out
here and belongs to class 2.

What is added is put on a grid of 2^-39 first, as three integers: so what was added goes
away without a trace, whatever came between, the sums are those of a recount to the last bit, and
those of two books add exactly. The grid costs at most 2^-40 an amount of less than 8,192, nothing
of a larger one. An amount of 2^78 or more has no place: it is counted in `beyond`, and the equity
of its state is not known while it is there.
"""

import math

import numpy as np

from monitor.core.margin.index.columns import COLLATERAL, CONSTANT, POSITION, Columns, Records
from monitor.core.margin.index.compile import inlined
from monitor.core.margin.index.copy_on_write import keep_rows

# A sum is limbs[0] x COARSE + limbs[1] + limbs[2] / FINE. Of 2^24 amounts none overflows.
COARSE = 2.0**40
FINE = 2.0**39
BEYOND = 3  # beside the constants of a state: how many amounts have no place
SMALL_END = 2.0**38  # smaller amounts have no coarse part
AMOUNT_END = 2.0**78


@inlined
def add_amount(limbs: Records, constant: Records, sign: float, amount: float) -> None:
    """Add an amount to a sum of a state, or take it away; `constant`: its constants."""
    rest = sign * amount
    if not abs(rest) < SMALL_END:
        if not abs(rest) < AMOUNT_END:
            constant[BEYOND] += int(sign)
            return
        coarse = np.rint(rest / COARSE)
        limbs[0] += int(coarse)
        rest -= coarse * COARSE
    middle = np.rint(rest)
    limbs[1] += int(middle)
    limbs[2] += int(np.rint((rest - middle) * FINE))


@inlined
def add_unit(c: Columns, begin: int, state: int, sign: float) -> None:
    """Add a unit to the sums of a state, or take it away with `sign` -1."""
    head = c.heads[begin]
    c.counts[state] += int(sign)
    constant, fixed = c.constants[state], head["constant"]
    for number in range(begin + 1, begin + 1 + head["count"]):
        row = c.rows[number]
        amount, ref = row["quantity"], row["ref"]
        if row["kind"] == POSITION:
            terms = c.instruments[ref]
            limbs = c.positions[ref, state]
            paid = amount / row["entry"] if terms["inverse"] else -amount * row["entry"]
            amount = -amount if terms["inverse"] else amount
            if terms["value"] == CONSTANT:
                fixed += paid
            else:
                add_amount(c.amounts[terms["value"], state], constant, sign, paid)
        elif row["kind"] == COLLATERAL:
            limbs = c.amounts[c.haircuts[ref]["slot"], state]
            amount *= share_of(c, ref, amount)
        else:
            limbs = c.amounts[ref, state]
        add_amount(limbs, constant, sign, amount)
    add_amount(constant, constant, sign, fixed)


@inlined
def share_of(c: Columns, ref: int, quantity: float) -> float:
    """Return what share of collateral counts: a debt in full, a credit after its one haircut."""
    haircut = c.haircuts[ref]
    if quantity <= 0.0 or not haircut["tier_count"]:
        return 1.0
    if haircut["tier_count"] > 1 or not math.isinf(c.tiers[haircut["tiers"]]["bound"]):
        return 0.0
    return float(c.tiers[haircut["tiers"]]["rate"])


@inlined
def change_state(c: Columns, begin: int, state: int) -> None:
    """Move a unit to another state."""
    head = c.heads[begin]
    add_unit(c, begin, head["state"], -1.0)
    keep_rows(c, begin, begin + 1)
    head["state"] = state
    add_unit(c, begin, state, 1.0)


@inlined
def sum_of(limbs: Records) -> float:
    """Return the nearest float to what three integers stand for, but for rounding twice."""
    return float(limbs[0]) * COARSE + (float(limbs[1]) + float(limbs[2]) / FINE)


@inlined
def equity_of(c: Columns, state: int) -> float:
    """Return the equity of all units of a state other than UNKNOWN.

    None of them depends on a missing price. Not a number while one has an amount without a place.
    """
    if c.constants[state, BEYOND]:
        return math.nan
    total = sum_of(c.constants[state])
    for slot in range(c.amounts.shape[0]):  # the constant one too: collateral that is worth 1
        amount = sum_of(c.amounts[slot, state])
        if amount != 0.0:
            total += amount * c.slots[slot]["price"]
    for number in range(c.positions.shape[0]):
        quantity = sum_of(c.positions[number, state])
        if quantity != 0.0:
            terms = c.instruments[number]
            mark, value = c.slots[terms["mark"]]["price"], c.slots[terms["value"]]["price"]
            total += quantity * value / mark if terms["inverse"] else quantity * value * mark
    return float(total)
