"""`price_band_log_normal`: a trade at a price that is improbable, given the last mark.

The price after `horizon_s` is log-normal: of mean exponent (mu - sigma^2 / 2) T and deviation
sigma sqrt(T), with T in years of 365.25 days. The bounds hold `probability` between them, half of
the rest beyond each: mark x exp((mu - sigma^2 / 2) T -/+ z sigma sqrt(T)), z the standard normal
quantile of (1 + probability) / 2; the lower one is rounded up to the tick, the upper one down.
With a mark of 100, an hour, 0.99, sigma 1 and mu 0 the bounds are 97.3 and 102.7 on a tick of 0.1.
"""

import math
from fractions import Fraction
from statistics import NormalDist
from typing import Any, NamedTuple

from monitor.core.amounts import exact_text, to_fraction
from monitor.core.breaker_settings import PriceBandLogNormalSettings
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure

YEAR_S = 365.25 * 86_400


class Trade(NamedTuple):
    """The newest trade, the mark at that moment and the bounds around it."""

    event_ns: int
    price: Fraction
    mark: Fraction
    lower: Fraction
    upper: Fraction

    @property
    def bound(self) -> Fraction:
        """Return the bound that the trade is beyond, else the nearer one."""
        return self.upper if self.price * 2 >= self.lower + self.upper else self.lower


class PriceBandLogNormal:
    """The last trade of one instrument against the bounds around the mark before it."""

    trips_by_time = False  # a trade is measured against the mark before it

    def __init__(self, settings: PriceBandLogNormalSettings) -> None:
        """Begin without a price."""
        years = settings.horizon_s / YEAR_S
        center = (settings.mu - settings.sigma**2 / 2) * years
        width = settings.sigma * math.sqrt(years)
        width *= NormalDist().inv_cdf((1 + settings.probability) / 2)
        self.factors = Fraction(math.exp(center - width)), Fraction(math.exp(center + width))
        self.horizon_ns = round(settings.horizon_s * SECOND_NS)
        self._mark: str | None = None
        self._trade: Trade | None = None

    def bounds(self, mark: Fraction, tick: Fraction) -> tuple[Fraction, Fraction]:
        """Return the lowest and the highest price that are inside, whole ticks."""
        lower, upper = (mark * factor / tick for factor in self.factors)
        return math.ceil(lower) * tick, math.floor(upper) * tick

    def observe(self, now_ns: int, price: str, high: str | None, low: str | None) -> None:
        """Take one mark."""
        self._mark = price

    def observe_trade(self, now_ns: int, price: str, tick_size: str) -> None:
        """Take one trade; before the first mark there is nothing to measure it against."""
        if self._mark is not None:
            mark = to_fraction(self._mark)
            bounds = self.bounds(mark, to_fraction(tick_size))
            self._trade = Trade(now_ns, to_fraction(price), mark, *bounds)

    def pass_time(self) -> None:
        """Do nothing: a trade counts until the horizon has passed."""

    def _counted(self, now_ns: int) -> Trade | None:
        """Return the newest trade while it counts."""
        trade = self._trade
        return None if trade is None or now_ns > trade.event_ns + self.horizon_ns else trade

    def measure(self, now_ns: int) -> Measure:
        """Return the price of the newest trade and the bound on its side; 0 and 0 without one."""
        trade = self._counted(now_ns)
        if trade is None:
            return Measure(Fraction(0), Fraction(0), is_beyond=False, is_back=True)
        is_inside = trade.lower <= trade.price <= trade.upper
        return Measure(trade.price, trade.bound, not is_inside, is_inside)

    def estimate(self, now_ns: int) -> Estimate:
        """Return the trade's and the bound's distance from the mark, as shares of it."""
        trade = self._counted(now_ns)
        if trade is None:
            return Estimate(0.0, float(self.factors[1]) - 1, is_clear=True)
        measure = self.measure(now_ns)
        moved, allowed = (abs(float(price / trade.mark - 1)) for price in measure[:2])
        return Estimate(moved, allowed, not measure.is_beyond)

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Forget the trade: the next one is measured."""
        self._trade = None

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when the newest trade ceases to count."""
        trade = self._counted(now_ns)
        return None if trade is None else trade.event_ns + self.horizon_ns + 1

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        trade = self._trade
        return {
            "mark": self._mark,
            "trade": trade and [trade.event_ns, *(exact_text(price) for price in trade[1:])],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self._mark = state["mark"]
        if state["trade"] is not None:
            event_ns, *prices = state["trade"]
            self._trade = Trade(event_ns, *(to_fraction(text) for text in prices))
