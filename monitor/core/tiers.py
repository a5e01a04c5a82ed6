"""Risk tiers: rates by notional, with deductions."""

from bisect import bisect_left
from fractions import Fraction

from monitor.core.amounts import to_fraction
from monitor.core.events import RiskTier

ZERO = Fraction(0)


class TierSchedule:
    """A size-dependent margin schedule: rates by notional, with deductions.

    The requirement is max(0, rate x notional - deduction) of the tier that holds the notional
    (upper bounds are inclusive; beyond the last one the last tier counts; without tiers it is 0).
    Without deductions in the definition they make the requirement continuous (Binance's `cum`):
    tiers of 1 % up to 1,000 and 2 % above have deductions 0 and 10, so 1,500 needs 20.
    """

    __slots__ = (
        "bounds", "deductions", "initial_deductions", "initial_rates", "jumps", "rates",
    )  # fmt: skip

    def __init__(self, tiers: list[RiskTier]) -> None:
        """Take the tiers in ascending order of `notional_max`."""
        self.bounds = [to_fraction(t.notional_max) for t in tiers if t.notional_max is not None]
        self.rates = [to_fraction(tier.maintenance_margin_rate) for tier in tiers]
        self.initial_rates = [to_fraction(tier.initial_margin_rate) for tier in tiers]
        self.initial_deductions = [to_fraction(tier.initial_deduction) for tier in tiers]
        self.deductions = self._deductions(tiers)
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

    def _jumping_bounds(self) -> list[Fraction]:
        """Return the bounds at which the venue's own deductions leave a jump."""
        return [
            bound
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

    def _tier(self, notional: Fraction) -> int:
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
