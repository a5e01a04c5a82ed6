"""Where a unit becomes liquidatable when one mark moves and every other price stays.

The slack equity - maintenance margin, as a function of that mark p, is concave between the prices
at which a requirement jumps: in p, or in 1 / p for inverse contracts (pnl is linear there, and
requirements are convex: rates do not fall from tier to tier). From inside, where it is positive,
it has a root before such a price exactly if it is negative there; that root is bracketed and
found by false position (Illinois), for a flat requirement in one step.
"""

import math
from typing import TypeAlias

from monitor.core.margin.index.columns import Columns
from monitor.core.margin.index.compile import inlined
from monitor.core.margin.index.ladder_columns import LadderColumns
from monitor.core.margin.index.verdict import position_measure

# A unit's positions in one instrument: (its head, the last of their places, the mark's slot, the
# slack of all the rest of the unit).
Chain: TypeAlias = tuple[int, int, int, float]
# Beside a jump: farther than the band in which floats cannot tell its sides.
JUMP_EDGE = 4e-9
ROOT_PRECISION = 1e-13
_STEPS_MAX = 200


@inlined
def slack_at(c: Columns, ladder: LadderColumns, own: Chain, price: float) -> tuple[float, float]:
    """Return (slack, magnitude of what the tested positions put into it) at a tested mark.

    Leaves the mark there: the caller puts it back.
    """
    c.slots[own[2]]["price"] = price
    slack, moved, place = own[3], 0.0, own[1]
    while place > 0:
        row = c.rows[own[0] + place]
        pnl, kept, gross, _, _ = position_measure(c, row)
        slack += pnl - kept
        jumps = c.instruments[row["ref"]]["step_count"] > 0
        moved += gross if jumps else abs(pnl) + kept
        place = ladder.following[place]
    return slack, moved


@inlined
def next_jump(c: Columns, ladder: LadderColumns, own: Chain, at: float, limit: float) -> float:
    """Return the nearest price from one to a limit at which a requirement jumps, or the limit."""
    nearest, place = limit, own[1]
    while place > 0:
        row = c.rows[own[0] + place]
        terms = c.instruments[row["ref"]]
        size = abs(row["quantity"])
        if not terms["at_entry"]:
            for number in range(terms["steps"], terms["steps"] + terms["step_count"]):
                bound = c.steps[number]
                jump = size / bound if terms["inverse"] else bound / size
                if at < jump < nearest or nearest < jump < at:
                    nearest = jump
        place = ladder.following[place]
    return float(nearest)


@inlined
def beside(jump: float, towards: float) -> float:
    """Return the price just beside a jump, on the side of another price."""
    return jump * (1.0 + JUMP_EDGE) if towards > jump else jump * (1.0 - JUMP_EDGE)


@inlined
def crossing(
    c: Columns,
    ladder: LadderColumns,
    own: Chain,
    near: tuple[float, float],
    far: tuple[float, float],
) -> float:
    """Return the root between two (price, slack): positive at the near one, negative at the far."""
    inverse = c.instruments[c.rows[own[0] + own[1]]["ref"]]["inverse"] != 0
    low, below = (1.0 / far[0] if inverse else far[0]), far[1]
    high, above = (1.0 / near[0] if inverse else near[0]), near[1]
    flat = ROOT_PRECISION * (abs(below) + above)
    last, root = 0, low
    for _ in range(_STEPS_MAX):
        root = (low * above - high * below) / (above - below)
        slack, _ = slack_at(c, ladder, own, 1.0 / root if inverse else root)
        if abs(slack) <= flat or abs(high - low) <= ROOT_PRECISION * abs(root):
            break
        if slack < 0.0:
            low, below = root, slack
            above = 0.5 * above if last < 0 else above
            last = -1
        else:
            high, above = root, slack
            below = 0.5 * below if last > 0 else below
            last = 1
    return 1.0 / root if inverse else root


@inlined
def nearest_root(
    c: Columns,
    ladder: LadderColumns,
    own: Chain,
    start: tuple[float, float],
    limit: float,
) -> tuple[float, float, float, float]:
    """Return (root or not a number, least slack before the last jump, last jump, slack there).

    `start`: the present mark and the slack at it, positive. The least slacks are of the ends of
    the stretches between jumps, on the way to the root.
    """
    at, slack = start
    least, jumped, least_there = math.inf, at, slack
    while True:
        jump = next_jump(c, ladder, own, at, limit)
        price, is_end = (jump if jump == limit else beside(jump, at)), True
        before = 0.0
        for _ in range(2):  # the end of this stretch, then the beginning of the next
            found, _ = slack_at(c, ladder, own, price)
            if is_end:
                if found < 0.0:
                    root = crossing(c, ladder, own, (at, slack), (price, found))
                    return root, least, jumped, least_there
                if jump == limit:
                    return math.nan, least, jumped, least_there
                before, price, is_end = found, beside(jump, limit), False
        at, slack = price, found
        least, jumped = min(least, least_there), jump
        least_there = before
        if slack < 0.0:
            return jump, least, jumped, least_there
        least_there = min(before, slack)
