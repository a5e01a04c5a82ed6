"""An instrument in the form that the core computes with: exact rationals and their floats."""

from bisect import bisect_left
from fractions import Fraction
from itertools import accumulate
from math import inf

from monitor.core.amounts import Unit, to_fraction
from monitor.core.events import InstrumentListed, RiskTier

# Bounds are compared in floats: a jump this near (relative) to the range counts as in it.
_MARGIN = 1.0 + 1e-9


class TierSchedule:
    """A size-dependent margin schedule: rates by notional, with deductions.

    The requirement is max(0, rate x notional - deduction) of the tier that holds the notional
    (upper bounds are inclusive; beyond the last one the last tier counts; without tiers it is 0).
    Without deductions in the definition they make the requirement continuous (Binance's `cum`):
    tiers of 1 % up to 1,000 and 2 % above have deductions 0 and 10, so 1,500 needs 20.
    """

    __slots__ = (
        "bounds", "deductions", "float_bounds", "float_deductions", "float_rates",
        "initial_deductions", "initial_rates", "jumps", "rates", "steepest_rates",
    )  # fmt: skip

    def __init__(self, tiers: list[RiskTier]) -> None:
        """Take the tiers in ascending order of `notional_max`."""
        self.bounds = [to_fraction(t.notional_max) for t in tiers if t.notional_max is not None]
        self.rates = [to_fraction(tier.maintenance_margin_rate) for tier in tiers]
        self.initial_rates = [to_fraction(tier.initial_margin_rate) for tier in tiers]
        self.initial_deductions = [to_fraction(tier.initial_deduction) for tier in tiers]
        self.deductions = self._deductions(tiers)
        self.float_bounds = [float(bound) for bound in self.bounds]
        self.float_rates = [float(rate) for rate in self.rates]
        self.float_deductions = [float(deduction) for deduction in self.deductions]
        self.steepest_rates = list(accumulate(self.float_rates, max))
        self.jumps = self._jumping_bounds()

    def _deductions(self, tiers: list[RiskTier]) -> list[Fraction]:
        if any(tier.maintenance_deduction is not None for tier in tiers):
            return [to_fraction(tier.maintenance_deduction or "0") for tier in tiers]
        deductions: list[Fraction] = []
        for number, rate in enumerate(self.rates):
            if number == 0:
                deductions.append(Fraction(0))
                continue
            step = self.bounds[number - 1] * (rate - self.rates[number - 1])
            deductions.append(deductions[-1] + step)
        return deductions

    def _jumping_bounds(self) -> list[float]:
        """Return the bounds at which the venue's own deductions leave a jump."""
        return [
            float(bound)
            for bound, before, rate, deduction_before, deduction in zip(
                self.bounds,
                self.rates,
                self.rates[1:],
                self.deductions,
                self.deductions[1:],
                strict=False,
            )
            if bound * (rate - before) != deduction - deduction_before
        ]

    def float_requirement(self, notional: float, stretch: float) -> tuple[float, float, float]:
        """Return the maintenance margin in floats, its gross, and how fast it can grow.

        The gross is the sum of the magnitudes that the subtraction was made of: what its
        rounding error scales with. The third number is the largest marginal rate while the
        notional stays within a factor `stretch`: infinite if a jump lies in that range.
        """
        rates, bounds = self.float_rates, self.float_bounds
        if not rates:
            return 0.0, 0.0, 0.0
        last = len(rates) - 1
        highest = tier = min(bisect_left(bounds, notional), last) if last else 0
        if tier < last and notional * stretch > bounds[tier]:
            highest = min(bisect_left(bounds, notional * stretch), last)
        steepest = self.steepest_rates[highest]
        for jump in self.jumps:
            if notional < jump * stretch * _MARGIN and jump < notional * stretch * _MARGIN:
                steepest = inf
        charged, deduction = notional * rates[tier], self.float_deductions[tier]
        requirement = charged - deduction
        return (requirement if requirement > 0.0 else 0.0), charged + deduction, steepest  # noqa: FURB136 (faster than max, once a position)

    def _tier(self, notional: Fraction) -> int:
        return min(bisect_left(self.bounds, notional), len(self.rates) - 1)

    def maintenance(self, notional: Fraction) -> Fraction:
        """Return the maintenance margin of a notional, exactly."""
        if not self.rates:
            return Fraction(0)
        tier = self._tier(notional)
        return max(Fraction(0), notional * self.rates[tier] - self.deductions[tier])

    def initial(self, notional: Fraction) -> Fraction:
        """Return the initial margin of a notional, exactly (a step at each bound)."""
        if not self.rates:
            return Fraction(0)
        tier = self._tier(notional)
        return max(Fraction(0), notional * self.initial_rates[tier] - self.initial_deductions[tier])

    def breakpoints(self) -> list[Fraction]:
        """Return the notionals where the maintenance margin bends, ascending.

        These are the tier bounds, and within each tier the point where the deduction is used up.
        """
        points = set(self.bounds)
        points |= {
            deduction / rate
            for rate, deduction in zip(self.rates, self.deductions, strict=True)
            if rate and deduction
        }
        return sorted(points)


def mark_key(instrument: str) -> str:
    """Return the key under which guards on an instrument's mark are kept."""
    return "mark:" + instrument


class Instrument:
    """A tradable contract; `definition` is what the venue said of it."""

    __slots__ = (
        "contract_size", "definition", "float_quantity_per_unit", "fund", "funding_in_margin",
        "guard_key",
        "index", "inverse", "kind", "lot_size", "name", "quantity_per_unit", "schedule",
        "settlement", "size_unit",
    )  # fmt: skip

    def __init__(self, definition: InstrumentListed) -> None:
        """Take the definition as listed."""
        self.definition = definition
        self.name = definition.instrument
        self.guard_key = mark_key(definition.instrument)
        self.kind = definition.kind
        self.inverse = definition.kind == "inverse"
        self.settlement = definition.settlement_currency
        self.fund = definition.fund
        self.index = definition.index
        self.funding_in_margin = definition.funding_in_margin
        self.contract_size = to_fraction(definition.contract_size)
        self.lot_size = to_fraction(definition.lot_size)
        self.size_unit = Unit(definition.size_unit or definition.lot_size)
        self.quantity_per_unit = self.contract_size * self.size_unit.value
        self.float_quantity_per_unit = float(self.quantity_per_unit)
        self.schedule = TierSchedule(definition.risk_tiers)

    def contracts(self, units: int) -> Fraction:
        """Return a size in contracts from its size units."""
        return units * self.size_unit.value
