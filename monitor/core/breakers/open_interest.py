"""`open_interest`: how much is open, how fast that grows, and what it leans on.

Open interest is the smaller of the long and the short side: a trade that has been seen on one side
alone does not count yet. `measure` says what is watched of an instrument: `notional` (USD at the
mark; with scope `venue` the sum over instruments), `growth` (contracts / the fewest of the last
`lookback_s` - 1), `fund_ratio` (notional / balance of the instrument's fund, at most 1e9),
`largest_share` (what the largest owner holds of the more concentrated side). With 800 contracts
open and never fewer than 500 in the window, growth is 0.6; 4,000,000 USD on a fund of 250,000: 16.
"""

from fractions import Fraction
from typing import Any, NamedTuple

from monitor.core.amounts import exact_text, float_setting, to_fraction
from monitor.core.breaker_settings import OpenInterestSettings
from monitor.core.breakers.breaker import SECOND_NS, Estimate, Measure
from monitor.core.windows import ExtremesWindow

ZERO = Fraction(0)
RATIO_MAX = Fraction(1_000_000_000)


class Interest(NamedTuple):
    """What is open in one instrument: contracts; None: no price, no fund, or nobody asks for it."""

    contracts: Fraction
    notional_usd: Fraction | None
    fund_usd: Fraction | None
    largest_share: Fraction | None


class OpenInterest:
    """The open interest of one instrument, or of the venue."""

    trips_by_time = False  # the fewest contracts only leave the window

    def __init__(self, settings: OpenInterestSettings) -> None:
        """Begin without a position."""
        self.settings = settings
        self.limit = float_setting(settings.limit)
        release = settings.release
        self.release = self.limit if release is None else float_setting(release)
        self.notional_min = float_setting(settings.notional_min_usd)
        self.window = ExtremesWindow(round(settings.lookback_s * SECOND_NS))
        self._notionals: dict[str, Fraction] = {}
        self._notional = ZERO
        self._latest = ZERO  # of a fund or an owner

    def observe(self, now_ns: int, instrument: str, interest: Interest) -> None:
        """Take what is open in an instrument; without a price its notional stays what it was."""
        if interest.notional_usd is not None:
            self._notional += interest.notional_usd - self._notionals.get(instrument, ZERO)
            self._notionals[instrument] = interest.notional_usd
        if self.settings.measure == "growth":
            self.window.move_to(now_ns)
            if self.window.last is not None:
                self.window.add(now_ns, self.window.last[2])  # it was open until now
            self.window.add(now_ns, exact_text(interest.contracts))
        elif self.settings.measure == "fund_ratio" and interest.fund_usd is not None:
            is_covered = interest.fund_usd > 0
            ratio = self._notional / interest.fund_usd if is_covered else RATIO_MAX
            self._latest = min(RATIO_MAX, ratio) if self._notional else ZERO
        elif self.settings.measure == "largest_share":
            self._latest = interest.largest_share or ZERO

    def forget(self, instrument: str) -> None:
        """Forget a delisted instrument, whose positions are gone."""
        self._notional -= self._notionals.pop(instrument, ZERO)

    def pass_time(self) -> None:
        """Do nothing: what is open stays open."""

    def measure(self, now_ns: int) -> Measure:
        """Return what is watched, exactly."""
        value = self._value(now_ns)
        is_large = self._notional >= self.notional_min
        is_beyond, is_back = value > self.limit and is_large, value <= self.release or not is_large
        return Measure(value, self.limit, is_beyond, is_back)

    def _value(self, now_ns: int) -> Fraction:
        if self.settings.measure == "notional":
            return self._notional
        if self.settings.measure != "growth":
            return self._latest
        self.window.move_to(now_ns)
        if self.window.last is None:
            return ZERO
        is_empty = self.window.next_expiry_ns is None  # nothing has changed for so long
        fewest = ZERO if is_empty else to_fraction(self.window.low)
        return to_fraction(self.window.last[2]) / fewest - 1 if fewest else ZERO

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Let growth be measured from what is open now."""
        self.window.restart(now_ns)

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when the fewest contracts leave the window."""
        self.window.move_to(now_ns)
        return self.window.next_expiry_ns

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {
            "window": self.window.export_state(),
            "notionals": {name: str(worth) for name, worth in sorted(self._notionals.items())},
            "latest": str(self._latest),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.window.restore(state["window"])
        self._notionals = {name: Fraction(worth) for name, worth in state["notionals"].items()}
        self._notional = sum(self._notionals.values(), ZERO)
        self._latest = Fraction(state["latest"])
