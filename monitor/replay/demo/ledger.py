"""The exchange's own books: exact integers, one row an account, one column an instrument.

Nothing is ever lost: the cost of the two sides of a trade is the same integer, and what a
reduction realizes is taken out of the cost of the rest. So balances + (value - cost) + funds
equals net deposits to the minor unit at every price, for linear and inverse contracts alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from monitor.replay.demo.contracts import Asset, Contract

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Change:
    """What one side of a trade did to an account: profit realized, in minor units."""

    account: int
    column: int
    realized: int


class Ledger:
    """Balances (minor units), sizes (contracts) and costs (minor units) of all accounts."""

    def __init__(
        self, contracts: Sequence[Contract], assets: Sequence[Asset], accounts: int
    ) -> None:
        self.contracts = tuple(contracts)
        self.assets = tuple(assets)
        self.balances: Integers = np.zeros((accounts, len(self.assets)), dtype=np.int64)
        self.sizes: Integers = np.zeros((accounts, len(self.contracts)), dtype=np.int64)
        self.costs: Integers = np.zeros((accounts, len(self.contracts)), dtype=np.int64)
        self.settlement = [self.assets.index(contract.settlement) for contract in self.contracts]

    def size(self, account: int, column: int) -> int:
        """Return a position's signed size in contracts."""
        return int(self.sizes[account, column])

    def balance(self, account: int, asset: int) -> int:
        """Return a balance in minor units."""
        return int(self.balances[account, asset])

    def add(self, account: int, asset: int, units: int) -> None:
        """Book `units` (minor units, signed) on a balance."""
        self.balances[account, asset] += units

    def trade(self, buyer: int, seller: int, column: int, size: int, ticks: int) -> list[Change]:
        """Book a trade of `size` > 0 contracts between two accounts at a price."""
        assert size > 0, f"expected a size above 0, received {size}"
        assert buyer != seller, f"expected two accounts, received {buyer} twice"
        cost = self.contracts[column].cost(size, ticks)
        return [
            self._book(buyer, column, size, cost),
            self._book(seller, column, -size, -cost),
        ]

    def _book(self, account: int, column: int, size: int, cost: int) -> Change:
        held = self.size(account, column)
        closing = min(abs(held), abs(size)) if held * size < 0 else 0
        realized = 0
        if closing:
            share = Fraction(closing, abs(size))
            leaving = round(cost * share)
            realized = self._reduce(account, column, closing, leaving)
            cost -= leaving
            size += closing if size < 0 else -closing
        if size:
            self.sizes[account, column] += size
            self.costs[account, column] += cost
        return Change(account, column, realized)

    def _reduce(self, account: int, column: int, closing: int, leaving: int) -> int:
        held, cost = self.size(account, column), int(self.costs[account, column])
        closed = round(Fraction(cost * closing, abs(held)))
        realized = -leaving - closed
        self.sizes[account, column] += -closing if held > 0 else closing
        self.costs[account, column] -= closed
        self.balances[account, self.settlement[column]] += realized
        return realized

    def unrealized(self, account: int, column: int, ticks: int) -> Fraction:
        """Return a position's profit at a price, in minor units, exact."""
        size = self.size(account, column)
        if size == 0:
            return Fraction(0)
        return self.contracts[column].value(size, ticks) - int(self.costs[account, column])

    def entry_price(self, account: int, column: int) -> Fraction | None:
        """Return the mean price of a position, null when there is none."""
        size = self.size(account, column)
        if size == 0:
            return None
        return self.contracts[column].entry_price(size, int(self.costs[account, column]))

    def has_position(self, account: int) -> bool:
        """Return whether the account holds anything."""
        return bool(self.sizes[account].any())
