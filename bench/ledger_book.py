"""The generated book of the ledger's benchmark: accounts, positions, balances."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.restart import market_facts
from monitor.core.events import InstrumentListed
from monitor.core.instruments import Instrument

INSTRUMENTS = 400
Whole = NDArray[np.int64]


class Holdings(NamedTuple):
    """A generated book: the positions account by account, the first balance and the second (0)."""

    accounts: int
    owners: Whole  # of each position
    instruments: Whole
    sizes: Whole
    entries: Whole  # in hundredths
    margins: Whole  # minor units, 0: cross
    balances: Whole
    coins: Whole


def make_holdings(accounts: int) -> Holdings:
    """Return a book."""
    draw = np.random.default_rng(7)
    popularity = 1.0 / np.arange(1, INSTRUMENTS + 1)
    owners = np.repeat(np.arange(accounts), 1 + draw.poisson(2, accounts))
    chosen = draw.choice(INSTRUMENTS, len(owners), p=popularity / popularity.sum())
    pairs = np.unique(owners * INSTRUMENTS + chosen)
    count = len(pairs)
    isolated = draw.random(count) < 0.1
    second = draw.random(accounts) < 0.2
    return Holdings(
        accounts,
        pairs // INSTRUMENTS,
        pairs % INSTRUMENTS,
        draw.choice([-1, 1], count) * (1 + draw.lognormal(6, 1.5, count)).astype(np.int64),
        draw.integers(1_000, 10_000_000, count),
        np.where(isolated, draw.integers(1, 10**10, count), 0),
        draw.integers(1, 10**12, accounts),
        np.where(second, draw.integers(1, 10**9, accounts), 0),
    )


def make_instruments() -> list[Instrument]:
    """Return the instruments."""
    listed = next(each for each in market_facts() if isinstance(each, InstrumentListed))
    parts = {name: getattr(listed, name) for name in listed.__struct_fields__}
    return [
        Instrument(InstrumentListed(**(parts | {"instrument": f"COIN{number}-PERP"})))
        for number in range(INSTRUMENTS)
    ]


def name_of(number: int) -> str:
    """Return an account's name."""
    return f"account-{number:07d}"


def price_text(hundredths: int) -> str:
    """Return a price as decimal text."""
    return f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".")


def accounts_of(holdings: Holdings) -> Iterator[tuple[int, int, int, range]]:
    """Yield (number, balance, coins, its positions) account by account."""
    ends = np.searchsorted(holdings.owners, np.arange(holdings.accounts), "right")
    begin = 0
    for first in range(0, holdings.accounts, 10_000):
        part = slice(first, first + 10_000)
        columns = holdings.balances[part], holdings.coins[part], ends[part]
        for number, (balance, coins, end) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True), first
        ):
            yield number, balance, coins, range(begin, end)
            begin = end
