"""The one function that gives a verdict: asked by the index, by a rescan and by tests alike."""

import math
from typing import TypeAlias

from monitor.core.margin.index.columns import (
    BANKRUPT,
    COLLATERAL,
    HEALTHY,
    LIQUIDATABLE,
    MARGIN_CALL,
    POSITION,
    UNDECIDED,
    UNKNOWN,
    Columns,
    Records,
)
from monitor.core.margin.index.compile import apart, inlined
from monitor.core.margin.index.requirement import requirement, step_distance

# Rounding error of a measure, relative to the sum of magnitudes: decisions/0001.
FLOAT_BAND = 1e-12
# A requirement this near (relative) to one of its jumps may be on either side of it.
JUMP_BAND = 2e-9
# What stands in the way of a float verdict.
CLEAR, UNSURE, MISSING = 0, 1, 2
# Beside its position a net quantity this small has no bankruptcy price that floats could tell.
NET_MIN = 1e-9
# (equity, maintenance margin, gross, whether it has a position, trouble, how fast the closing fees
# at bankruptcy prices grow with an amount of equity).
Measured: TypeAlias = tuple[float, float, float, bool, int, float]


@inlined
def counted(c: Columns, haircut: Records, value: float) -> float:
    """Return what a positive value of collateral counts for after its haircuts."""
    if haircut["tier_count"] == 0:
        return value
    total, rest = 0.0, value
    for number in range(haircut["tiers"], haircut["tiers"] + haircut["tier_count"]):
        part = min(rest, c.tiers[number]["bound"])
        total += part * c.tiers[number]["rate"]
        rest -= part
        if rest <= 0.0:
            break
    return total


@inlined
def slot_of(c: Columns, row: Records) -> int:
    """Return the slot of the price that an item's own guards watch."""
    kind = row["kind"]
    if kind == POSITION:
        return int(c.instruments[row["ref"]]["mark"])
    if kind == COLLATERAL:
        return int(c.haircuts[row["ref"]]["slot"])
    return int(row["ref"])


@inlined
def position_measure(c: Columns, row: Records) -> tuple[float, float, float, float, float]:
    """Return (equity, requirement, gross, notional, distance to a jump), valued but the last two.

    Not a number where a price is missing.
    """
    terms = c.instruments[row["ref"]]
    mark, value = c.slots[terms["mark"]]["price"], c.slots[terms["value"]]["price"]
    quantity, entry = row["quantity"], row["entry"]
    size = abs(quantity)
    if terms["inverse"]:
        notional = size / mark
        pnl = quantity / entry - quantity / mark
        gross = size / entry + notional
    else:
        notional = size * mark
        pnl = quantity * (mark - entry)
        gross = size * (mark + entry)
    margined = notional
    if terms["at_entry"]:
        margined = size / entry if terms["inverse"] else size * entry
    kept, charged = requirement(c, terms, margined, margined if terms["inverse"] else size)
    fee = terms["fee"] * notional
    distance = step_distance(c, terms, margined) if terms["step_count"] else math.inf
    return pnl * value, (kept + fee) * value, (gross + charged + fee) * value, notional, distance


@inlined
def measure(c: Columns, begin: int) -> Measured:
    """Return what a unit has and must keep at the present prices."""
    head = c.heads[begin]
    equity, gross, maintenance, trouble = head["constant"], head["gross"], 0.0, CLEAR
    first = begin + 1 + head["assets"]
    end = begin + 1 + head["count"]
    for number in range(begin + 1, first):
        row = c.rows[number]
        worth = row["quantity"] * c.slots[slot_of(c, row)]["price"]
        gross += abs(worth)
        if row["kind"] == COLLATERAL and worth > 0.0:
            worth = counted(c, c.haircuts[row["ref"]], worth)
        equity += worth
    for number in range(first, end):
        own = position_measure(c, c.rows[number])
        equity += own[0]
        maintenance += own[1]
        gross += own[2]
        if own[4] < JUMP_BAND:
            trouble = UNSURE
    fee_share = 0.0
    if head["rare"]:
        kept = with_rare_rules(c, begin, equity, gross)
        maintenance, fee_share = kept[0], kept[2]
        gross += kept[1]
    if math.isnan(gross):
        trouble = MISSING
    elif math.isinf(gross):
        trouble = UNSURE
    return equity, maintenance, gross, first < end, trouble, fee_share


@apart
def with_rare_rules(
    c: Columns, begin: int, equity: float, gross: float
) -> tuple[float, float, float]:
    """Return (maintenance margin, what it adds to gross, share of the fees), of all positions.

    Adds closing fees at the bankruptcy price, and counts the larger of two legs alone. The
    positions of one instrument stand together.
    """
    head = c.heads[begin]
    number, end = begin + 1 + head["assets"], begin + 1 + head["count"]
    maintenance, doubt, share = 0.0, 0.0, 0.0
    while number < end:
        first, ref = number, c.rows[number]["ref"]
        net, held = 0.0, 0.0
        while number < end and c.rows[number]["ref"] == ref:
            net += c.rows[number]["quantity"]
            held += abs(c.rows[number]["quantity"])
            number += 1
        long, short = 0.0, 0.0
        for place in range(first, number):
            row = c.rows[place]
            kept = position_measure(c, row)[1]
            if c.instruments[ref]["at_bankruptcy"]:
                fee = bankruptcy_fee(c, row, (net, held), equity, gross)
                kept += fee[0]
                doubt += fee[1]
                share += fee[2]
            if row["quantity"] > 0.0:
                long += kept
            else:
                short += kept
        maintenance += max(long, short) if c.instruments[ref]["larger_leg"] else long + short
    return maintenance, doubt, share


@inlined
def bankruptcy_fee(
    c: Columns, row: Records, quantities: tuple[float, float], equity: float, gross: float
) -> tuple[float, float, float]:
    """Return (closing fee at the bankruptcy price, valued; its gross; its share of equity).

    At that mark K, all else held, equity + net x value x (K - mark) is 0, or the fee itself. The
    gross is infinite where floats cannot tell: the position is hedged. `quantities`: net of the
    unit in the instrument, and the sum of magnitudes.
    """
    net, held = quantities
    terms, rate = c.instruments[row["ref"]], c.rare[row["ref"]]["closing_fee"]
    size = abs(row["quantity"])
    worth = net * c.slots[terms["mark"]]["price"] * c.slots[terms["value"]]["price"]
    divisor = net - (rate * size if terms["after_fee"] else 0.0)
    if abs(divisor) <= NET_MIN * held:
        return 0.0, math.inf, 0.0
    share = rate * size / abs(divisor)
    # the last factor: rounding of the divisor, which may be a small difference of sizes
    own_gross = share * (abs(worth) + gross) * (1.0 + 1e-3 * held / abs(divisor))
    return rate * size * max(0.0, (worth - equity) / divisor), own_gross, share


@apart
def end_slack(c: Columns, begin: int, measured: Measured) -> float:
    """Return how far a unit is from the end of its liquidation, drawn in by the band; 0 inside.

    Signed: equity - end factor x maintenance - buffers.
    """
    head = c.heads[begin]
    buffer = 0.0
    for number in range(begin + 1 + head["assets"], begin + 1 + head["count"]):
        row = c.rows[number]
        rate = c.rare[row["ref"]]["buffer"]
        if rate > 0.0:
            value = c.slots[c.instruments[row["ref"]]["value"]]["price"]
            buffer += rate * position_measure(c, row)[3] * value
    factor = c.rules[0]["end_factor"]
    slack = slack_of(measured[0], measured[1], factor) - buffer
    band = 4.0 * FLOAT_BAND * (1.0 + factor) * (measured[2] + buffer)
    if abs(slack) <= band:
        return 0.0
    return slack - math.copysign(band, slack)


@inlined
def slack_of(equity: float, maintenance: float, factor: float) -> float:
    """Return equity - factor x maintenance, the distance to one boundary, signed."""
    return equity - factor * maintenance


@inlined
def state_of(c: Columns, measured: Measured) -> int:
    """Return the state that a measure means, UNDECIDED inside the band of rounding error."""
    equity, maintenance, gross, has_position, trouble, _ = measured
    if trouble == MISSING:
        return UNKNOWN
    if trouble == UNSURE:
        return UNDECIDED
    band = 2.0 * FLOAT_BAND * gross
    if abs(equity) <= band:
        return UNDECIDED if gross > 0.0 else HEALTHY
    if equity < 0.0:
        return BANKRUPT
    return healthy_or_worse(c, equity, maintenance, band) if has_position else HEALTHY


@inlined
def healthy_or_worse(c: Columns, equity: float, maintenance: float, band: float) -> int:
    """Return the state of a unit with a position and positive equity."""
    call = c.rules[0]["call_factor"]
    to_liquidation = slack_of(equity, maintenance, 1.0)
    to_call = slack_of(equity, maintenance, call)
    if abs(to_liquidation) <= 2.0 * band or abs(to_call) <= (1.0 + call) * band:
        return UNDECIDED
    if to_liquidation < 0.0:
        return LIQUIDATABLE
    return MARGIN_CALL if to_call < 0.0 else HEALTHY


@inlined
def verdict(c: Columns, begin: int) -> int:
    """Return the state of the unit whose head is at `begin`."""
    state = state_of(c, measure(c, begin))
    if c.heads[begin]["always_exact"] and state != UNKNOWN:
        return UNDECIDED
    return state
