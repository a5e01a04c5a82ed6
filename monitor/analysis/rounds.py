"""A shadow round: who would be bankrupt on a side, at which price, and who could bear it.

The price of one instrument is moved against one side, all others held. `worst`: to where the
nearest accounts that hold `OPEN_INTEREST_SHARE` of the side are bankrupt, and `GAP_RATIO` further,
because nothing is missing at the bankruptcy price itself; a stress moves it by a given share. What
is needed is what those accounts then owe; per lot that is the concession of a close at their mean
bankruptcy price. docs/model/shadow.md.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from monitor.analysis.positions import CANDIDATE, NOTHING, Positions, Terms
from monitor.analysis.selection import Counts, Floats, foremost, whole
from monitor.core.margin.index.compile import apart, inlined

OPEN_INTEREST_SHARE = 0.05
ACCOUNTS_MAX = 100
GAP_RATIO = 0.01
_WHOLE = ("place", "order", "losers")


class Room(NamedTuple):
    """What a round is worked out on; an element a position of the side at hand."""

    place: Counts  # of a candidate, among all positions
    order: Counts
    size: Floats
    lots: Floats  # whole ones
    spared: Floats  # of these, as many as leave its equity >= 0
    gain: Floats
    equity: Floats
    wallet: Floats
    maintenance: Floats
    spent: Floats  # of the equity, on closes at bankruptcy prices
    ratio: Floats  # gain / entry value
    price_ratio: Floats
    exposure: Floats  # in lots, in the direction of the position
    key: Floats
    weight: Floats
    taken: Floats
    losers: Counts  # the would-be bankrupt, places among all positions
    deficits: Floats  # of these
    banned: Counts  # by unit: the round in which it is bankrupt


class Close(NamedTuple):
    """The numbers of a round: signs, prices, what is asked.

    `direction`: 1 when winners are long. `needed` and `concession`: in all and per lot, valued;
    `lots`: the size of the would-be bankrupt, rounded up.
    """

    side: int
    direction: float
    price: float
    move: float
    worth: float  # of a lot at the price
    members: int
    lots: float
    needed: float
    concession: float


def make_room(positions: Positions, units: int) -> Room:
    """Return room for the largest side."""
    count = int(np.max(np.diff(positions.begins), initial=0)) + 1
    columns: Any = {
        name: np.zeros(count, np.int64 if name in _WHOLE else np.float64) for name in Room._fields
    }
    return Room(**columns | {"banned": np.full(units, -1, np.int64)})


@inlined
def lot_gain(t: Terms, instrument: int, before: float, after: float) -> float:
    """Return what a long lot gains, valued, while the price goes from one to another."""
    worth = t.lot[instrument] * t.value[instrument]
    if t.inverse[instrument]:
        return float(worth * (1.0 / before - 1.0 / after))
    return float(worth * (after - before))


@inlined
def lot_worth(t: Terms, instrument: int, price: float) -> float:
    """Return the notional of a lot, valued."""
    worth = t.lot[instrument] * t.value[instrument]
    return float(worth / price if t.inverse[instrument] else worth * price)


@inlined
def move_to_bankruptcy(t: Terms, p: Positions, row: int, side: int) -> float:
    """Return the adverse move of the price at which a unit's equity is used up, inf: never."""
    if p.equity[row] <= 0.0:
        return 0.0
    if p.net[row] <= 0.0:
        return math.inf
    instrument = side // 2
    ratio = p.equity[row] / (p.net[row] * lot_worth(t, instrument, t.mark[instrument]))
    if side % 2 == 0:
        if t.inverse[instrument]:
            return float(ratio / (1.0 + ratio))
        return float(ratio) if ratio < 1.0 else math.inf
    if t.inverse[instrument]:
        return float(ratio / (1.0 - ratio)) if ratio < 1.0 else math.inf
    return float(ratio)


@apart
def find_bankrupt(t: Terms, p: Positions, r: Room, side: int, stress: float) -> Close:
    """Find the would-be bankrupt of a side: the worst for stress 0, else those under water then."""
    instrument, sign = side // 2, 1.0 if side % 2 == 0 else -1.0
    mark = t.mark[instrument]
    stressed = sign * lot_gain(t, instrument, mark, mark * (1.0 - sign * stress))
    found, open_interest = 0, 0.0
    for row in range(p.begins[side], p.begins[side + 1]):
        open_interest += p.size[row]
        if p.role[row] == NOTHING:
            continue
        move = move_to_bankruptcy(t, p, row, side)
        if math.isinf(move) or (stress > 0.0 and not p.equity[row] + p.net[row] * stressed < 0.0):
            continue
        r.key[found] = -move
        r.weight[found] = p.size[row]
        r.place[found] = row
        r.order[found] = found
        found += 1
    members, move = found, stress
    if stress == 0.0:
        members = nearest(r, found, OPEN_INTEREST_SHARE * open_interest)
        for number in range(members):
            move = max(move, -r.key[r.order[number]])
    price = mark * (1.0 - sign * move)
    if stress == 0.0:
        price *= 1.0 - sign * GAP_RATIO
    fall = sign * lot_gain(t, instrument, mark, price)
    size, needed = 0.0, 0.0
    for number in range(members):
        row = r.place[r.order[number]]
        deficit = max(0.0, -(p.equity[row] + p.net[row] * fall))
        r.losers[number], r.deficits[number] = row, deficit
        r.banned[p.unit[row]] = side
        size += p.size[row]
        needed += deficit
    lots = math.ceil(size * (1.0 - 1e-12))
    concession = needed / lots if lots > 0.0 else 0.0
    worth = lot_worth(t, instrument, price)
    return Close(side, -sign, price, move, worth, members, lots, needed, concession)


@apart
def nearest(r: Room, found: int, asked: float) -> int:
    """Bring those nearest to bankruptcy that hold `asked` to the front; return how many, >= 1."""
    if found == 0:
        return 0
    whole_ones, _ = foremost(r.key, r.weight, r.order, (0, found), asked)
    members = min(found, whole_ones + 1)
    if members > ACCOUNTS_MAX:
        for number in range(members):
            r.weight[r.order[number]] = 1.0
        foremost(r.key, r.weight, r.order, (0, members), float(ACCOUNTS_MAX))
        members = ACCOUNTS_MAX
    return members


@apart
def gather_candidates(t: Terms, p: Positions, r: Room, close: Close) -> int:
    """Write the candidates on the other side as they are at the round's price; return how many."""
    side, instrument = close.side ^ 1, close.side // 2
    mark, price, sign = t.mark[instrument], close.price, close.direction
    rise = sign * lot_gain(t, instrument, mark, price)
    count = 0
    for row in range(p.begins[side], p.begins[side + 1]):
        if p.role[row] != CANDIDATE or r.banned[p.unit[row]] == close.side:
            continue
        size, entry = p.size[row], p.entry[row]
        equity = max(0.0, p.equity[row] + p.net[row] * rise)
        gain = sign * lot_gain(t, instrument, entry, price) * size
        r.place[count] = row
        r.size[count] = size
        r.lots[count] = whole(size)
        able = math.floor(equity / close.concession)
        r.spared[count] = min(r.lots[count], able)
        r.gain[count] = gain
        r.equity[count] = equity
        r.wallet[count] = p.wallet[row]
        r.maintenance[count] = p.maintenance[row]
        r.ratio[count] = gain / (size * lot_worth(t, instrument, entry))
        r.price_ratio[count] = price / entry if sign > 0.0 else entry / price
        r.exposure[count] = size + sign * p.other[row] / close.worth
        count += 1
    return count
