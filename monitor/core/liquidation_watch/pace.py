"""How fast liquidations go, beside the depth and the volume that take them up.

Sums over a window of declared length, in a ring of 60 buckets: what is older than the window less
one bucket is gone. Sizes are integers of 10^-18 contracts, so sums are exact in any order.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting, rounded_text
from monitor.core.events import LiquidationFilled, TradePrinted
from monitor.core.liquidation_view import PaceRecord
from monitor.core.liquidation_watch.visible_book import VisibleBooks
from monitor.core.liquidation_watch.waits import SECOND_NS
from monitor.core.market import Market
from monitor.core.settings import LiquidationWatchSettings

BUCKETS = 60
DECIMALS = 18
SCALE = 10**DECIMALS
DIRECTIONS = ("sell", "buy")


class RingSum:
    """The sum of what was added within a window, in 60 buckets of event time."""

    __slots__ = ("_amounts", "_bucket_ns", "_newest")

    def __init__(self, window_ns: int) -> None:
        """Begin empty."""
        self._bucket_ns = max(1, window_ns // BUCKETS)
        self._amounts = [0] * BUCKETS
        self._newest = 0

    def add(self, now_ns: int, amount: int) -> None:
        """Add an amount; time never goes back."""
        number = now_ns // self._bucket_ns
        for gone in range(max(self._newest + 1, number - BUCKETS + 1), number + 1):
            self._amounts[gone % BUCKETS] = 0
        self._newest = max(self._newest, number)
        self._amounts[number % BUCKETS] += amount

    def sum(self, now_ns: int) -> int:
        """Return the sum of the window that ends now; nothing changes by asking."""
        return sum(amount for _, amount in self._buckets(now_ns // self._bucket_ns))

    def _buckets(self, until: int) -> Iterator[tuple[int, int]]:
        for number in range(max(0, until - BUCKETS + 1), min(until, self._newest) + 1):
            if number > self._newest - BUCKETS and self._amounts[number % BUCKETS]:
                yield number, self._amounts[number % BUCKETS]

    def export_state(self) -> list[Any]:
        """Return the buckets that hold anything."""
        buckets = [[number, str(amount)] for number, amount in self._buckets(self._newest)]
        return [self._newest, buckets]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described."""
        self._newest, buckets = state
        for number, amount in buckets:
            self._amounts[number % BUCKETS] = int(amount)


class _Rings:
    """One instrument: contracts liquidated and traded, by the direction of who takes liquidity."""

    __slots__ = ("liquidated", "traded")

    def __init__(self, window_ns: int) -> None:
        self.liquidated = {name: RingSum(window_ns) for name in DIRECTIONS}
        self.traded = {name: RingSum(window_ns) for name in (*DIRECTIONS, "other")}

    def all(self) -> list[RingSum]:
        """Return every ring, in one order."""
        return [*self.liquidated.values(), *self.traded.values()]


class Pace:
    """Liquidation flow of every instrument that trades; one entry an instrument."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rings: dict[str, _Rings] = {}
        self._window_ns = 0
        self.settings = LiquidationWatchSettings()

    def use(self, settings: LiquidationWatchSettings) -> None:
        """Take settings; another window begins empty."""
        self.settings = settings
        window_ns = round(settings.pace_window_s * SECOND_NS)
        if window_ns != self._window_ns:
            self._rings.clear()
        self._window_ns = window_ns

    def trade(self, event: TradePrinted, now_ns: int) -> None:
        """Take a trade between any two accounts."""
        direction = event.aggressor if event.aggressor in DIRECTIONS else "other"
        self._of(event.instrument).traded[direction].add(now_ns, _scaled(event.size))

    def fill(self, event: LiquidationFilled, now_ns: int) -> None:
        """Take a fill of a liquidation."""
        size = _scaled(event.size)
        direction = "sell" if size < 0 else "buy"
        self._of(event.instrument).liquidated[direction].add(now_ns, abs(size))

    def forget(self, instrument: str) -> None:
        """Forget a delisted instrument."""
        self._rings.pop(instrument, None)

    def _of(self, instrument: str) -> _Rings:
        if instrument not in self._rings:
            self._rings[instrument] = _Rings(self._window_ns)
        return self._rings[instrument]

    def records(self, books: VisibleBooks, market: Market, now_ns: int) -> tuple[PaceRecord, ...]:
        """Return the pace of every instrument and direction with liquidations in the window."""
        found = []
        for name, rings in sorted(self._rings.items()):
            for direction, ring in rings.liquidated.items():
                flow = Fraction(ring.sum(now_ns), SCALE)
                if flow:
                    traded = {key: one.sum(now_ns) for key, one in rings.traded.items()}
                    depth = self.depth(name, direction, (books, market), now_ns)
                    found.append(self._record((name, direction), flow, traded, depth))
        return tuple(found)

    def depth(
        self, instrument: str, direction: str, seen: tuple[VisibleBooks, Market], now_ns: int
    ) -> Fraction | None:
        """Return the visible contracts within the price bound of the mark, None if unknown."""
        books, market = seen
        quote, sells = market.marks.get(instrument), direction == "sell"
        age_max_ns = round(self.settings.depth_age_max_s * SECOND_NS)
        levels = books.side(instrument, sells=sells, now_ns=now_ns, age_max_ns=age_max_ns)
        if quote is None or levels is None:
            return None
        bound = float_setting(self.settings.pace_price_ratio) * (-1 if sells else 1)
        limit = quote.exact * (1 + bound)
        inside = (size for price, size in levels if (price >= limit if sells else price <= limit))
        return sum(inside, Fraction(0))

    def _record(
        self, what: tuple[str, str], flow: Fraction, traded: dict[str, int], depth: Fraction | None
    ) -> PaceRecord:
        settings = self.settings
        volume, same = Fraction(sum(traded.values()), SCALE), Fraction(traded[what[1]], SCALE)
        safe = None
        if depth is not None:
            steps = float_setting(settings.pace_window_s) / float_setting(settings.pace_step_s)
            safe = depth * float_setting(settings.pace_depth_ratio) * steps
        return PaceRecord(
            instrument=what[0],
            direction=what[1],
            window_s=rounded_text(float_setting(settings.pace_window_s)),
            liquidated_contracts=rounded_text(flow),
            traded_contracts=rounded_text(volume),
            traded_same_direction_contracts=rounded_text(same),
            depth_contracts=None if depth is None else rounded_text(depth),
            safe_contracts=None if safe is None else rounded_text(safe),
            of_volume_ratio=_share(flow, volume),
            of_depth_ratio=_share(flow, depth),
            of_safe_ratio=_share(flow, safe),
        )

    def export_state(self) -> list[Any]:
        """Return everything as plain values, by instrument."""
        return [
            self._window_ns,
            [
                [name, [ring.export_state() for ring in rings.all()]]
                for name, rings in sorted(self._rings.items())
            ],
        ]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described; another window than then begins empty."""
        window_ns, told = state
        for name, rings in told if window_ns == self._window_ns else ():
            for ring, plain in zip(self._of(name).all(), rings, strict=True):
                ring.restore(plain)


def _scaled(text: str) -> int:
    """Return a decimal text in units of 10^-18."""
    whole, _, decimals = text.partition(".")
    return int(whole + decimals.ljust(DECIMALS, "0"))


def _share(part: Fraction, whole: Fraction | None) -> str | None:
    """Return part / whole; None where there is no whole."""
    return rounded_text(part / whole) if whole else None
