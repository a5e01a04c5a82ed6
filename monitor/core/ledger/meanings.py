"""What margin makes of an asset and of an instrument, by the ledger's number of it.

Whoever values amounts writes it here once, and compiled code reads it with every row. A number
that comes to stand for another name has nothing told of it.
"""

import numpy as np
from numpy.typing import NDArray

from monitor.core.ledger.columns import Layout

# `counts` of an asset that is no collateral with a haircut.
NOT_AT_ALL, IN_FULL = -2, -1
ASSET_MEANING = np.dtype(
    [
        ("unit", "f8"),  # its minor unit
        ("counts", "i4"),  # a positive balance: NOT_AT_ALL, IN_FULL or the number of its haircut
        ("slot", "i4"),  # what values it, where that is needed
        ("told", "u1"),
    ],
    align=True,
)
INSTRUMENT_MEANING = np.dtype(
    [
        ("quantity", "f8"),  # of one unit of size
        ("margin_unit", "f8"),  # minor unit of its settlement currency
        ("margin_slot", "i4"),  # what values that currency
        ("terms", "i4"),  # the number of its terms
        ("told", "u1"),
    ],
    align=True,
)


class Meanings:
    """One record a number, of assets or of instruments."""

    def __init__(self, kind: np.dtype[np.void], layout: Layout) -> None:
        """Begin with nothing told."""
        self.records: NDArray[np.void] = np.zeros(64, kind)
        self._layout = layout

    def begin(self, number: int) -> None:
        """Take note that a number stands for another name."""
        if number >= len(self.records):
            longer = np.zeros(2 * len(self.records), self.records.dtype)
            longer[: len(self.records)] = self.records
            self.records = longer
            self._layout.moves += 1
        self.records["told"][number] = 0

    def forget(self) -> None:
        """Take note that everything may mean something else."""
        self.records["told"] = 0

    def is_told(self, number: int) -> bool:
        """Return whether a number's meaning is known."""
        return bool(self.records["told"][number])

    def tell(self, number: int, *meaning: float) -> None:
        """Say what a number means: the fields before `told`."""
        self.records[number] = (*meaning, 1)
