"""The stable price: follows an index slowly, and more slowly the further it has run away.

A price that is pumped for minutes hardly moves it: what was lent or margined against it stays what
it was. The rule and its constants are those of Mango v4; docs/model/oracles.md has worked numbers.
Times are whole seconds, numbers are floats in the order of the rule: the same on every machine.
"""

from decimal import Decimal
from typing import Any

from monitor.core.oracle_settings import StablePriceSettings

SECOND_NS = 1_000_000_000
STEP_S_MIN = 10  # a price that comes sooner after the last one that was taken is not looked at
STEP_S_MAX = 600  # more seconds without a price count as so many


class StablePrice:
    """The stable price of one index.

    `delayed`: a ring of delayed prices, the most delayed one at the interval of the last update.
    A first price is the stable price and every delayed one.
    """

    __slots__ = ("_delayed", "_interval", "_settings", "_sum", "_sum_s", "_updated_s", "price")

    def __init__(self, settings: StablePriceSettings, now_ns: int, price: str) -> None:
        """Begin at a first price."""
        self._settings = settings
        self.price = float(price)
        self._delayed = [self.price] * settings.delay_count
        self._updated_s = now_ns // SECOND_NS
        # The rule begins at interval 0, whatever the time: the first delayed price comes early.
        self._interval = 0
        self._sum, self._sum_s = 0.0, 0  # price x seconds of this interval, and its seconds

    @property
    def text(self) -> str:
        """Return the stable price as decimal text, exactly as the float is read back."""
        return _decimal(self.price)

    def update(self, now_ns: int, text: str) -> None:
        """Take the price of a moment; one that comes too soon after the last is not looked at."""
        now_s, price = now_ns // SECOND_NS, float(text)
        passed_s = now_s - self._updated_s
        if passed_s < STEP_S_MIN:
            return
        counted_s = float(min(passed_s, STEP_S_MAX))
        self._updated_s = now_s
        self._sum_s += passed_s
        self._sum += price * counted_s
        self._delay(now_s, passed_s)
        delayed = self._delayed[self._interval]
        ratio = self.price / delayed if delayed >= self.price else delayed / self.price
        growth = self._settings.growth_ratio_per_s * ratio * ratio * counted_s
        self.price = _within(price, self.price, growth)

    def _delay(self, now_s: int, passed_s: int) -> None:
        """Where an interval has ended, put its mean in place of the most delayed prices."""
        count, last = len(self._delayed), self._interval
        interval = now_s // self._settings.delay_s % count
        if interval == last:
            return
        mean = self._sum / self._sum_s
        newest = _within(mean, self._delayed[last - 1], self._settings.delay_growth_ratio)
        passed = (interval - last) % count
        if passed_s > count * self._settings.delay_s:
            passed = count
        for place in range(last, last + passed):
            self._delayed[place % count] = newest
        self._sum, self._sum_s, self._interval = 0.0, 0, interval

    def export_state(self) -> list[Any]:
        """Return everything as plain values; floats as the texts that they are read back from."""
        return [
            repr(self.price),
            self._updated_s,
            self._interval,
            repr(self._sum),
            self._sum_s,
            [repr(price) for price in self._delayed],
        ]

    @classmethod
    def from_state(cls, settings: StablePriceSettings, state: list[Any]) -> "StablePrice":
        """Return the stable price that `export_state` described.

        Under settings with another number of intervals it begins again at the price that it had.
        """
        price, updated_s, interval, sum_, sum_s, delayed = state
        stable = cls(settings, updated_s * SECOND_NS, price)
        if len(delayed) == settings.delay_count:
            stable._interval, stable._sum, stable._sum_s = interval, float(sum_), sum_s
            stable._delayed = [float(text) for text in delayed]
        return stable


def _within(target: float, before: float, growth: float) -> float:
    """Return the target, at most `growth` (a ratio) away from the price before."""
    return min(max(target, before * (1.0 - growth)), before * (1.0 + growth))


def _decimal(number: float) -> str:
    """Return a float as decimal text without exponent or trailing zeros."""
    text = format(Decimal(repr(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
