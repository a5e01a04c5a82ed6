"""What accounts are worth at the current prices: floats to find, fractions to decide."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from monitor.replay.demo.ledger import Ledger

Floats = npt.NDArray[np.float64]


class Valuation:
    """Marks (ticks, by column) and USD prices of assets, applied to the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.marks = [1] * len(ledger.contracts)
        self.usd = [Fraction(1) for _ in ledger.assets]

    def usd_per_unit(self, asset: int) -> Fraction:
        """Return what one minor unit of an asset is worth in USD."""
        return self.usd[asset] / self.ledger.assets[asset].units_per_one

    def equity(self, account: int) -> Fraction:
        """Return the account's equity in USD, exact."""
        units = [Fraction(self.ledger.balance(account, asset)) for asset in range(len(self.usd))]
        for column in np.flatnonzero(self.ledger.sizes[account]):
            asset = self.ledger.settlement[column]
            units[asset] += self.ledger.unrealized(account, int(column), self.marks[column])
        return sum(
            (amount * self.usd_per_unit(asset) for asset, amount in enumerate(units)), Fraction(0)
        )

    def maintenance(self, account: int) -> Fraction:
        """Return the account's maintenance margin in USD, exact."""
        total = Fraction(0)
        for column in np.flatnonzero(self.ledger.sizes[account]):
            contract = self.ledger.contracts[column]
            size = self.ledger.size(account, int(column))
            needed = contract.maintenance_margin(size, self.marks[column])
            total += needed * self.usd[self.ledger.settlement[column]]
        return total

    def is_liquidatable(self, account: int) -> bool:
        """Return whether equity <= maintenance margin, with a position; exact."""
        return self.ledger.has_position(account) and self.equity(account) <= self.maintenance(
            account
        )

    def _column(self, column: int) -> tuple[float, float, float]:
        """Return contract size, mark and USD per settlement unit as floats."""
        contract = self.ledger.contracts[column]
        asset = self.ledger.settlement[column]
        return (
            float(contract.contract_size),
            float(contract.price(self.marks[column])),
            float(self.usd[asset]),
        )

    def profits(self, column: int) -> Floats:
        """Return every account's unrealized profit in one instrument, in USD."""
        size, mark, usd = self._column(column)
        contract = self.ledger.contracts[column]
        sizes = self.ledger.sizes[:, column].astype(np.float64)
        settled = sizes * size * mark if contract.kind == "linear" else -sizes * size / mark
        units = float(contract.settlement.units_per_one)
        return np.asarray((settled - self.ledger.costs[:, column] / units) * usd)

    def notionals(self, column: int) -> Floats:
        """Return every account's notional in one instrument, in USD, as magnitude."""
        size, mark, usd = self._column(column)
        sizes = np.abs(self.ledger.sizes[:, column]).astype(np.float64)
        if self.ledger.contracts[column].kind == "linear":
            return np.asarray(sizes * size * mark * usd)
        return np.asarray(sizes * size / mark * usd)

    def notional(self, account: int, column: int) -> Fraction:
        """Return a position's notional in USD, exact."""
        size = self.ledger.size(account, column)
        notional = self.ledger.contracts[column].notional(size, self.marks[column])
        return notional * self.usd[self.ledger.settlement[column]]

    def equities(self) -> Floats:
        """Return every account's equity in USD."""
        total = np.zeros(len(self.ledger.balances))
        for asset in range(len(self.usd)):
            total += self.ledger.balances[:, asset] * float(self.usd_per_unit(asset))
        for column in range(len(self.ledger.contracts)):
            total += self.profits(column)
        return total

    def maintenances(self) -> Floats:
        """Return every account's maintenance margin in USD."""
        total = np.zeros(len(self.ledger.balances))
        for column, contract in enumerate(self.ledger.contracts):
            usd = float(self.usd[self.ledger.settlement[column]])
            notional = self.notionals(column) / usd
            rates = np.zeros_like(notional)
            deductions = np.zeros_like(notional)
            for tier in reversed(contract.tiers):
                inside = notional <= (np.inf if tier.notional_max is None else tier.notional_max)
                rates[inside] = float(tier.maintenance_margin_rate)
                deductions[inside] = float(tier.deduction)
            total += np.maximum(0.0, notional * rates - deductions) * usd
        return total

    def suspects(self) -> list[int]:
        """Return the accounts that may be liquidatable, worst first; exact checks follow."""
        equities, maintenances = self.equities(), self.maintenances()
        held = self.ledger.sizes.any(axis=1)
        near = held & (equities <= maintenances * (1 + 1e-9) + 1e-6)
        found = np.flatnonzero(near)
        order = np.lexsort((found, equities[found] / np.maximum(maintenances[found], 1e-9)))
        return [int(account) for account in found[order]]
