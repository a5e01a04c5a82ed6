"""The newest visible book of each instrument, and what a sweep of it costs.

One book an instrument, at most 50 levels a side; an older one than is kept is passed over.
"""

from fractions import Fraction
from typing import Any, TypeAlias

import msgspec

from monitor.core.amounts import to_fraction
from monitor.core.contracts import unrealized_pnl
from monitor.core.events import DepthChanged
from monitor.core.instruments import Instrument
from monitor.core.plain import plain

# (price, contracts > 0), best first
Levels: TypeAlias = tuple[tuple[Fraction, Fraction], ...]
ZERO = Fraction(0)


class VisibleBooks:
    """What was last seen of each book."""

    def __init__(self) -> None:
        """Begin without any."""
        self._books: dict[str, DepthChanged] = {}

    def take(self, event: DepthChanged) -> None:
        """Take a whole book."""
        kept = self._books.get(event.instrument)
        if kept is None or kept.event_ns <= event.event_ns:
            self._books[event.instrument] = event

    def forget(self, instrument: str) -> None:
        """Forget a delisted instrument."""
        self._books.pop(instrument, None)

    def side(self, instrument: str, *, sells: bool, now_ns: int, age_max_ns: int) -> Levels | None:
        """Return the levels that who sells (buys) would meet; None: unknown, or too old."""
        book = self._books.get(instrument)
        if book is None or now_ns - book.event_ns > age_max_ns:
            return None
        told = book.bids if sells else book.asks
        levels = [(to_fraction(price), to_fraction(size)) for price, size in told]
        levels.sort(key=lambda level: -level[0] if sells else level[0])
        return tuple(level for level in levels if level[1])

    def export_state(self) -> list[Any]:
        """Return everything as plain values, by instrument."""
        return [plain(self._books[name]) for name in sorted(self._books)]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described."""
        for told in state:
            book = msgspec.convert(told, DepthChanged)
            self._books[book.instrument] = book


def sweep(levels: Levels, contracts: Fraction) -> Levels | None:
    """Return what an order of so many contracts takes of each level; None: not so many are seen.

    15 contracts against 10 at 99 and 20 at 98 take 10 at 99 and 5 at 98.
    """
    taken: list[tuple[Fraction, Fraction]] = []
    rest = contracts
    for price, size in levels:
        if rest <= 0:
            break
        taken.append((price, min(size, rest)))
        rest -= size
    return None if rest > 0 else tuple(taken)


def cost_against(
    instrument: Instrument, parts: Levels, reference: Fraction, *, sells: bool
) -> Fraction:
    """Return what fills lost (> 0) against a price, in the settlement currency.

    Selling 10 at 99 and 5 at 98 against 100 costs 10 + 10 = 20.
    """
    pnl = ZERO
    for price, contracts in parts:
        closed = contracts * instrument.contract_size * (1 if sells else -1)
        pnl += unrealized_pnl(instrument.kind, closed, reference, price)
    return -pnl
