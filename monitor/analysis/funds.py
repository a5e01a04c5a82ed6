"""The insurance funds that an analysis knows: whose each is, and what they cannot pay."""

from typing import NamedTuple

import numpy as np

from monitor.analysis.positions import Counts, Floats


class Funds(NamedTuple):
    """By instrument the number of its own fund (-1: none); by fund what it has, and its name."""

    of: Counts
    balance: Floats  # in the valuation currency
    names: tuple[str, ...]

    def by_fund(self, losses: Floats) -> Floats:
        """Return losses (by instrument, the last of none) by fund; the last: of no fund."""
        own = np.append(np.where(self.of < 0, len(self.balance), self.of), len(self.balance))
        return np.bincount(own, losses, len(self.balance) + 1).astype(np.float64)

    def uncovered(self, shortfall: Floats) -> Floats:
        """Return what each fund cannot pay of its shortfall; the last: losses of no fund."""
        balance = np.append(self.balance, 0.0)
        short: Floats = np.maximum(0.0, shortfall - np.maximum(0.0, balance))
        return short
