"""Risk tiers: rates by notional, with deductions."""

from bisect import bisect_left
from fractions import Fraction
from itertools import accumulate
from math import inf

from monitor.core.amounts import to_fraction
from monitor.core.events import RiskTier

ZERO = Fraction(0)
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
        if self.jumps and _is_near(self.jumps, notional, stretch):
            steepest = inf
        charged, deduction = notional * rates[tier], self.float_deductions[tier]
        requirement = charged - deduction
        return (requirement if requirement > 0.0 else 0.0), charged + deduction, steepest  # noqa: FURB136 (faster than max, once a position)

    def bound_near(self, notional: float, stretch: float) -> bool:
        """Return whether a bound lies within a factor `stretch` of a notional."""
        return _is_near(self.float_bounds, notional, stretch)

    def _tier(self, notional: Fraction | float) -> int:
        return min(bisect_left(self.bounds, notional), len(self.rates) - 1)

    def maintenance_terms(self, notional: Fraction) -> tuple[Fraction, Fraction]:
        """Return (maintenance rate, deduction) of the tier that holds a notional."""
        if not self.rates:
            return ZERO, ZERO
        tier = self._tier(notional)
        return self.rates[tier], self.deductions[tier]

    def initial_terms(self, notional: Fraction) -> tuple[Fraction, Fraction]:
        """Return (initial rate, initial deduction) of the tier that holds a notional."""
        if not self.rates:
            return ZERO, ZERO
        tier = self._tier(notional)
        return self.initial_rates[tier], self.initial_deductions[tier]

    def float_terms(self, notional: float) -> tuple[float, float]:
        """Return `maintenance_terms` in floats."""
        if not self.rates:
            return 0.0, 0.0
        tier = self._tier(notional)
        return self.float_rates[tier], self.float_deductions[tier]

    def float_initial_terms(self, notional: float) -> tuple[float, float]:
        """Return `initial_terms` in floats."""
        if not self.rates:
            return 0.0, 0.0
        tier = self._tier(notional)
        return float(self.initial_rates[tier]), float(self.initial_deductions[tier])

    def maintenance(self, notional: Fraction) -> Fraction:
        """Return the maintenance margin of a notional, exactly."""
        rate, deduction = self.maintenance_terms(notional)
        return max(ZERO, notional * rate - deduction)

    def initial(self, notional: Fraction) -> Fraction:
        """Return the initial margin of a notional, exactly (a step at each bound)."""
        rate, deduction = self.initial_terms(notional)
        return max(ZERO, notional * rate - deduction)

    def breakpoints(self) -> list[Fraction]:
        """Return the notionals where the maintenance margin bends, ascending."""
        return self.bends(self.rates, self.deductions)

    def bends(self, rates: list[Fraction], deductions: list[Fraction]) -> list[Fraction]:
        """Return the tiers' bounds, and where within a tier a deduction is used up, ascending."""
        used_up = {
            deduction / rate
            for rate, deduction in zip(rates, deductions, strict=True)
            if rate and deduction
        }
        return sorted(used_up.union(self.bounds))


def _is_near(bounds: list[float], notional: float, stretch: float) -> bool:
    reach = stretch * _MARGIN
    return any(notional < bound * reach and bound < notional * reach for bound in bounds)
