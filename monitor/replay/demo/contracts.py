"""What an exchange trades, in integers: prices in ticks, money in minor units of an asset.

Both kinds have one form: a position has a `value` at a price and a `cost` (what its contracts
were worth when they were traded), both in minor units of the settlement asset and both signed
like the size for linear contracts, against it for inverse ones. Unrealized profit is always
`value - cost`. Worked number: 3 inverse contracts of 100 USD bought at 50,000 cost
-3 x 100 / 50,000 = -0.006 BTC; at 60,000 they are worth -0.005 BTC: a profit of 0.001 BTC.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from monitor.replay.demo.decimals import fraction_text


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset in integer minor units of 10^-digits; `index` null: one unit is worth 1 USD."""

    name: str
    digits: int
    index: str | None = None

    @property
    def units_per_one(self) -> int:
        """Return how many minor units are one unit of the asset."""
        return int(10**self.digits)


@dataclass(frozen=True, slots=True)
class Tier:
    """A step of the margin schedule; notionals in the quote (linear) or settlement (inverse)."""

    notional_max: int | None
    initial_margin_rate: Fraction
    maintenance_margin_rate: Fraction
    deduction: Fraction


def schedule(*steps: tuple[int | None, str, str]) -> tuple[Tier, ...]:
    """Return tiers (limit, initial rate, maintenance rate) with deductions that join them.

    A deduction is that of the tier before plus its limit x the rise of the maintenance rate.
    """
    tiers: list[Tier] = []
    for limit, initial, maintenance in steps:
        rate = Fraction(maintenance)
        deduction = Fraction(0)
        if tiers:
            before = tiers[-1]
            assert before.notional_max is not None
            deduction = before.deduction + before.notional_max * (
                rate - before.maintenance_margin_rate
            )
        tiers.append(Tier(limit, Fraction(initial), rate, deduction))
    return tuple(tiers)


@dataclass(frozen=True, slots=True)
class Contract:
    """An instrument of the exchange; `contract_size` in base (linear) or quote (inverse) units."""

    instrument: str
    kind: Literal["linear", "inverse"]
    base: str
    quote: str
    settlement: Asset
    contract_size: Fraction
    tick_size: Fraction
    tiers: tuple[Tier, ...]
    fund: str
    index: str | None

    def price(self, ticks: int) -> Fraction:
        """Return a price in the quote currency."""
        return ticks * self.tick_size

    def price_text(self, ticks: int) -> str:
        """Return a price in the quote currency as text."""
        return fraction_text(self.price(ticks))

    def ticks(self, price: float) -> int:
        """Return the price's nearest tick, at least one."""
        return max(1, round(price / float(self.tick_size)))

    def value(self, size: int, ticks: int) -> Fraction:
        """Return what `size` contracts are worth at a price: minor units, exact."""
        if self.kind == "linear":
            settled = size * self.contract_size * self.price(ticks)
        else:
            settled = -size * self.contract_size / self.price(ticks)
        return settled * self.settlement.units_per_one

    def cost(self, size: int, ticks: int) -> int:
        """Return `value` rounded half to even: what both sides of a trade book."""
        return round(self.value(size, ticks))

    def entry_price(self, size: int, cost: int) -> Fraction:
        """Return the mean price of an open position, from its size and cost."""
        settled = Fraction(cost, self.settlement.units_per_one)
        if self.kind == "linear":
            return settled / (size * self.contract_size)
        return -size * self.contract_size / settled

    def notional(self, size: int, ticks: int) -> Fraction:
        """Return the magnitude of a position: quote units (linear) or settlement units."""
        return abs(self.value(size, ticks)) / self.settlement.units_per_one

    def maintenance_margin(self, size: int, ticks: int) -> Fraction:
        """Return what must be kept for a position, in settlement units, never below 0."""
        notional = self.notional(size, ticks)
        for tier in self.tiers:
            if tier.notional_max is None or notional <= tier.notional_max:
                return max(Fraction(0), notional * tier.maintenance_margin_rate - tier.deduction)
        raise AssertionError(f"expected a last tier without a limit for {self.instrument}")

    def break_even(self, size: int, cost: int, margin: Fraction) -> Fraction | None:
        """Return the price, in ticks, at which the position loses all of `margin` (minor units).

        This is its bankruptcy price when `margin` is what the account has beside it; null when
        no positive price does it.
        """
        target = cost - margin  # the value at that price
        if self.kind == "linear":
            ticks = target / (size * self.contract_size * self.settlement.units_per_one)
        elif target == 0:
            return None
        else:
            ticks = -size * self.contract_size * self.settlement.units_per_one / target
        price = ticks / self.tick_size
        return price if price > 0 else None
