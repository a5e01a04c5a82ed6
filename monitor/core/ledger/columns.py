"""A table of rows in columns: free rows are used again, growth copies one column at a time.

Memory is reserved, not touched: the system maps a page when it is first written. So a table grows
by a large factor, and what a row costs is what its columns cost. Python reads and writes single
numbers through memoryviews (a third of the time that numpy takes for one); compiled code takes the
arrays behind them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

NONE = -1  # no row
GROWTH = 16
# Larger tables grow early, a column every 64 rows taken, while a sixteenth of the rows is left.
GROWN_AT_ONCE_MAX = 1 << 16
GROWN_EVERY = 64
ROWS_MAX = 1 << 31
LOW_BITS = 32

ACCOUNT = {
    "sequence": "i8",
    "owner": "i4",  # NONE: its own
    "bucket": "u2",  # its turn when an instrument is relisted: relisting.py
    "role": "u1",
    "flags": "u1",
    "held_events": "i4",
    "first_position": "i4",
    "first_balance": "i4",
    "unit": "i4",  # its cross margin unit, for whoever keeps units
}
POSITION = {
    "account": "i4",
    "instrument": "i4",  # NONE: the row is free
    "leg": "u1",
    "isolated": "u1",  # margin mode: 0 cross, 1 isolated
    "size": "i8",  # units of the instrument, > 0 long
    "mantissa": "i8",  # entry price: mantissa / 10^exponent, see entries.py
    "exponent": "i1",
    "entry": "f8",  # the same as a float
    "isolated_margin": "i8",  # minor units
    "next": "i4",  # position of the account
    "previous_holder": "i4",  # position in the instrument
    "next_holder": "i4",
}
BALANCE = {
    "asset": "i4",
    "units": "i8",  # minor units
    "next": "i4",  # balance of the account
}


class Layout:
    """Counts how often a column has come to lie elsewhere: arrays asked for before are old then."""

    __slots__ = ("moves",)

    def __init__(self) -> None:
        """Begin with none."""
        self.moves = 0


class Table:
    """Rows in columns. A row's number is its own until it is freed; `take` may give it again."""

    def __init__(
        self, kinds: Mapping[str, str], link: str, reserved: int, layout: Layout | None = None
    ) -> None:
        """Reserve rows; the column `link` also chains the free ones."""
        self._layout = layout or Layout()
        self.reserved = reserved
        self.used = 0  # rows that were ever taken
        self.live = 0  # rows that are taken now
        self.growths = 0  # how often more rows were needed than were reserved
        self.arrays: dict[str, NDArray[Any]] = {}
        self._link = link
        self._free = NONE
        self._short: list[str] = []  # columns that have yet to grow
        for name, kind in kinds.items():
            self._attach(name, np.zeros(reserved, kind))
        self._grow_from = _grow_from(reserved)

    def _attach(self, name: str, array: NDArray[Any]) -> None:
        """Let Python find a column's memoryview under the column's name."""
        self.arrays[name] = array
        self._layout.moves += 1
        setattr(self, name, array.data)
        if name == self._link:
            self._links = array.data

    def take(self) -> int:
        """Return a row for the caller to fill: what it held before is still in it."""
        row = self._free
        if row == NONE:
            row = self.used
            if row >= self._grow_from:
                self._grow()
            self.used = row + 1
        else:
            self._free = self._links[row]
        self.live += 1
        return row

    def free(self, row: int) -> None:
        """Give a row back."""
        self._links[row] = self._free
        self._free = row
        self.live -= 1

    def _grow(self) -> None:
        """Let the next column grow, all of a small table; then there are 16 times the rows."""
        size = min(GROWTH * self.reserved, ROWS_MAX)
        if size == self.reserved:
            raise OverflowError(f"expected at most {ROWS_MAX} rows of a table")
        self._short = self._short or list(self.arrays)
        self._grow_from += GROWN_EVERY
        while self._short:
            name = self._short.pop()
            column = self.arrays[name]
            longer = np.zeros(size, column.dtype)
            longer[: self.used] = column[: self.used]
            self._attach(name, longer)
            if self.reserved > GROWN_AT_ONCE_MAX:
                break
        if not self._short:
            self.reserved = size
            self._grow_from = _grow_from(size)
            self.growths += 1

    @property
    def row_bytes(self) -> int:
        """Return what a row costs."""
        return sum(column.itemsize for column in self.arrays.values())


def _grow_from(reserved: int) -> int:
    """Return the number of used rows at which a table of so many begins to grow."""
    return reserved if reserved <= GROWN_AT_ONCE_MAX else reserved - reserved // 16


class AccountTable(Table):
    """One row an account."""

    sequence: memoryview
    owner: memoryview
    bucket: memoryview
    role: memoryview
    flags: memoryview
    held_events: memoryview
    first_position: memoryview
    first_balance: memoryview
    unit: memoryview

    def __init__(self, reserved: int, layout: Layout | None = None) -> None:
        """Reserve rows."""
        super().__init__(ACCOUNT, "first_position", reserved, layout)


class PositionTable(Table):
    """One row a position."""

    account: memoryview
    instrument: memoryview
    leg: memoryview
    isolated: memoryview
    size: memoryview
    mantissa: memoryview
    exponent: memoryview
    entry: "memoryview[float]"
    isolated_margin: memoryview
    next: memoryview
    previous_holder: memoryview
    next_holder: memoryview

    def __init__(self, reserved: int, layout: Layout | None = None) -> None:
        """Reserve rows."""
        super().__init__(POSITION, "next", reserved, layout)


class BalanceTable(Table):
    """One row a balance that is not 0."""

    asset: memoryview
    units: memoryview
    next: memoryview

    def __init__(self, reserved: int, layout: Layout | None = None) -> None:
        """Reserve rows."""
        super().__init__(BALANCE, "next", reserved, layout)


def exact_sum(units: NDArray[Any]) -> int:
    """Return the sum of 64-bit integers, however wide: their upper and lower halves apart."""
    low = units & ((1 << LOW_BITS) - 1)
    return (int(np.sum(units >> LOW_BITS)) << LOW_BITS) + int(np.sum(low))
