"""What a collateral pool holds, and what its winners have gained and not been paid.

A pool is a settlement currency. Gains are summed in whole minor units, each rounded on its own, so
the sum is the same however the accounts are divided.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.accounts import AccountEngine
from monitor.core.candidates import held_rows
from monitor.core.contracts import unrealized_pnl
from monitor.core.ledger.columns import exact_sum
from monitor.core.ledger.store import TRADER_ROLES
from monitor.core.market import Market

GAIN_MAX = 2.0**62  # of one position, in minor units, as every amount


class PoolPart(NamedTuple):
    """Of one shard or one pool, in minor units.

    `gains`: of every trader's winning position; `money`: balances and isolated margin of all.
    """

    gains: int
    money: int

    def plus(self, other: "PoolPart") -> "PoolPart":
        """Return both together."""
        return PoolPart(self.gains + other.gains, self.money + other.money)


def pools_of(market: Market) -> dict[str, list[str]]:
    """Return the instruments that are settled in each pool, in the order of names."""
    pools: dict[str, list[str]] = {}
    for name, listed in sorted(market.instruments.items()):
        pools.setdefault(listed.settlement, []).append(name)
    return pools


def pool_part(engine: AccountEngine, pool: str, instruments: list[str]) -> PoolPart:
    """Return what a shard has of a pool; an instrument without a mark has no gains."""
    margins = engine.ledger.store.positions.arrays["isolated_margin"]
    gains, money = 0, sum(engine.ledger.booked.get(pool, {}).values())
    for name in instruments:
        rows = held_rows(engine.ledger.store, name)
        money += exact_sum(margins[rows])
        gains += _gains(engine, name, rows)
    return PoolPart(gains, money)


def _gains(engine: AccountEngine, name: str, rows: NDArray[np.int64]) -> int:
    """Return the unrealized gains of some positions in an instrument."""
    store, market = engine.ledger.store, engine.market
    quote, columns = market.marks.get(name), store.positions.arrays
    if quote is None:
        return 0
    is_trader = np.isin(store.accounts.arrays["role"][columns["account"][rows]], TRADER_ROLES)
    rows = rows[is_trader & (columns["size"][rows] != 0)]
    total, unit = 0, float(market.unit(market.instruments[name].settlement).value)
    for number in store.numbers_of(name):  # two while it is relisted
        own = rows[columns["instrument"][rows] == number]
        terms = store.instruments[number]
        quantities = columns["size"][own] * terms.float_quantity_per_unit
        pnl = unrealized_pnl(terms.kind, quantities, columns["entry"][own], quote.number)
        total += exact_sum(np.rint(np.clip(pnl / unit, 0.0, GAIN_MAX)).astype(np.int64))
    return total
