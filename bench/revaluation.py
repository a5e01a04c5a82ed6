"""A plain revaluation of the generated book: NumPy for all units, rationals for one.

Written apart from the index's verdict function, of which it is to be the judge.
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.threshold_book import CALL_FACTOR, FLAT, TIERS, Book, Floats, Whole
from monitor.core.margin.index.columns import (
    BANKRUPT,
    COLLATERAL,
    HEALTHY,
    LIQUIDATABLE,
    MARGIN_CALL,
    POSITION,
)

HAIRCUT_SHARE = 0.9
# Where floats are this near to a boundary, relative to the sum of magnitudes, rationals decide.
NEAR = 1e-10


class Worth(NamedTuple):
    """What every unit has and must keep; `gross` is the sum of magnitudes."""

    equity: Floats
    maintenance: Floats
    gross: Floats


class Revaluation:
    """The items of a book in plain columns, and their value at the index's present prices."""

    def __init__(self, book: Book, *, full: bool) -> None:
        """Take the items; `full`: as of `make_book`."""
        self.columns = book.thresholds.columns
        self.count = len(book.constants)
        items = book.items
        self.positions = items[items["kind"] == POSITION]
        self.assets = items[items["kind"] != POSITION]
        terms = self.columns.instruments[self.positions["ref"]]
        self.inverse = terms["inverse"].astype(bool)
        self.mark, self.value = terms["mark"], terms["value"]
        self.fee = terms["fee"]
        self.tiers = TIERS if full else FLAT
        self.starts: Whole = np.searchsorted(self.positions["unit"], np.arange(self.count + 1))
        self.asset_starts: Whole = np.searchsorted(self.assets["unit"], np.arange(self.count + 1))
        refs, collateral = self.assets["ref"], self.assets["kind"] == COLLATERAL
        self.share = np.where(collateral, HAIRCUT_SHARE, 1.0)
        slots = refs.astype(np.int64)
        slots[collateral] = self.columns.haircuts["slot"][refs[collateral]]
        self.slots = slots

    def worth(self) -> Worth:
        """Return the worth of every unit in floats."""
        prices = self.columns.slots["price"]
        mark, value = prices[self.mark], prices[self.value]
        quantity, entry = self.positions["quantity"], self.positions["entry"]
        with np.errstate(divide="ignore"):
            notional = np.where(self.inverse, np.abs(quantity) / mark, np.abs(quantity) * mark)
            at_entry = np.where(self.inverse, np.abs(quantity) / entry, np.abs(quantity) * entry)
        gain = np.sign(quantity) * np.where(self.inverse, at_entry - notional, notional - at_entry)
        kept = notional * (np.where(self.inverse, FLAT[0][1], self._rate(notional)) + self.fee)
        kept -= np.where(self.inverse, 0.0, self._deduction(notional))
        own = self.assets["quantity"] * prices[self.slots]
        own = np.where(own > 0.0, own * self.share, own)
        units, holders = self.positions["unit"], self.assets["unit"]

        def total(where: NDArray[np.int32], amounts: Floats) -> Floats:
            return np.asarray(np.bincount(where, amounts, self.count), np.float64)

        equity = total(units, gain * value) + total(holders, own)
        gross = total(units, (notional + at_entry) * value) + total(holders, np.abs(own))
        return Worth(equity, total(units, kept * value), gross)

    def _rate(self, notional: Floats) -> Floats:
        bounds = [bound for bound, *_ in self.tiers[:-1]]
        return np.array([rate for _, rate, *_ in self.tiers])[np.searchsorted(bounds, notional)]

    def _deduction(self, notional: Floats) -> Floats:
        bounds = [bound for bound, *_ in self.tiers[:-1]]
        deductions = np.array([deduction for _, _, deduction, _ in self.tiers])
        return deductions[np.searchsorted(bounds, notional)]

    def states(self) -> tuple[NDArray[np.uint8], int]:
        """Return the state of every unit, and how many of them rationals had to decide."""
        worth = self.worth()
        states = np.full(self.count, HEALTHY, np.uint8)
        held = np.diff(self.starts) > 0
        states[held & (worth.equity < CALL_FACTOR * worth.maintenance)] = MARGIN_CALL
        states[held & (worth.equity < worth.maintenance)] = LIQUIDATABLE
        states[worth.equity < 0.0] = BANKRUPT
        near = np.flatnonzero(self.is_near(worth, 0.0, 1.0, CALL_FACTOR))
        for unit in near.tolist():
            states[unit] = self.exact_state(unit)
        return states, len(near)

    def is_near(self, worth: Worth, *factors: float) -> NDArray[np.bool_]:
        """Return which units floats cannot place on a side of a boundary."""
        band = NEAR * worth.gross
        near = np.zeros(self.count, bool)
        for factor in factors:
            near |= np.abs(worth.equity - factor * worth.maintenance) <= band
        return near

    def is_over(self, end_factor: float) -> tuple[NDArray[np.bool_], int]:
        """Return which units are clear of the end of a liquidation, and how many near it."""
        worth = self.worth()
        over = worth.equity > end_factor * worth.maintenance
        near = np.flatnonzero(self.is_near(worth, end_factor))
        for unit in near.tolist():
            over[unit] = self.exact_is_over(unit, end_factor)
        return over, len(near)

    def exact_is_over(self, unit: int, end_factor: float) -> bool:
        """Return the same of one unit, in rationals."""
        equity, maintenance = self.exact(unit)
        return equity > Fraction(end_factor) * maintenance

    def exact_state(self, unit: int) -> int:
        """Return the state of one unit, in rationals."""
        equity, maintenance = self.exact(unit)
        if equity < 0:
            return BANKRUPT
        if self.starts[unit] == self.starts[unit + 1]:
            return HEALTHY
        if equity <= maintenance:
            return LIQUIDATABLE
        return MARGIN_CALL if equity <= Fraction(CALL_FACTOR) * maintenance else HEALTHY

    def exact(self, unit: int) -> tuple[Fraction, Fraction]:
        """Return a unit's (equity, maintenance margin) in rationals."""
        prices = self.columns.slots["price"]
        equity = maintenance = Fraction(0)
        for number in range(self.asset_starts[unit], self.asset_starts[unit + 1]):
            own = Fraction(self.assets["quantity"][number]) * Fraction(prices[self.slots[number]])
            equity += own * Fraction(self.share[number]) if own > 0 else own
        for number in range(self.starts[unit], self.starts[unit + 1]):
            quantity = Fraction(self.positions["quantity"][number])
            entry = Fraction(self.positions["entry"][number])
            mark, value = Fraction(prices[self.mark[number]]), Fraction(prices[self.value[number]])
            if self.inverse[number]:
                notional, gain = abs(quantity) / mark, quantity / entry - quantity / mark
            else:
                notional, gain = abs(quantity) * mark, quantity * (mark - entry)
            tiers = FLAT if self.inverse[number] else self.tiers
            tier = next(tier for tier in tiers if notional <= tier[0])
            kept = notional * (Fraction(tier[1]) + Fraction(self.fee[number])) - Fraction(tier[2])
            equity += gain * value
            maintenance += kept * value
        return equity, maintenance
