"""Random crowds of units straight in columns: for proofs over millions of pairs."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.core.margin.index.columns import (
    AMOUNT,
    COLLATERAL,
    ITEM,
    POSITION,
    SIZE_LINEAR,
    SKEW_SCALED,
    SQUARE_ROOT,
    UNKNOWN,
    Capacity,
)
from monitor.core.margin.index.compile import compiled
from monitor.core.margin.index.index import ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms
from monitor.core.margin.index.verdict import end_slack, measure

INF = math.inf
CALL_FACTOR, END_FACTOR = 1.25, 1.6
TIERS = ((50.0, 0.01, 0.0, 0.01), (400.0, 0.04, 1.5, 0.04), (INF, 0.15, 45.5, 0.15))
JUMPS = ((120.0, 0.01, 0.0, 0.01), (500.0, 0.06, 2.0, 0.06), (INF, 1.0, 300.0, 1.0))
FLAT = ((INF, 0.05, 0.0, 0.05),)
MODELS = (
    InstrumentTerms(0, tiers=FLAT),
    InstrumentTerms(0, tiers=TIERS),
    InstrumentTerms(0, tiers=TIERS, fee=0.002),
    InstrumentTerms(0, tiers=JUMPS, steps=(120.0, 500.0)),
    InstrumentTerms(0, tiers=TIERS, at_entry=True),
    InstrumentTerms(0, tiers=TIERS, buffer=0.02),
    InstrumentTerms(0, tiers=TIERS, larger_leg=True, fee=0.002, buffer=0.01),
    InstrumentTerms(0, tiers=TIERS, closing_fee=0.3),
    InstrumentTerms(0, tiers=FLAT, closing_fee=0.1, after_fee=True, larger_leg=True),
    InstrumentTerms(0, model=SIZE_LINEAR, rate=0.02, per_unit=0.0003),
    InstrumentTerms(0, model=SQUARE_ROOT, tiers=TIERS, steps=(50.0, 400.0), per_unit=0.004),
    InstrumentTerms(0, model=SKEW_SCALED, tiers=JUMPS, steps=(120.0, 500.0), per_unit=2e-4),
)


class Crowd:
    """Units that share nothing: each has marks and a coin of its own, so all move at once."""

    def __init__(self, units: int, seed: int, *, share: float = 1.0) -> None:
        self.random = np.random.default_rng(seed)
        capacity = Capacity(units, units * 10, units * 5, units * 4)
        self.index = ThresholdIndex(CALL_FACTOR, capacity, end_factor=END_FACTOR)
        self.index.columns.rules["share"] = share
        self.units = np.arange(units)
        items: list[tuple[int, int, float, float, int]] = []
        for unit in range(units):
            items += self._unit(unit)
        self.index.set_units(np.array(items, ITEM))
        for unit in range(0, units, 2):
            self.index.set_ending(unit, ending=True)
        self.index.settle()

    def _unit(self, unit: int) -> list[tuple[int, int, float, float, int]]:
        draw, index = self.random, self.index
        coin = index.add_price(10.0 * math.exp(draw.normal(0, 0.2)))
        kind = draw.integers(0, 4)
        tiers = ((300.0, 0.95), (INF, 0.6)) if kind == 0 else ((INF, 0.9),)
        amount = (unit, coin, float(draw.normal(3, 10)), 0.0, AMOUNT)
        if kind < 2:
            own = index.add_collateral(coin, tiers)
            amount = (unit, own, float(draw.normal(3, 10)), 0.0, COLLATERAL)
        items = [(unit, 0, float(draw.normal(40, 90)), 0.0, AMOUNT)]
        items += [amount] if kind < 3 else []
        for _ in range(draw.integers(1, 4)):
            price = 10.0 * math.exp(draw.normal(0, 0.2))
            terms = MODELS[draw.integers(0, len(MODELS))]
            in_coin = draw.random() < 0.4
            inverse = draw.random() < 0.5 and not terms.closing_fee
            terms = terms._replace(
                mark=index.add_price(price),
                value=coin if in_coin else 0,
                inverse=bool(in_coin and inverse),
            )
            quantity = float(draw.choice([-40, -7, -1, 1, 4, 30]))
            quantity *= 10.0 if terms.inverse else 1.0
            entry = price * math.exp(draw.normal(0, 0.1))
            number = index.add_instrument(terms)
            items.append((unit, number, quantity, entry, POSITION))
            if terms.larger_leg:
                items.append((unit, number, -quantity * draw.uniform(0.2, 1.6), entry, POSITION))
        return items

    def safe_prices(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return for each slot the lowest and the highest price that crosses no guard."""
        columns = self.index.columns
        slots = columns.slots["price"]
        low, high = slots * math.exp(-2.0), slots * math.exp(2.0)
        low[0] = high[0] = 1.0  # the constant
        rows, where = rows_and_slots(columns)
        for name, reduce, bounds in (("lower", np.maximum, low), ("upper", np.minimum, high)):
            keys = rows[name]
            guarded = keys != 0
            prices = keys[guarded].astype(np.int32).view(np.float32).astype(np.float64)
            reduce.at(bounds, where[guarded], prices)
        return low, high

    def changed_inside(self, trials: int) -> tuple[int, int]:
        """Return (verdicts that changed, pairs looked at) at prices between the guards.

        Of a unit in liquidation its side of the end counts as a part of the verdict.
        """
        slots = self.index.columns.slots
        before, at_first = self.index.states(self.units), slots["price"].copy()
        side_before = self._sides_of_the_end()
        low, high = self.safe_prices()
        sure = low <= high  # not so of units in the float band
        changed = 0
        for trial in range(trials):
            part = self.random.random(len(slots))
            if trial % 3:  # corners: everything as far as it may go
                part = np.where(self.random.random(len(slots)) < 0.8, part.round(), part)
            moved = np.clip(low * (high / low) ** part, low, high)
            slots["price"] = np.where(sure, moved, at_first)
            now = self.index.verdicts(self.units)
            side = self._sides_of_the_end()
            differs = (now != before) | (side != side_before) & (side_before != 0)
            changed += int((differs & (before < UNKNOWN)).sum())
        slots["price"] = at_first
        return changed, trials * len(self.units)

    def _sides_of_the_end(self) -> NDArray[np.int64]:
        """Return 1 for a unit in liquidation that is clear of its end, -1 if not, 0 for others."""
        sides = np.zeros(len(self.units), np.int64)
        sides_of_the_end(self.index.columns, sides)
        return sides


@compiled
def sides_of_the_end(c: Any, sides: Any) -> None:
    """Write on which side of the end of its liquidation each unit is, 0 for one in none."""
    for unit in range(len(sides)):
        begin = c.begins[unit]
        if c.heads[begin]["ending"]:
            slack = end_slack(c, begin, measure(c, begin))
            sides[unit] = int(slack > 0.0) - int(slack < 0.0)


def rows_and_slots(columns: Any) -> tuple[Any, NDArray[np.int64]]:
    """Return the rows of all units and the slot that each watches."""
    begins = columns.begins[columns.begins >= 0]
    counts = columns.heads["count"][begins]
    numbers = np.concatenate(
        [
            np.arange(begin + 1, begin + 1 + count)
            for begin, count in zip(begins, counts, strict=True)
        ]
    )
    rows = columns.rows[numbers]
    ref, kind = rows["ref"], rows["kind"]
    where = ref.astype(np.int64)
    where[kind == POSITION] = columns.instruments["mark"][ref[kind == POSITION]]
    where[kind == COLLATERAL] = columns.haircuts["slot"][ref[kind == COLLATERAL]]
    return rows, where
