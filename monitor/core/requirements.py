"""What a position must keep: one class a margin model, exact.

A model takes the notional at the price that margins, and the size in base units. The size of a
linear or quanto position does not move with the price; that of an inverse one is its notional.
All amounts are in the currency of the notional. Formulas: docs/model/margin.md.
"""

from fractions import Fraction
from math import isqrt
from typing import Protocol

from monitor.core import events
from monitor.core.amounts import to_fraction
from monitor.core.events import InstrumentListed
from monitor.core.tiers import TierSchedule

ZERO, ONE = Fraction(0), Fraction(1)
ROOT_UNIT = 10**18
_ROOT_KEPT = Fraction(4, 5)  # share of the tier's rate below the square root


class MarginModel(Protocol):
    """The requirement of one position."""

    schedule: TierSchedule
    grows_with_size: bool
    scales_with_open_interest: bool

    def initial(self, notional: Fraction, size: Fraction, open_interest: Fraction) -> Fraction:
        """Return the initial margin; `open_interest` is the value of the larger side."""

    def maintenance(self, notional: Fraction, size: Fraction) -> Fraction:
        """Return the maintenance margin."""

    def breakpoints(self, size: Fraction | None) -> list[Fraction]:
        """Return the notionals at which the maintenance margin bends or jumps."""


class Tiered:
    """Rates by notional from the risk tiers."""

    grows_with_size = False
    scales_with_open_interest = False

    def __init__(self, schedule: TierSchedule) -> None:
        """Take the tiers."""
        self.schedule = schedule

    def initial(self, notional: Fraction, size: Fraction, open_interest: Fraction) -> Fraction:
        """Return notional x the tier's initial rate, a step at each bound."""
        del size, open_interest
        return self.schedule.initial(notional)

    def maintenance(self, notional: Fraction, size: Fraction) -> Fraction:
        """Return notional x rate - deduction of the tier."""
        del size
        return self.schedule.maintenance(notional)

    def breakpoints(self, size: Fraction | None) -> list[Fraction]:
        """Return the tiers' bounds, and where a deduction is used up."""
        del size
        return self.schedule.breakpoints()


class OpenInterestScaled(Tiered):
    """The tier's initial rate, scaled to 1 between two open-interest notionals (dYdX)."""

    def __init__(self, schedule: TierSchedule, model: events.OpenInterestScaled) -> None:
        """Take the tiers and the two notionals; an upper one of 0 switches the scaling off."""
        super().__init__(schedule)
        self.lower, self.upper = to_fraction(model.lower), to_fraction(model.upper)
        self.scales_with_open_interest = bool(self.upper)

    def initial(self, notional: Fraction, size: Fraction, open_interest: Fraction) -> Fraction:
        """Return notional x scaled rate: 2 % between 20M and 50M at 35M is 51 %."""
        del size
        rate, deduction = self.schedule.initial_terms(notional)
        if self.upper:
            share = (open_interest - self.lower) / (self.upper - self.lower)
            rate = min(ONE, rate + max(ZERO, min(ONE, share)) * (ONE - rate))
        return max(ZERO, notional * rate - deduction)


class SizeLinear:
    """Rate + rate_per_unit x size (Deribit); the risk tiers are not used."""

    grows_with_size = True
    scales_with_open_interest = False

    def __init__(self, schedule: TierSchedule, model: events.SizeLinear) -> None:
        """Take the rates of the model."""
        self.schedule = schedule
        self.initial_rate = to_fraction(model.initial_margin_rate)
        self.rate = to_fraction(model.maintenance_margin_rate)
        self.per_unit = to_fraction(model.rate_per_unit)

    def initial(self, notional: Fraction, size: Fraction, open_interest: Fraction) -> Fraction:
        """Return notional x (initial rate + rate_per_unit x size)."""
        del open_interest
        return notional * (self.initial_rate + self.per_unit * size)

    def maintenance(self, notional: Fraction, size: Fraction) -> Fraction:
        """Return notional x (rate + rate_per_unit x size): 1 % + 0.005 % x 100 is 1.5 %."""
        return notional * (self.rate + self.per_unit * size)

    def breakpoints(self, size: Fraction | None) -> list[Fraction]:
        """Return nothing: it neither bends nor jumps."""
        del size
        return []


class SquareRoot:
    """max(rate, 0.8 x rate + factor x sqrt(size)) for each rate of the tier (Drift).

    The root is cut to 18 decimals, so that every amount is a rational.
    """

    grows_with_size = True
    scales_with_open_interest = False

    def __init__(self, schedule: TierSchedule, model: events.SquareRoot) -> None:
        """Take the tiers and the factor."""
        self.schedule = schedule
        self.factor = to_fraction(model.factor)

    def _scaled(self, rate: Fraction, size: Fraction) -> Fraction:
        root = Fraction(isqrt(size.numerator * ROOT_UNIT**2 // size.denominator), ROOT_UNIT)
        return max(rate, _ROOT_KEPT * rate + self.factor * root)

    def initial(self, notional: Fraction, size: Fraction, open_interest: Fraction) -> Fraction:
        """Return notional x the scaled initial rate."""
        del open_interest
        rate, deduction = self.schedule.initial_terms(notional)
        return max(ZERO, notional * self._scaled(rate, size) - deduction)

    def maintenance(self, notional: Fraction, size: Fraction) -> Fraction:
        """Return notional x the scaled rate - deduction: 5 %, 0.01 and 9 units are 7 %."""
        rate, deduction = self.schedule.maintenance_terms(notional)
        return max(ZERO, notional * self._scaled(rate, size) - deduction)

    def breakpoints(self, size: Fraction | None) -> list[Fraction]:
        """Return the tiers' bounds, and for a fixed size where a deduction is used up."""
        if size is None:
            return self.schedule.bounds
        scaled = [self._scaled(rate, size) for rate in self.schedule.rates]
        return self.schedule.bends(scaled, self.schedule.deductions)


class SkewScaled:
    """Initial rate + size / skew_scale x ratio; maintenance is a share of it (Synthetix)."""

    grows_with_size = True
    scales_with_open_interest = False

    def __init__(self, schedule: TierSchedule, model: events.SkewScaled) -> None:
        """Take the tiers and the scale."""
        self.schedule = schedule
        self.per_unit = to_fraction(model.ratio) / to_fraction(model.skew_scale)
        self.scalar = to_fraction(model.maintenance_scalar)

    def initial(self, notional: Fraction, size: Fraction, open_interest: Fraction) -> Fraction:
        """Return notional x (initial rate + size / skew_scale x ratio)."""
        del open_interest
        rate, deduction = self.schedule.initial_terms(notional)
        return max(ZERO, notional * (rate + self.per_unit * size) - deduction)

    def maintenance(self, notional: Fraction, size: Fraction) -> Fraction:
        """Return the initial margin x maintenance_scalar."""
        return self.scalar * self.initial(notional, size, ZERO)

    def breakpoints(self, size: Fraction | None) -> list[Fraction]:
        """Return the tiers' bounds, and for a fixed size where a deduction is used up."""
        if size is None:
            return self.schedule.bounds
        scaled = [rate + self.per_unit * size for rate in self.schedule.initial_rates]
        return self.schedule.bends(scaled, self.schedule.initial_deductions)


def make_model(definition: InstrumentListed) -> MarginModel:
    """Return the margin model of an instrument."""
    schedule = TierSchedule(definition.risk_tiers)
    match definition.margin_model:
        case events.SizeLinear() as model:
            return SizeLinear(schedule, model)
        case events.SquareRoot() as model:
            return SquareRoot(schedule, model)
        case events.SkewScaled() as model:
            return SkewScaled(schedule, model)
        case events.OpenInterestScaled() as model:
            return OpenInterestScaled(schedule, model)
        case _:
            return Tiered(schedule)
