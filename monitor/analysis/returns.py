"""Returns of a price on grids of event time, kept incrementally in bounded rings. Start here.

A grid cuts event time into cells of one length, counted from the epoch, UTC. The price of a cell
is the last one observed in it; a return is price / price before - 1 of two cells that follow each
other, known as soon as a later cell begins. It is a simple return: the loss of a linear position
of 1 long is its negative, as a fraction of the notional.

An outage leaves cells without a price. What the price did over it is one return, so it is kept as
one while at most `gap_cells_max` cells are missing (it is larger than one of a single cell, which
errs on the careful side) and dropped beyond; both are counted. A price older than the newest one
changes nothing and is counted, too.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A step of event time, and how many returns of it are kept at most."""

    name: str
    step_ns: int
    length_max: int
    gap_cells_max: int = 3

    @property
    def horizon_s(self) -> float:
        """Return the length of a cell in seconds."""
        return self.step_ns / 1e9


# A week of minutes, a year of hours, ten years of days: 180 kB an instrument.
GRIDS = (
    Grid(name="1m", step_ns=MINUTE_NS, length_max=10_080),
    Grid(name="1h", step_ns=HOUR_NS, length_max=8_784),
    Grid(name="1d", step_ns=DAY_NS, length_max=3_653),
)


@dataclass(slots=True, kw_only=True)
class ReturnCounts:
    """What became of the prices: `kept` returns, of them `spanning` a gap; the rest is left out.

    `dropped` gaps were too long to be one return; `late` prices were older than the newest one.
    """

    kept: int = 0
    spanning: int = 0
    dropped: int = 0
    late: int = 0


class ReturnRing:
    """The newest returns of one instrument on one grid; memory is bounded by the grid's length."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.counts = ReturnCounts()
        self._values = np.empty(grid.length_max)
        self._newest_ns = -1
        self._price = math.nan  # the last one, of the cell that is still open
        self._closed_cell = -1
        self._closed_price = math.nan

    def observe(self, event_ns: int, price: float) -> None:
        """Take a price of a moment. Raises ValueError for one that is not positive and finite."""
        if not 0.0 < price < math.inf:
            raise ValueError(f"expected a positive, finite price, received {price} at {event_ns}")
        if event_ns < self._newest_ns:
            self.counts.late += 1
            return
        step_ns = self.grid.step_ns
        if self._newest_ns >= 0 and event_ns // step_ns > self._newest_ns // step_ns:
            self._close(self._newest_ns // step_ns)
        self._newest_ns, self._price = event_ns, price

    def _close(self, cell: int) -> None:
        """Make the open cell the last closed one, and a return of the two."""
        if self._closed_cell >= 0:
            missing = cell - self._closed_cell - 1
            if missing > self.grid.gap_cells_max:
                self.counts.dropped += 1
            else:
                place = self.counts.kept % self.grid.length_max
                self._values[place] = self._price / self._closed_price - 1.0
                self.counts.kept += 1
                self.counts.spanning += missing > 0
        self._closed_cell, self._closed_price = cell, self._price

    def returns(self) -> Floats:
        """Return the returns, oldest first (a copy)."""
        kept, length = self.counts.kept, self.grid.length_max
        if kept <= length:
            return self._values[:kept].copy()
        start = kept % length
        return np.concatenate((self._values[start:], self._values[:start]))


class ReturnBook:
    """The rings of every instrument on every grid; at most `instruments_max` instruments."""

    def __init__(self, *, grids: tuple[Grid, ...] = GRIDS, instruments_max: int = 2_000) -> None:
        self.grids = grids
        self.instruments_max = instruments_max
        self.refused = 0  # prices of instruments beyond the maximum
        self._rings: dict[str, tuple[ReturnRing, ...]] = {}

    def observe(self, instrument: str, event_ns: int, price: float) -> None:
        """Take a price of an instrument; beyond the maximum it is counted as refused."""
        rings = self._rings.get(instrument)
        if rings is None:
            if len(self._rings) >= self.instruments_max:
                self.refused += 1
                return
            rings = tuple(ReturnRing(grid) for grid in self.grids)
            self._rings[instrument] = rings
        for ring in rings:
            ring.observe(event_ns, price)

    def forget(self, instrument: str) -> None:
        """Free what is kept of a delisted instrument."""
        self._rings.pop(instrument, None)

    def returns(self, instrument: str, grid: str) -> Floats:
        """Return an instrument's returns on the grid of this name; none of an unknown one."""
        for ring in self._rings.get(instrument, ()):
            if ring.grid.name == grid:
                return ring.returns()
        return np.empty(0)


def grid_returns(times_ns: Integers, prices: Floats, grid: Grid) -> tuple[Integers, Floats]:
    """Return the ends (ns) and the values of the returns of a whole history, all cells closed.

    The times must not run back and the prices must be positive. Equal to a ring that saw the same
    prices and then one of a later cell, without the ring's bound.
    """
    if len(times_ns) == 0:
        return np.empty(0, np.int64), np.empty(0)
    assert np.all(np.diff(times_ns) >= 0), "times run back"
    cells = times_ns // grid.step_ns
    last = np.flatnonzero(np.append(np.diff(cells) > 0, True))
    closes, cells = prices[last], cells[last]
    near = np.diff(cells) - 1 <= grid.gap_cells_max
    values = closes[1:] / closes[:-1] - 1.0
    return ((cells[1:] + 1) * grid.step_ns)[near], values[near]


def gaps(times_ns: Integers, grid: Grid) -> tuple[int, int]:
    """Return how many gaps of a history are one return each, and how many are left out."""
    missing = np.diff(np.unique(times_ns // grid.step_ns)) - 1
    spanned = (missing > 0) & (missing <= grid.gap_cells_max)
    return int(spanned.sum()), int((missing > grid.gap_cells_max).sum())
