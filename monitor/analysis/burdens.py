"""How the burden of a shadow round lies, and whether its close would find counterparties."""

import math

from monitor.analysis.positions import Positions
from monitor.analysis.rounds import Close, Room
from monitor.analysis.selection import Floats, foremost, sort_descending
from monitor.analysis.splits import splits_pnl
from monitor.core.margin.index.compile import apart, inlined

# What is told of a plan: amounts in the valuation currency, `TAKEN` in the unit that it splits.
(
    COLLECTED, TAKEN, FRACTION_MAX, TOUCHED, LEVERAGE_MAX, HEDGES_BROKEN,
) = range(6)  # fmt: skip
BURDENS = 6
COUNTERPARTIES_MAX = 500
_ROUNDING = 1e-9
_SORTED_FIRST = 256  # counterparties; most closes need no more


@apart
def weigh(r: Room, close: Close, count: int, policy: int, told: Floats) -> None:
    """Write what is told of a policy's plan.

    The largest fraction of an equity is infinite where there is none; leverage left likewise.
    """
    in_pnl = splits_pnl(policy)
    collected, taken, fraction_max, touched, leverage_max, broken = 0.0, 0.0, 0.0, 0, 0.0, 0
    for number in range(count):
        own, equity = r.taken[number], r.equity[number]
        left, lost = (r.size[number], own) if in_pnl else (r.size[number] - own, 0.0)
        if left > 0.0:
            room = equity - lost
            leverage_max = max(leverage_max, left * close.worth / room if room > 0.0 else math.inf)
        if own <= 0.0:
            continue
        amount = own if in_pnl else own * close.concession
        collected += amount
        taken += own
        touched += 1
        fraction_max = max(fraction_max, amount / equity if equity > 0.0 else math.inf)
        if not in_pnl:
            hedge = r.size[number] - r.exposure[number]  # in lots, of the other direction
            naked = max(0.0, hedge - r.size[number])
            if hedge > 0.0 and max(0.0, hedge - left) > naked + _ROUNDING * hedge:
                broken += 1
    told[COLLECTED], told[TAKEN], told[FRACTION_MAX] = collected, taken, fraction_max
    told[TOUCHED], told[LEVERAGE_MAX], told[HEDGES_BROKEN] = touched, leverage_max, broken


@apart
def feasible_lots(
    p: Positions, r: Room, close: Close, count: int, counterparties_max: int
) -> float:
    """Return how many lots find counterparties at their account's own bankruptcy price.

    A counterparty closes at most its whole lots and stays solvent at that price; an account under
    water meets the largest of them first, `counterparties_max` at most; the worst account first.
    """
    for number in range(count):
        r.key[number] = r.spared[number]
        r.order[number] = number
        r.weight[number] = 1.0
        r.taken[number] = 0.0
    closed, first, known = 0.0, 0, 0
    for member in range(close.members):
        rest = p.size[r.losers[member]]
        per_lot = r.deficits[member] / rest if rest > 0.0 else 0.0
        visits, place = 0, first
        while rest > 0.0 and visits < counterparties_max:
            if place == known:
                known = _sort_on(r, count, known)
            if place == known:
                break
            part = _closable(r, r.order[place], rest, per_lot)
            if part > 0.0:
                visits += 1
                rest -= part
                closed += part
            if place == first and r.taken[r.order[place]] >= r.lots[r.order[place]]:
                first += 1
            place += 1
    return closed


@apart
def _sort_on(r: Room, count: int, known: int) -> int:
    """Sort the next largest counterparties behind those known; return how many are known then."""
    reach = min(count, known + max(_SORTED_FIRST, known))
    foremost(r.key, r.weight, r.order, (known, count), float(reach - known))
    sort_descending(r.key, r.order, (known, reach))
    return reach


@inlined
def _closable(r: Room, number: int, rest: float, per_lot: float) -> float:
    """Note and return what a counterparty closes of the rest of an account, and stays solvent."""
    able = r.lots[number] - r.taken[number]
    spent = r.spent[number] if r.taken[number] > 0.0 else 0.0
    if per_lot > 0.0:
        able = min(able, math.floor((r.equity[number] - spent) / per_lot))
    part = min(rest, max(0.0, able))
    if part > 0.0:
        r.taken[number] += part
        r.spent[number] = spent + part * per_lot
    return float(part)
