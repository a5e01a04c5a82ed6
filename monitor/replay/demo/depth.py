"""A book of twenty levels a side that liquidations eat and time refills.

Level k lies `SPACING` x `GROWTH`^k away from the mark; what a level holds grows with its
distance. Orders that eat the book also push the mark itself away from the index: `premium`.
"""

import math
from dataclasses import dataclass, field

LEVELS = 20
SPACING = 0.0004
GROWTH = 1.28
REFILL_HALF_LIFE_S = 4.0
PREMIUM_HALF_LIFE_S = 3.0
PREMIUM_PER_BOOK = 0.05
PREMIUM_MAX = 0.03

OFFSETS = tuple(SPACING * GROWTH**level for level in range(LEVELS))
SHARES = tuple(
    (level + 1) / (LEVELS * (LEVELS + 1) / 2) for level in range(LEVELS)
)  # of the whole side


@dataclass(frozen=True, slots=True)
class Fill:
    """Part of an order: contracts and the price's distance from the mark (a ratio, > 0)."""

    size: int
    offset: float


@dataclass(slots=True)
class Depth:
    """The book of one instrument; `side_contracts` is what a calm side holds in all levels."""

    side_contracts: float
    liquidity: float = 1.0
    premium: float = 0.0
    eaten: dict[str, list[float]] = field(
        default_factory=lambda: {"bids": [0.0] * LEVELS, "asks": [0.0] * LEVELS}
    )

    def pass_time(self, seconds: float, liquidity: float) -> None:
        """Refill what was eaten, let the premium fade, and set how much of the book is there."""
        self.liquidity = liquidity
        kept = 0.5 ** (seconds / REFILL_HALF_LIFE_S)
        for side in self.eaten.values():
            side[:] = [amount * kept for amount in side]
        self.premium *= 0.5 ** (seconds / PREMIUM_HALF_LIFE_S)

    def levels(self, side: str) -> list[int]:
        """Return the contracts on each level of a side, nearest first."""
        eaten = self.eaten[side]
        return [
            max(0, math.floor(self.side_contracts * self.liquidity * share - eaten[level]))
            for level, share in enumerate(SHARES)
        ]

    def take(self, side: str, size: int, *, offset_max: float = math.inf) -> list[Fill]:
        """Eat `size` > 0 contracts of a side and return what was filled, in two parts at most.

        No level beyond `offset_max` is touched; the sum is smaller than `size` when what is
        allowed of the book is gone.
        """
        fills = [Fill(0, 0.0), Fill(0, 0.0)]
        left = size
        for level, there in enumerate(self.levels(side)):
            taken = min(left, there)
            if taken == 0 or OFFSETS[level] > offset_max:
                continue
            part = 0 if level < LEVELS // 2 else 1
            before = fills[part]
            total = before.size + taken
            mean = (before.size * before.offset + taken * OFFSETS[level]) / total
            fills[part] = Fill(total, mean)
            self.eaten[side][level] += taken
            left -= taken
        filled = size - left
        push = PREMIUM_PER_BOOK * filled / self.side_contracts
        push = -push if side == "bids" else push
        self.premium = min(PREMIUM_MAX, max(-PREMIUM_MAX, self.premium + push))
        return [fill for fill in fills if fill.size]
