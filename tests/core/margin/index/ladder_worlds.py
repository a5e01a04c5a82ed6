"""Random exchanges with a ladder beside the index, and two slow twins of it.

By definition: exact rationals, every price from the mark outwards looked at, then bisected. Built
anew: the same units in a new ladder, for what may be wrong between refreshes.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np

from monitor.core.ledger import Position
from monitor.core.margin.book import MarginRules, MarginUnit
from monitor.core.margin.curve import Curve, Search, split
from monitor.core.margin.index.columns import AMOUNT, POSITION, Capacity
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.ladder import Ladder
from monitor.core.margin.index.ladder_columns import (
    CELL,
    EDGES,
    LEFT_EXACT,
    PLACED,
    REACHED,
    WINDOW,
    cell_of,
    first_cell,
    price_of,
)
from monitor.core.margin.index.terms import InstrumentTerms
from monitor.core.margin.totals import unit_totals
from tests.core.margin.index.worlds import World

LIQUIDATION = Search(Fraction(1), 1, False)
LOOKS = 300  # prices looked at on each side
NONE = -(1 << 30)  # the cell of no root
CAPACITY = Capacity(64, 256, 4, 2, 9000)


class Both:
    """An index and a ladder that are told the same, the ladder as often as asked."""

    def __init__(self, index: ThresholdIndex) -> None:
        self.index, self.ladder = index, Ladder(CAPACITY)
        self.told: list[tuple[str, tuple[Any, ...]]] = []  # what a new ladder needs
        self.items: dict[int, Any] = {}
        self.prices: dict[int, float] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.index, name)

    def _tell(self, name: str, *what: Any) -> Any:
        self.told.append((name, what))
        getattr(self.ladder, name)(*what)
        return getattr(self.index, name)(*what)

    def add_price(self, price: float) -> int:
        slot: int = self._tell("add_price", price)
        self.prices[slot] = price
        return slot

    def add_instrument(self, terms: Any) -> Any:
        return self._tell("add_instrument", terms)

    def add_collateral(self, slot: int, tiers: Any) -> Any:
        return self._tell("add_collateral", slot, tiers)

    def set_unit(self, unit: int, items: Any) -> Any:
        self.items[unit] = items
        self.ladder.set_unit(unit, items)
        return self.index.set_unit(unit, items)

    def remove_units(self, units: list[int]) -> None:
        for unit in units:
            del self.items[unit]
        self.ladder.remove_units(units)
        self.index.remove_units(units)

    def move(self, slots: list[int], prices: list[float], *, by_rescan: bool | None) -> Any:
        self.prices |= dict(zip(slots, prices, strict=True))
        self.ladder.move(slots, prices)
        return self.index.move(slots, prices, by_rescan=by_rescan)

    def anew(self) -> Ladder:
        """Return a ladder that was built now, with the windows of the one that is kept."""
        ladder = Ladder(CAPACITY)
        for name, what in self.told:
            getattr(ladder, name)(*what)
        ladder.move(list(self.prices), list(self.prices.values()))
        kept = self.ladder._ladder.middles
        ladder._ladder = ladder._ladder._replace(middles=kept.copy())
        for unit, items in self.items.items():
            ladder.set_unit(unit, items)
        return ladder


def cells_of(ladder: Ladder, unit: int) -> dict[int, tuple[int, int]]:
    """Return the absolute cells (down, up) of a unit's entries by instrument."""
    columns, own = ladder.columns, ladder._ladder
    begin = int(columns.begins[unit])
    head = columns.heads[begin]
    found: dict[int, tuple[int, int]] = {}
    for number in range(begin + 1 + int(head["assets"]), begin + 1 + int(head["count"])):
        ref = int(columns.rows[number]["ref"])
        middle = int(own.middles[columns.instruments[ref]["mark"]])
        cells = [int(cell) for cell in own.entries[number]]
        down, up = (
            NONE if cell == 0 else cell - 1 + first_cell(middle, side)
            for side, cell in enumerate(cells)
        )
        assert found.get(ref, (down, up)) == (down, up)
        found[ref] = (down, up)
    return found


def bucket_of(cell: int, mark: float, middle: int, side: int) -> int:
    """Return the bucket of a cell at a mark; of no cell, the one beyond the window's last."""
    if cell == NONE:
        cell = first_cell(middle, side) + (WINDOW if side else -1)
    offset = cell - cell_of(mark) if side else cell_of(mark) - cell
    return bisect_right(EDGES[side].tolist(), offset) - 1


class LadderWorld(World):
    """A world whose index is joined by a ladder."""

    index: Any

    def _fill(self) -> None:
        self.index = Both(self.index)
        super()._fill()

    def creep(self, width: float = 0.002) -> None:
        """Move a few prices a little."""
        count = self.chance.randint(1, 3)
        self._move(self.chance.sample(sorted(self.slots), count), width)

    def drifted(self) -> list[tuple[str, str, int, int, int]]:
        """Return each entry that is more than a bucket off what a new ladder says."""
        kept, anew = self.index.ladder, self.index.anew()
        own, columns = kept._ladder, kept.columns
        found = []
        for name in self.units:
            unit = self.numbers[name]
            stand, wanted = (int(x._ladder.standings[unit]) for x in (kept, anew))
            here, there = cells_of(kept, unit), cells_of(anew, unit)
            if stand != wanted and (stand, wanted) != (PLACED, REACHED):
                found.append((name, "standing", -1, stand, wanted))
            for ref, cells in here.items():
                slot = columns.instruments[ref]["mark"]
                mark, middle = float(columns.slots["price"][slot]), int(own.middles[slot])
                if math.isnan(mark):
                    continue
                buckets = [
                    [bucket_of(of[side], mark, middle, side) for side in range(2)]
                    for of in (cells, there[ref])
                ]
                if stand == wanted == PLACED:
                    off = max(abs(a - b) for a, b in zip(*buckets, strict=True))
                    if off > 1:
                        found.append((name, "entry", ref, *map(str, buckets)))  # type: ignore[arg-type]
                elif (stand, wanted) == (PLACED, REACHED) and min(buckets[0]) > 1:
                    found.append((name, "passed", ref, buckets[0][0], buckets[0][1]))
        return found

    def miscounted(self) -> bool:
        """Return whether the cells are not the sums of the entries of the units."""
        ladder, columns = self.index.ladder._ladder, self.index.ladder.columns
        counts = np.zeros_like(ladder.counts)
        sizes = np.zeros_like(ladder.sizes)
        for begin in columns.begins[columns.begins >= 0].tolist():
            for number in range(begin + 1, begin + 1 + int(columns.heads["count"][begin])):
                row = columns.rows[number]
                for side, cell in enumerate(ladder.entries[number].tolist()):
                    if cell:
                        counts[row["ref"], side, cell - 1] += 1
                        sizes[row["ref"], side, cell - 1] += abs(row["quantity"])
        return not (
            np.array_equal(counts, ladder.counts) and np.allclose(sizes, ladder.sizes, atol=1e-9)
        )

    def wrong(self) -> list[tuple[str, str, int, int, int]]:
        """Return each entry of the ladder, just refreshed, that exact rationals put elsewhere."""
        ladder = self.index.ladder
        found = []
        for name, unit in self.units.items():
            number = self.numbers[name]
            standing = int(ladder._ladder.standings[number])
            if standing != PLACED:
                assert standing == LEFT_EXACT or self._standing_is_right(unit, standing)
                assert all(cells == (NONE, NONE) for cells in cells_of(ladder, number).values())
                continue
            cells = cells_of(ladder, number)
            for position in unit.positions():
                ref = self.instruments[position.instrument.name]
                for side in range(2):
                    root = self.root(unit, position, side)
                    if not _agrees(root, cells[ref][side]):
                        found.append((name, position.instrument.name, side, cells[ref][side], root))
        return found  # type: ignore[return-value]

    def _standing_is_right(self, unit: MarginUnit, standing: int) -> bool:
        state = self.exact(unit)
        has_position = any(True for _ in unit.positions())
        return (
            (state == "unknown")
            or (not has_position)
            or (standing == REACHED and state in ("liquidatable", "bankrupt"))
        )

    def root(self, unit: MarginUnit, position: Position, side: int) -> float:
        """Return by definition where a unit becomes liquidatable on one side; nan: nowhere."""
        market = self.engine.market
        held = msgspec.structs.replace(self.engine.rules.settings, moves_with_index=False)
        rules = MarginRules(held)
        totals = unit_totals(unit, market, rules)
        assert totals is not None
        curve = split(unit, position, totals, market, rules)
        mark = market.marks[position.instrument.name].number
        slot = self.slots[position.instrument.name]
        middle = int(self.index.ladder._ladder.middles[slot])
        first = first_cell(middle, side)
        limit = price_of(first + WINDOW) if side else price_of(first)
        before = mark
        for price in _looked_at(curve, mark, limit):
            if _slack(curve, price) < 0:
                return _bisected(curve, before, price)
            before = price
        return math.nan


def _looked_at(curve: Curve, mark: float, limit: float) -> Iterator[float]:
    """Yield prices outwards: evenly in logs, and on both sides of every jump or bend."""
    from monitor.core.margin.curve import _breakpoints

    prices = [mark * (limit / mark) ** (number / LOOKS) for number in range(1, LOOKS + 1)]
    for point in _breakpoints(curve):
        prices += [float(point) * (1 + offset) for offset in (-1e-10, 1e-10)]
    inside = [
        p for p in prices if min(mark, limit) < p < max(mark, limit) or p == prices[LOOKS - 1]
    ]
    yield from sorted(inside, reverse=limit < mark)


def _slack(curve: Curve, price: float) -> Fraction:
    return curve.slack(Fraction(price), LIQUIDATION)


def _bisected(curve: Curve, near: float, far: float) -> float:
    for _ in range(60):
        middle = (near + far) / 2
        if _slack(curve, middle) < 0:
            far = middle
        else:
            near = middle
    return far


def _agrees(root: float, cell: int) -> bool:
    """Return whether a cell is the root's; at the edge of a cell rounding may say either."""
    if math.isnan(root):
        return cell == NONE
    place = math.log(root) / CELL
    return cell in (math.floor(place - 1e-4), math.floor(place + 1e-4))


def cells_before_a_jump() -> tuple[int, float]:
    """Return (cell found, nearest root) of a long that a jump of its requirement would heal.

    Long 60 at 12 with 660: 90 % is required above a notional of 510, 6 % below. The slack is
    6 p - 60 down to 510 / 60 = 8.5, then 56.4 p - 60: no more than 0 from 10 to 8.5 and from 1.06.
    """
    ladder = Ladder(CAPACITY)
    mark = ladder.add_price(12.0)
    tiers = ((510.0, 0.06, 0.0, 0.06), (math.inf, 0.9, 0.0, 0.9))
    future = ladder.add_instrument(InstrumentTerms(mark=mark, tiers=tiers, steps=(510.0,)))
    ladder.set_unit(0, [Item(AMOUNT, 0, 660.0), Item(POSITION, future, 60.0, 12.0)])
    return cells_of(ladder, 0)[future][0], 10.0
