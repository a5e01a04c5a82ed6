"""The liquidation ladders of the crash: clusters where leverage of 50, 25, 10, 5 and 3 ends."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from monitor.core.view import LadderLeftOutView, LadderUnits, LadderView, RungView

CLUSTERS = {0.014: 9e6, 0.034: 24e6, 0.09: 41e6, 0.17: 30e6, 0.30: 12e6}  # distance: notional
FARTHEST = 0.45
UNITS = LadderUnits(placed=1_900, liquidatable=60, unknown=7, exact_only=31)


@dataclass(frozen=True)
class CrashLadders:
    """One instrument with rungs, one that nobody holds, one with units left out alone, one new."""

    as_of_ns: int
    refreshed_ns: int
    mark_price: float
    fallen: float
    units: LadderUnits = UNITS

    def of(self, instrument: str) -> LadderView | None:
        """Return the ladder of an instrument of the crash; BTC-USD is not in the image yet."""
        if instrument == "BTC-USD":
            return None
        nothing = LadderLeftOutView(units=0, notional_usd=0.0)
        is_held, is_left = instrument == "BTC-PERP", instrument in ("BTC-PERP", "SOL-PERP")
        return LadderView(
            instrument=instrument,
            settlement_currency="USDT",
            mark_price=None if instrument == "ETH-PERP" else self.mark_price,
            below=tuple(self._rungs(-1, 1 - 0.5 * self.fallen)) if is_held else (),
            above=tuple(self._rungs(1, 0.6)) if is_held else (),
            liquidatable=LadderLeftOutView(units=round(60 * self.fallen), notional_usd=3_250_000.0)
            if is_left
            else nothing,
            unknown=LadderLeftOutView(units=7, notional_usd=None) if is_left else nothing,
            exact_only=LadderLeftOutView(units=31, notional_usd=812_000.0) if is_left else nothing,
        )

    def _rungs(self, sign: int, share: float) -> Iterator[RungView]:
        """Yield rungs whose notional gathers around the clusters."""
        near, cumulative = 0.0, 0.0
        while near < FARTHEST:
            far = near + max(0.0005, 0.05 * near)
            notional = share * sum(
                amount * (far - near) / (0.25 * at) * math.exp(-(((near - at) / (0.25 * at)) ** 2))
                for at, amount in CLUSTERS.items()
            )
            edges = sorted(self.mark_price * (1 + sign * at) for at in (near, far))
            if notional > 1_000:
                cumulative += notional
                yield RungView(
                    price_from=edges[0], price_to=edges[1], notional_usd=notional,
                    notional_settlement=notional, cumulative_usd=cumulative,
                    positions=1 + round(notional / 40_000),
                )  # fmt: skip
            near = far
