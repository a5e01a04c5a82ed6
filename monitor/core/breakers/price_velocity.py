"""`price_velocity`: the largest move of a mark within a lookback.

up = high_now / min(window) - 1, down = 1 - low_now / max(window), over the points of the last
`lookback_s`; a first point has nothing to be measured against. With marks 100, 104, 93 inside
the window, down = 1 - 93 / 104 = 0.105769... With `limit_quote` the moves are differences of prices
instead: up = high_now - min(window), down = max(window) - low_now, here 11.
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting, to_fraction
from monitor.core.breaker_settings import PriceVelocitySettings
from monitor.core.breakers.breaker import ESTIMATE_BAND, SECOND_NS, Estimate, Measure
from monitor.core.decisions import BreakerBound
from monitor.core.windows import ExtremesWindow


class PriceVelocity:
    """The move of one instrument's mark."""

    trips_by_time = False  # points only leave the window

    def __init__(self, settings: PriceVelocitySettings) -> None:
        """Begin without a price."""
        self.settings = settings
        limit, release = settings.limit_ratio, settings.release_ratio
        self.is_absolute = settings.limit_quote is not None
        if self.is_absolute:
            limit, release = settings.limit_quote, settings.release_quote
        assert limit is not None, "expected one limit"
        self.limit = float_setting(limit)
        self.release = self.limit if release is None else float_setting(release)
        self._clear = float(self.limit) * (1 - ESTIMATE_BAND)
        self.window = ExtremesWindow(round(settings.lookback_s * SECOND_NS))
        self._now: tuple[str, str] | None = None  # high and low of the newest mark
        self._newest_ns: int | None = None
        self._earlier_ns: int | None = None  # of the mark before the newest one

    def observe(self, now_ns: int, price: str, high: str | None, low: str | None) -> None:
        """Take one mark, with the extremes that were coalesced into it."""
        self.window.move_to(now_ns)
        if high is None and low is None:
            self.window.add(now_ns, price)
            self._now = (price, price)
        else:
            for text in (high or price, low or price, price):
                self.window.add(now_ns, text)
            points = (price, high or price, low or price)
            self._now = (max(points, key=to_fraction), min(points, key=to_fraction))
        self._earlier_ns, self._newest_ns = self._newest_ns, now_ns

    def pass_time(self) -> None:
        """Count the newest mark by its price alone."""
        if self.window.last is not None:
            self._now = (self.window.last[2], self.window.last[2])

    def _is_first(self, now_ns: int) -> bool:
        """Return whether nothing earlier than the newest mark is in the window."""
        earlier_ns = self._earlier_ns
        return earlier_ns is None or earlier_ns < now_ns - self.window.lookback_ns

    def estimate(self, now_ns: int) -> Estimate:
        """Return `measure` in floats."""
        move = self._estimated_move(now_ns)
        # a difference of two prices is as uncertain as they are
        error = ESTIMATE_BAND * self.window.high_number if self.is_absolute and move else 0.0
        return Estimate(move, float(self.limit), move + error < self._clear)

    def _estimated_move(self, now_ns: int) -> float:
        self.window.move_to(now_ns)
        if self._now is None or self._is_first(now_ns):
            return 0.0
        high, low = self._now
        up = float(high) - self.window.low_number
        down = self.window.high_number - float(low)
        if not self.is_absolute:
            up, down = up / self.window.low_number, down / self.window.high_number
        if self.settings.direction != "both":
            return max(0.0, up if self.settings.direction == "up" else down)
        return max(0.0, up, down)

    def measure(self, now_ns: int) -> Measure:
        """Return the larger of the watched moves, exactly."""
        move = self._move(now_ns)
        return Measure(move, self.limit, move > self.limit, move <= self.release)

    def _move(self, now_ns: int) -> Fraction:
        self.window.move_to(now_ns)
        if self._now is None or self._is_first(now_ns):
            return Fraction(0)
        rise, fall = self._rise_and_fall(*self._now)
        watched = {"up": [rise], "down": [fall], "both": [rise, fall]}[self.settings.direction]
        return max(Fraction(0), *watched)

    def _rise_and_fall(self, high: str, low: str) -> tuple[Fraction, Fraction]:
        """Return how far the newest mark is from the extremes of the window, exactly."""
        lowest, highest = to_fraction(self.window.low), to_fraction(self.window.high)
        rise, fall = to_fraction(high) - lowest, highest - to_fraction(low)
        return (rise, fall) if self.is_absolute else (rise / lowest, fall / highest)

    def bounding_events(self, now_ns: int) -> list[BreakerBound]:
        """Return the extreme and the newest mark, which the larger watched move lies between."""
        if self._move(now_ns) == 0 or self._now is None or self._newest_ns is None:
            return []
        high, low = self._now
        rise, fall = self._rise_and_fall(high, low)
        rises = self.settings.direction == "up" or (
            self.settings.direction == "both" and rise >= fall
        )
        extreme_ns = self.window.low_ns if rises else self.window.high_ns
        extreme, newest = (self.window.low, high) if rises else (self.window.high, low)
        return [
            BreakerBound(role="extreme", event_ns=extreme_ns, value=extreme),
            BreakerBound(role="newest", event_ns=self._newest_ns, value=newest),
        ]

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Measure from the present mark on."""
        self.window.restart(now_ns)
        self.pass_time()
        if self._now is not None:
            self._earlier_ns, self._newest_ns = None, now_ns

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return when the older extreme leaves the window."""
        return self.window.next_expiry_ns

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values."""
        return {
            "window": self.window.export_state(),
            "now": None if self._now is None else list(self._now),
            "newest_ns": self._newest_ns,
            "earlier_ns": self._earlier_ns,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.window.restore(state["window"])
        self._now = None if state["now"] is None else (state["now"][0], state["now"][1])
        self._newest_ns, self._earlier_ns = state["newest_ns"], state["earlier_ns"]
