"""What twelve breaker rules on each of 400 instruments cost an event.

Each instrument gets a mark every second of event time; six rules look at the largest move and six
at the distance to the mean, within 10 s to an hour (`small`: 40 instruments). All windows are full
before anything is measured; slices of 1,000 marks go through ours and the peers in turns. The first
peer keeps the same windows as plain deques and looks through them at every mark; the second keeps
the newest hour of all instruments in one NumPy array and evaluates every rule on every instrument
anew. Measures of all are compared. Not included: the margin of accounts, decoding.
"""

import tracemalloc
from collections import deque
from functools import partial
from itertools import islice

import numpy as np

from bench.measure import ROUNDS_MIN, Figure, Scale, main, seconds
from monitor.core.breaker_settings import PriceBandSettings, PriceVelocitySettings
from monitor.core.breakers.board import BreakerBoard
from monitor.core.events import MarkPriceChanged

INSTRUMENTS: dict[Scale, int] = {"small": 40, "full": 400}
LOOKBACKS_S = (10, 60, 300, 600, 1_800, 3_600)
SLICE = 1_000
SECOND_NS = 1_000_000_000
START_NS = 1_760_000_000 * SECOND_NS
RULES = [
    kind(name=f"{kind.__name__}-{lookback_s}", lookback_s=float(lookback_s), limit_ratio=0.5)
    for kind in (PriceVelocitySettings, PriceBandSettings)
    for lookback_s in LOOKBACKS_S
]
Measures = list[float]  # of the instrument of the newest mark, rule by rule


class Marks:
    """A mark of one instrument after the other, each moving by about a basis point."""

    def __init__(self, instruments: int) -> None:
        self._draw = np.random.default_rng(7)
        self._prices = self._draw.lognormal(3, 2, instruments)
        self._count = 0

    def next(self, count: int) -> list[MarkPriceChanged]:
        """Return the next marks."""
        made, instruments = [], len(self._prices)
        for move in self._draw.normal(0, 1e-4, count).tolist():
            second, number = divmod(self._count, instruments)
            self._prices[number] *= np.exp(move)
            made.append(
                MarkPriceChanged(
                    event_ns=START_NS + second * SECOND_NS,
                    instrument=f"COIN{number}-PERP",
                    price=f"{self._prices[number]:.6f}",
                )
            )
            self._count += 1
        return made


class Board:
    """Ours."""

    def __init__(self) -> None:
        self._board = BreakerBoard(RULES)

    def see(self, mark: MarkPriceChanged) -> None:
        """Take one mark, and look at every rule."""
        assert not self._board.mark_changed(mark, mark.event_ns), "expected a calm market"

    fill = see

    def measures(self, mark: MarkPriceChanged) -> Measures:
        """Return what every rule measured at the newest mark of an instrument."""
        breakers = self._board.breakers
        return [breakers[rule.name, mark.instrument].status.estimate for rule in RULES]


class Deques:
    """The same windows as plain deques of (time, price), one a rule and instrument."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], deque[tuple[int, float]]] = {}
        self._measures: dict[str, Measures] = {}

    def fill(self, mark: MarkPriceChanged) -> None:
        """Take one mark, without a look at the rules."""
        price = float(mark.price)
        for rule in RULES:
            window = self._windows.setdefault((rule.name, mark.instrument), deque())
            window.append((mark.event_ns, price))
            start_ns = mark.event_ns - int(rule.lookback_s) * SECOND_NS
            while window[0][0] < start_ns:
                window.popleft()

    def see(self, mark: MarkPriceChanged) -> None:
        """Take one mark, and look at every rule."""
        self.fill(mark)
        price, found = float(mark.price), []
        for rule in RULES:
            window = self._windows[rule.name, mark.instrument]
            prices = [point[1] for point in window]
            if isinstance(rule, PriceVelocitySettings):
                found.append(max(price / min(prices) - 1, 1 - price / max(prices)))
            else:
                mean = (sum(prices) - price) / (len(prices) - 1)
                found.append(abs(price / mean - 1))
        limit_ratio = RULES[0].limit_ratio
        assert limit_ratio is not None
        assert max(found) < limit_ratio
        self._measures[mark.instrument] = found

    def measures(self, mark: MarkPriceChanged) -> Measures:
        """Return what every rule measured at the newest mark of an instrument."""
        return self._measures[mark.instrument]


class Array:
    """The newest marks of all instruments, the newest last, evaluated as a whole."""

    def __init__(self, instruments: int) -> None:
        self._marks = np.zeros((instruments, max(LOOKBACKS_S) + 1))
        self._measures = np.zeros((len(RULES), instruments))

    def fill(self, mark: MarkPriceChanged) -> None:
        """Take one mark, without a look at the rules."""
        row = self._marks[_number(mark)]
        row[:-1] = row[1:]
        row[-1] = float(mark.price)

    def see(self, mark: MarkPriceChanged) -> None:
        """Take one mark, and look at every rule on every instrument."""
        self.fill(mark)
        newest = self._marks[:, -1]
        for place, rule in enumerate(RULES):
            window = self._marks[:, -int(rule.lookback_s) - 1 :]
            if isinstance(rule, PriceVelocitySettings):
                up, down = newest / window.min(axis=1) - 1, 1 - newest / window.max(axis=1)
                self._measures[place] = np.maximum(up, down)
            else:
                self._measures[place] = np.abs(newest / window[:, :-1].mean(axis=1) - 1)
        assert self._measures.max() < RULES[0].limit_ratio

    def measures(self, mark: MarkPriceChanged) -> Measures:
        """Return what every rule measured at the newest mark of an instrument."""
        return [float(one) for one in self._measures[:, _number(mark)]]


def _see_all(side: Board | Deques | Array, part: list[MarkPriceChanged]) -> None:
    for mark in part:
        side.see(mark)


def _number(mark: MarkPriceChanged) -> int:
    return int(mark.instrument.removeprefix("COIN").removesuffix("-PERP"))


def measure(scale: Scale) -> list[Figure]:
    """Return the figures."""
    instruments = INSTRUMENTS[scale]
    marks = Marks(instruments)
    board, deques, array = Board(), Deques(), Array(instruments)
    sides: list[Board | Deques | Array] = [board, deques, array]
    for mark in marks.next(instruments * (max(LOOKBACKS_S) + 1)):
        for side in sides:
            side.fill(mark)
    times_s: list[list[float]] = [[], [], []]
    for _ in range(ROUNDS_MIN):
        part = marks.next(SLICE)
        for side, taken_s in zip(sides, times_s, strict=True):
            taken_s.append(seconds(partial(_see_all, side, part)))
        wanted = board.measures(part[-1])
        for side in sides:
            assert np.allclose(side.measures(part[-1]), wanted, rtol=1e-9, atol=1e-12)
    ours_us, *peers_us = (min(taken_s) / SLICE * 1e6 for taken_s in times_s)
    names = ("the same windows in plain deques", "NumPy: every rule and instrument anew")
    compared = [
        Figure(name=name, value=ours_us, unit="us", peer=peer, peer_name=said, ratio=peer / ours_us)
        for name, peer, said in zip(
            ("breakers_vs_python", "breakers_vs_numpy"), peers_us, names, strict=True
        )
    ]
    return [*compared, _memory()]


def _memory() -> Figure:
    """Return what the twelve windows of one instrument hold when they are full."""
    instruments = 10
    parts = iter(Marks(instruments).next(instruments * (max(LOOKBACKS_S) + 1)))
    board = Board()
    for mark in islice(parts, instruments):
        board.see(mark)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for mark in parts:
        board.see(mark)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return Figure(name="memory_per_instrument", value=held / instruments / 1024, unit="kB")


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
