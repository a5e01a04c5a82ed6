"""An order book that a venue sends as a snapshot and differences."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeAlias

from monitor.feeds.numbers import canonical_non_negative, canonical_positive

VISIBLE_LEVELS = 50
LEVELS_MAX = 5_000

Level: TypeAlias = tuple[str, str]


class Side:
    """One side of a book: sizes by price; `sign` is 1 where the lowest price is best, -1 for bids.

    Beyond `LEVELS_MAX` the worst levels are forgotten.
    """

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[Decimal] = []
        self._levels: dict[Decimal, Level] = {}

    def apply(self, levels: Iterable[Level]) -> None:
        """Set the size at each price; size 0 removes the level. Raises ValueError: bad number."""
        for price_text, size_text in levels:
            price, size = canonical_positive(price_text), canonical_non_negative(size_text)
            key = self._sign * Decimal(price)
            if size != "0":
                if key not in self._levels:
                    insort(self._keys, key)
                self._levels[key] = (price, size)
            elif self._levels.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]
        for key in self._keys[LEVELS_MAX:]:
            del self._levels[key]
        del self._keys[LEVELS_MAX:]

    def best(self, count: int = VISIBLE_LEVELS) -> list[Level]:
        """Return the first `count` levels, best first, as [price, size]."""
        return [self._levels[key] for key in self._keys[:count]]

    def best_price(self) -> Decimal | None:
        """Return the best price; None when the side is empty."""
        return self._sign * self._keys[0] if self._keys else None


class Book:
    """Both sides; sizes are in contracts."""

    def __init__(self) -> None:
        self.bids = Side(-1)
        self.asks = Side(1)

    def apply(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Set sizes on both sides. Raises ValueError: the book is then half changed, drop it."""
        self.bids.apply(bids)
        self.asks.apply(asks)

    def is_crossed(self) -> bool:
        """Return whether the best bid is at or above the best ask: a book that cannot be."""
        bid, ask = self.bids.best_price(), self.asks.best_price()
        return bid is not None and ask is not None and bid >= ask
