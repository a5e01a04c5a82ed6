"""Shortfalls by wave: a reporting view. A pause of more than 5 s begins another wave.

Deficits are counted by account and episode before they come here, so an account that stays under
water through nine waves is in the first alone. What one event, one market, one collateral pool and
one wave lost are separate figures, never added together.
"""

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Any

from monitor.core.amounts import exact_text, rounded_text, to_fraction
from monitor.core.view import WaveView

GAP_NS = 5_000_000_000
WAVES_MAX = 1_000
LINES_MAX = 100_000  # waves, and markets, pools and episodes in them
WAVES_SHOWN = 100


@dataclass(slots=True)
class _Wave:
    """One wave as it grows; by pool in the pool's asset, else in the valuation currency."""

    number: int
    first_ns: int
    last_ns: int
    shortfalls: int = 0
    largest: Fraction = Fraction(0)
    by_market: dict[str, Fraction] = field(default_factory=dict)
    by_pool: dict[str, Fraction] = field(default_factory=dict)
    episodes: dict[str, None] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        """Return how many lines this takes."""
        return 1 + len(self.by_market) + len(self.by_pool) + len(self.episodes)

    def view(self) -> WaveView:
        """Return the wave in decimals."""
        return WaveView(
            number=self.number,
            first_event_ns=self.first_ns,
            last_event_ns=self.last_ns,
            shortfalls=self.shortfalls,
            episodes=len(self.episodes),
            wave_usd=rounded_text(sum(self.by_market.values(), Fraction(0))),
            largest_event_usd=rounded_text(self.largest),
            by_market_usd={name: rounded_text(self.by_market[name]) for name in self.by_market},
            by_pool={asset: exact_text(self.by_pool[asset]) for asset in self.by_pool},
        )


class Waves:
    """The newest waves."""

    def __init__(self) -> None:
        """Begin without any."""
        self._waves: deque[_Wave] = deque()
        self._count = 0
        self._lines = 0
        self._shown: tuple[WaveView, ...] | None = ()
        self.forgotten = 0

    def note(
        self, now_ns: int, place: tuple[str, str, str], amount: Fraction, worth: Fraction
    ) -> None:
        """Add a shortfall at (instrument, pool, episode); `worth` in the valuation currency."""
        instrument, pool, episode = place
        if not self._waves or now_ns - self._waves[-1].last_ns > GAP_NS:
            self._count += 1
            self._waves.append(_Wave(self._count, now_ns, now_ns))
            self._lines += 1
        wave = self._waves[-1]
        self._lines -= wave.lines
        wave.last_ns = now_ns
        wave.shortfalls += 1
        wave.largest = max(wave.largest, worth)
        wave.by_market[instrument] = wave.by_market.get(instrument, Fraction(0)) + worth
        wave.by_pool[pool] = wave.by_pool.get(pool, Fraction(0)) + amount
        wave.episodes[episode] = None
        self._lines += wave.lines
        while len(self._waves) > 1 and (len(self._waves) > WAVES_MAX or self._lines > LINES_MAX):
            self._lines -= self._waves.popleft().lines
            self.forgotten += 1
        self._shown = None

    def shown(self) -> tuple[WaveView, ...]:
        """Return the newest waves, newest first; made again only after a shortfall."""
        if self._shown is None:
            newest = islice(reversed(self._waves), WAVES_SHOWN)
            self._shown = tuple(wave.view() for wave in newest)
        return self._shown

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, oldest first."""
        return {
            "count": self._count,
            "forgotten": self.forgotten,
            "waves": [
                [
                    wave.number, wave.first_ns, wave.last_ns, wave.shortfalls,
                    _plain(wave.largest),
                    [[name, _plain(worth)] for name, worth in wave.by_market.items()],
                    [[asset, exact_text(amount)] for asset, amount in wave.by_pool.items()],
                    list(wave.episodes),
                ]
                for wave in self._waves
            ],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self._count, self.forgotten, self._shown = state["count"], state["forgotten"], None
        self._waves = deque(
            _Wave(
                number, first_ns, last_ns, shortfalls, _fraction(largest),
                {name: _fraction(worth) for name, worth in by_market},
                {asset: to_fraction(amount) for asset, amount in by_pool},
                dict.fromkeys(episodes),
            )
            for number, first_ns, last_ns, shortfalls, largest, by_market, by_pool, episodes
            in state["waves"]
        )  # fmt: skip
        self._lines = sum(wave.lines for wave in self._waves)


def _plain(amount: Fraction) -> list[str]:
    return [str(amount.numerator), str(amount.denominator)]


def _fraction(plain: list[str]) -> Fraction:
    return Fraction(int(plain[0]), int(plain[1]))
