"""Does the threshold index ever give a wrong verdict, or miss one? Against brute force.

`checkpoints`: streams of single moves and gaps of all prices over the whole book, every unit
compared with a plain revaluation at random moments. `sequence`: the changes of state, one by one,
are those of a rescan after each tick. One unit in a hundred is in liquidation, and its side of the
end is compared too. Ends with an error at the first difference: a figure of 0 is a result.
"""

import sys
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.measure import Figure, Scale, main
from bench.revaluation import Revaluation
from bench.threshold_book import (
    CALL_FACTOR,
    Book,
    Floats,
    Stream,
    make_book,
    make_stream,
)
from monitor.core.margin.index.columns import UNDECIDED, Records

ACCOUNTS = {"small": (20_000, 5_000), "full": (1_000_000, 100_000)}
TICKS = {"small": 1_000, "full": 20_000}
# (drift, volatility) of a move, and how many: at small and at full scale.
STREAMS = {
    "volatile": (0.0, 5e-4, 10_000, 100_000),
    "calm": (0.0, 1e-4, 20_000, 200_000),
    "crash": (-2e-4, 2e-4, 3_000, 30_000),
}
CHECKPOINTS = 8
GAP = 0.7  # prices after a gap, of before
END_FACTOR = 1.6
ENDING_EVERY = 100


class WrongError(AssertionError):
    """The index and brute force do not agree."""


class Watched:
    """A book whose changes of state are followed as the engine would."""

    def __init__(self, accounts: int, *, full: bool) -> None:
        """Make the book and put one unit in a hundred into liquidation."""
        self.book: Book = make_book(accounts, full=full)
        self.index = self.book.thresholds
        self.index.use_rules(CALL_FACTOR, END_FACTOR)
        self.index.set_units(self.book.items)
        self.truth = Revaluation(self.book, full=full)
        self.units = np.arange(self.truth.count, dtype=np.int32)
        self.ending = self.units[::ENDING_EVERY]
        for unit in self.ending.tolist():
            self.index.set_ending(unit, ending=True)
        self.over, _ = self.truth.is_over(END_FACTOR)
        self.changes = self.decided = self.ends = 0
        for unit in np.flatnonzero(self.index.states(self.units) == UNDECIDED).tolist():
            self.index.decide(unit, self.truth.exact_state(unit))
        self.states = self.index.states(self.units)

    def prices(self) -> Floats:
        """Return the marks."""
        return np.asarray(self.index.columns.slots["price"][self.book.marks]).copy()

    def take(self, reported: Records) -> list[tuple[int, int, int]]:
        """Decide what the index asks; return the changes of state: (step, unit, state)."""
        found = []
        for step, unit, _, after in reported.tolist():
            state = after
            if after == UNDECIDED:
                self.decided += 1
                state = self.truth.exact_state(unit)
                self.index.decide(unit, state)
            if unit % ENDING_EVERY == 0:
                over = self.truth.exact_is_over(unit, END_FACTOR)
                self.ends += over != self.over[unit]
                self.over[unit] = over
            if state != self.states[unit]:
                self.states[unit] = state
                found.append((step, unit, state))
        self.changes += len(found)
        return found

    def run(self, stream: Stream, first: int, end: int) -> list[tuple[int, int, int]]:
        """Apply moves of a stream; return the changes of state."""
        found = []
        slots, prices = stream.slots[:end], stream.prices[:end]
        while first < end:
            first, reported = self.index.move_each(slots, prices, first)
            found += self.take(reported)
        return found

    def check(self) -> int:
        """Compare every unit with brute force; return how many rationals had to decide."""
        wanted, near = self.truth.states()
        held = self.index.states(self.units)
        wrong = np.flatnonzero((held != wanted) | (held != self.states))
        if len(wrong):
            unit = int(wrong[0])
            raise WrongError(
                f"{len(wrong)} wrong verdicts, the first of unit {unit}: expected {wanted[unit]},"
                f" received {held[unit]}"
            )
        over, near_end = self.truth.is_over(END_FACTOR)
        missed = self.ending[over[self.ending] != self.over[self.ending]]
        if len(missed):
            raise WrongError(f"{len(missed)} ends of liquidations missed, the first of {missed[0]}")
        return near + near_end


def check_streams(accounts: int, scale: Scale, *, full: bool) -> Iterator[Figure]:
    """Run the streams over one book, with checkpoints at random moments; yield what was checked."""
    watched = Watched(accounts, full=full)
    draw = np.random.default_rng(19)
    prefix = "full_margin_" if full else ""
    watched.check()
    for name, (drift, volatility, *moves) in STREAMS.items():
        count = moves[scale == "full"]
        stream = make_stream(watched.book, name, count, (drift, volatility), watched.prices())
        ends = np.sort(draw.choice(np.arange(1, count), CHECKPOINTS - 1, replace=False))
        first, before, near = 0, watched.changes, 0
        for end in [*ends.tolist(), count]:
            watched.run(stream, first, end)
            near += watched.check()
            first = end
        changes = float(watched.changes - before)
        yield Figure(name=f"{prefix}{name}_changes_checked", value=changes, unit="changes")
        yield Figure(name=f"{prefix}{name}_units_near_a_boundary", value=near, unit="units")
    yield from _check_gaps(watched, prefix)
    yield Figure(name=f"{prefix}ends_checked", value=float(watched.ends), unit="changes")
    yield Figure(name=f"{prefix}wrong_verdicts", value=0.0, unit="verdicts")


def _check_gaps(watched: Watched, prefix: str) -> Iterator[Figure]:
    """Move every price by -30 % in one step and back, by guards and by rescan."""
    before = watched.changes
    for ratio, by_rescan in ((GAP, False), (1 / GAP, True), (GAP, True), (1 / GAP, False)):
        to = watched.prices() * ratio
        watched.take(watched.index.move(watched.book.marks, to, by_rescan=by_rescan))
        watched.check()
    for slot in watched.book.marks[:10].tolist():  # the ten that most units hold, alone
        price = float(watched.index.columns.slots["price"][slot])
        watched.take(watched.index.move([slot], [price * GAP]))
        watched.check()
    changes = float(watched.changes - before)
    yield Figure(name=f"{prefix}gap_changes_checked", value=changes, unit="changes")


def check_sequence(accounts: int, ticks: int, *, full: bool) -> Iterator[Figure]:
    """Compare every change of state with those of a rescan after each tick."""
    watched, twin = Watched(accounts, full=full), Watched(accounts, full=full)
    stream = _mixed_stream(watched, ticks)
    found = watched.run(stream, 0, ticks)
    wanted = list(_changes_by_rescan(twin, stream))
    prefix = "full_margin_" if full else ""
    if sorted(found) != sorted(wanted):
        difference = sorted(set(found) ^ set(wanted))
        raise WrongError(f"{len(difference)} changes of state differ, the first: {difference[0]}")
    watched.check()
    yield Figure(name=f"{prefix}sequence_ticks", value=float(ticks), unit="ticks")
    yield Figure(name=f"{prefix}sequence_changes", value=float(len(found)), unit="changes")
    yield Figure(name=f"{prefix}sequence_differences", value=0.0, unit="changes")


def _mixed_stream(watched: Watched, ticks: int) -> Stream:
    """Return calm, volatile and crash in equal parts, a gap of one instrument every 500 ticks."""
    prices, parts = watched.prices(), []
    bounds = np.linspace(0, ticks, 4).astype(int)
    for first, end, (name, (drift, volatility, *_)) in zip(
        bounds, bounds[1:], STREAMS.items(), strict=False
    ):
        parts.append(make_stream(watched.book, name, int(end - first), (drift, volatility), prices))
    stream = Stream(
        "mixed",
        np.concatenate([part.instruments for part in parts]),
        np.concatenate([part.slots for part in parts]),
        np.concatenate([part.prices for part in parts]),
    )
    for tick in range(250, ticks, 500):
        later = np.flatnonzero(stream.slots[tick:] == stream.slots[tick]) + tick
        stream.prices[later] *= GAP
    return stream


def _changes_by_rescan(twin: Watched, stream: Stream) -> Iterator[tuple[int, int, int]]:
    """Yield the changes that judging every unit after each tick finds; no guard is asked."""
    prices = twin.index.columns.slots["price"]
    before: NDArray[np.uint8] = twin.states
    for tick, (slot, price) in enumerate(zip(stream.slots, stream.prices, strict=True)):
        prices[slot] = price
        after = twin.index.verdicts(twin.units)
        for unit in np.flatnonzero(after == UNDECIDED).tolist():
            after[unit] = twin.truth.exact_state(unit)
        for unit in np.flatnonzero(after != before).tolist():
            yield tick, unit, int(after[unit])
        before = after


def measure(scale: Scale) -> list[Figure]:
    """Return what was checked."""
    whole, part = ACCOUNTS[scale]
    figures: list[Figure] = []
    started = time.perf_counter()
    for full in (False, True):
        figures += check_streams(whole, scale, full=full)
        sys.stderr.write(f"streams checked after {time.perf_counter() - started:.0f} s\n")
        figures += check_sequence(part, TICKS[scale], full=full)
        sys.stderr.write(f"sequence checked after {time.perf_counter() - started:.0f} s\n")
    return figures


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
