"""What every policy would take in a shadow round: the fast twins of `monitor/core/deleveraging`.

In floats, for a whole side at once; lots for policies that split contracts, pnl for the others.
Ties go by the unit's number instead of the account's name. Without an `equity_min` in the live book
`pro-rata-pnl-capped` is `pro-rata-pnl`. `tests/analysis/test_splits.py` compares each with the
exact policy.
"""

import math

from monitor.analysis.rounds import Close, Room
from monitor.analysis.selection import (
    Counts,
    Water,
    foremost,
    highest,
    in_proportion,
    to_whole_lots,
)
from monitor.core.deleveraging.random_walk import VISITS_MAX
from monitor.core.margin.index.compile import apart

POLICIES = (
    "queue-bitmex",
    "queue-binance",
    "queue-hyperliquid",
    "random-walk",
    "pro-rata-contracts",
    "pro-rata-pnl",
    "pro-rata-pnl-capped",
    "risk-aware-pro-rata",
    "minimax-leverage",
    "minimax-leverage-factor",
    "severity-learner",
)
(
    BITMEX, BINANCE, HYPERLIQUID, RANDOM_WALK, CONTRACTS, PNL, PNL_CAPPED, RISK_AWARE, MINIMAX,
    MINIMAX_FACTOR, LEARNER,
) = range(len(POLICIES))  # fmt: skip
IN_PNL = (PNL, PNL_CAPPED, RISK_AWARE, LEARNER)
IN_WATER = (MINIMAX, MINIMAX_FACTOR)
SEED_WORDS = 8  # of 32 bits: a SHA-256


@apart
def splits_pnl(policy: int) -> bool:
    """Return whether a policy splits pnl, not contracts."""
    return policy in IN_PNL


@apart
def split(r: Room, close: Close, count: int, policy: int, chance: tuple[Counts, float]) -> None:
    """Write what a policy takes from each candidate.

    `chance`: the digest of the seed, and the severity learned.
    """
    for number in range(count):
        r.taken[number] = 0.0
        r.order[number] = number
    if policy <= HYPERLIQUID:
        _take_whole(r, close, count, policy)
    elif policy == RANDOM_WALK:
        _walk(r, close, count, chance[0])
    elif policy == CONTRACTS:
        in_proportion(r.size, r.spared, r.taken, count, close.lots)
        to_whole_lots(r.taken, r.key, r.order, count)
    elif policy in IN_WATER:
        _fill_water(r, close, count, policy)
    else:
        _cut_gains(r, close, count, policy, chance[1])


@apart
def leverage(r: Room, close: Close, number: int) -> float:
    """Return notional / equity, inf without equity."""
    equity = r.equity[number]
    return r.size[number] * close.worth / equity if equity > 0.0 else math.inf


@apart
def score(r: Room, close: Close, number: int, policy: int) -> float:
    """Return a candidate's place in a queue as a number."""
    if policy == BINANCE:
        left = r.wallet[number] + r.gain[number]
        if left <= 0.0:
            return math.inf
        profit = max(0.0, r.gain[number]) / max(1.0, r.wallet[number])
        return float(profit * r.maintenance[number] / left)
    own = leverage(r, close, number)
    if math.isinf(own):
        return own
    if policy == HYPERLIQUID:
        return float(r.price_ratio[number] * own)
    ratio = r.ratio[number]
    return float(ratio * own if ratio > 0.0 else ratio / own)


@apart
def _take_whole(r: Room, close: Close, count: int, policy: int) -> None:
    for number in range(count):
        r.key[number] = score(r, close, number, policy)
    full, part = foremost(r.key, r.lots, r.order, (0, count), close.lots)
    for number in range(full):
        r.taken[r.order[number]] = r.lots[r.order[number]]
    if full < count:
        r.taken[r.order[full]] = part


@apart
def _walk(r: Room, close: Close, count: int, digest: Counts) -> None:
    if not count:
        return
    start = 0
    for word in range(SEED_WORDS):
        start = ((start << 32) + digest[word]) % count
    rest = close.lots
    for visit in range(min(count, VISITS_MAX)):
        number = (start + visit) % count
        if r.equity[number] >= close.concession * r.size[number]:
            r.taken[number] = min(rest, r.lots[number])
            rest -= r.taken[number]


@apart
def _fill_water(r: Room, close: Close, count: int, policy: int) -> None:
    kept = 0
    for number in range(count):
        r.weight[number] = r.equity[number] / close.worth
        r.key[number] = r.exposure[number] if policy == MINIMAX_FACTOR else r.size[number]
        if r.spared[number] > 0.0:
            r.order[kept] = number
            kept += 1
    highest(Water(r.key, r.weight, r.spared, r.taken, r.order), kept, close.lots)


@apart
def _cut_gains(r: Room, close: Close, count: int, policy: int, severity: float) -> None:
    for number in range(count):
        gain = max(0.0, r.gain[number])
        r.weight[number] = gain
        r.key[number] = min(gain, r.equity[number])
        if policy == RISK_AWARE and r.equity[number] > 0.0:
            r.weight[number] = gain * leverage(r, close, number) ** 2
    budget = close.needed * severity if policy == LEARNER else close.needed
    in_proportion(r.weight, r.key, r.taken, count, budget)
