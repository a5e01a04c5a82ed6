"""Who trades on the exchange: a seeded population, documented in its numbers.

Deposits are log-normal (median 6,000 USD), leverage is log-normal and clipped to 1..24; longs
borrow more (median 4.2) than shorts (median 3). Of the clients 15 % trade the inverse contract
on BTC, 55 % the linear ones on USDT, some of them both, some with BTC beside their USDT, and
30 % hold a deposit and no position. A few owners hold several accounts. Market makers take the
other side, so that long = short.
"""

from dataclasses import dataclass

import numpy as np

ACCOUNTS = 2_000
IDLE_SHARE = 0.3
MARKET_MAKERS = 24
MARKET_MAKER_DEPOSIT_USD = 25_000_000.0
LEVERAGE_MIN, LEVERAGE_MAX = 1.0, 24.0
DEPOSIT_MIN_USD, DEPOSIT_MAX_USD = 200.0, 400_000.0


@dataclass(frozen=True, slots=True)
class Member:
    """An account's plan: what it deposits and what it wants to hold.

    `notionals` {instrument column: signed USD notional}; deposits in USD by asset column.
    """

    name: str
    owner: str
    market_maker: bool
    deposits_usd: dict[int, float]
    notionals: dict[int, float]


def members(generator: np.random.Generator, accounts: int = ACCOUNTS) -> list[Member]:
    """Return the population: market makers first, then clients."""
    makers = [
        Member(
            f"MM-{number:02d}",
            f"maker-{number // 2:02d}",
            market_maker=True,
            deposits_usd={0: MARKET_MAKER_DEPOSIT_USD, 1: MARKET_MAKER_DEPOSIT_USD},
            notionals={},
        )
        for number in range(1, MARKET_MAKERS + 1)
    ]
    owner = 0
    clients = []
    for number in range(1, accounts - MARKET_MAKERS + 1):
        if number == 1 or generator.random() >= 0.06:
            owner += 1
        clients.append(_client(generator, f"ACC-{number:04d}", f"owner-{owner:04d}"))
    return makers + clients


def _client(generator: np.random.Generator, name: str, owner: str) -> Member:
    deposit = float(
        np.clip(generator.lognormal(np.log(6_000.0), 1.1), DEPOSIT_MIN_USD, DEPOSIT_MAX_USD)
    )
    long = generator.random() < 0.52
    leverage = float(
        np.clip(generator.lognormal(np.log(4.2 if long else 3.0), 0.6), LEVERAGE_MIN, LEVERAGE_MAX)
    )
    side = 1.0 if long else -1.0
    choice = generator.random()
    if choice < 0.15:
        return Member(
            name,
            owner,
            market_maker=False,
            deposits_usd={1: deposit},
            notionals={2: side * deposit * leverage},
        )
    if choice > 1 - IDLE_SHARE:
        return Member(name, owner, market_maker=False, deposits_usd={0: deposit}, notionals={})
    coin_share = 0.3 if generator.random() < 0.1 else 0.0
    deposits = {0: deposit * (1 - coin_share)}
    if coin_share:
        deposits[1] = deposit * coin_share
    notional = side * deposit * leverage
    if choice < 0.24:
        notionals = {0: 0.5 * notional, 1: 0.5 * notional}
    else:
        notionals = {0 if choice < 0.48 else 1: notional}
    return Member(name, owner, market_maker=False, deposits_usd=deposits, notionals=notionals)
