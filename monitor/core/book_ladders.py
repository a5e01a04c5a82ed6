"""The liquidation ladders of a book, in the venue's names, kept by differences from its images.

One ladder a shard follows the shard's images; what all say is added up to buckets at once, and the
ladder of one instrument is made of that, merged over shards, when somebody asks for it. Nothing of
the engine is touched. docs/model/ladder.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from monitor.core.book_sums import NamedColumns
from monitor.core.margin.index.columns import Capacity, Columns
from monitor.core.margin.index.ladder import Ladder
from monitor.core.margin.index.ladder_columns import (
    LEFT_EXACT,
    LEFT_UNKNOWN,
    LOWER,
    REACHED,
    UPPER,
)
from monitor.core.margin.index.rungs import LadderSums, Rungs, merged
from monitor.core.view import LadderLeftOutView, LadderUnits, LadderView, RungView

REFRESH_INTERVAL_S = 60  # of engine time: no placing is older that only differences have kept
_NANOSECONDS = 1_000_000_000


class Part(NamedTuple):
    """One number that an instrument has in one shard, and the shard's sums."""

    sums: LadderSums
    number: int


@dataclass(frozen=True)
class BookLadders:
    """The ladders of all instruments at one moment."""

    as_of_ns: int
    refreshed_ns: int
    units: LadderUnits
    settlements: Mapping[str, str]  # settlement currency of each instrument listed
    parts: Mapping[str, Sequence[Part]] = field(repr=False)  # of those that somebody has held

    def of(self, instrument: str) -> LadderView | None:
        """Return one instrument's ladder; None: it was not listed at that moment."""
        if instrument not in self.settlements:
            return None
        parts = self.parts.get(instrument, ())
        return LadderView(
            instrument=instrument,
            settlement_currency=self.settlements[instrument],
            mark_price=_mark(parts),
            below=_side(parts, LOWER),
            above=_side(parts, UPPER),
            liquidatable=_left_out(parts, REACHED),
            unknown=_left_out(parts, LEFT_UNKNOWN),
            exact_only=_left_out(parts, LEFT_EXACT),
        )


class LadderKeeper:
    """Keeps the ladders of a book's shards."""

    def __init__(self) -> None:
        """Begin without a ladder: the first images make them."""
        self._kept: list[Ladder] = []
        self._refreshed_ns = 0

    def follow(
        self, images: Sequence[NamedColumns], settlements: Mapping[str, str], as_of_ns: int
    ) -> BookLadders:
        """Return the ladders of newer images of the same shards, always in the same order.

        `settlements`: the settlement currency of each instrument listed.
        """
        # Ladders that an error left half way are not followed any more.
        ladders, self._kept = self._kept, []
        age_ns = as_of_ns - self._refreshed_ns
        is_due = not ladders or age_ns >= REFRESH_INTERVAL_S * _NANOSECONDS
        ladders = ladders or [Ladder(_room_of(image.columns)) for image in images]
        parts: dict[str, list[Part]] = {}
        for ladder, image in zip(ladders, images, strict=True):
            ladder.follow(image.columns)
            if is_due:
                ladder.refresh()
            sums = ladder.sums()
            for number, (name, _) in enumerate(image.instruments):
                parts.setdefault(name, []).append(Part(sums, number))
        if is_due:
            self._refreshed_ns = as_of_ns
        self._kept = ladders
        units = np.sum([ladder.left_out() for ladder in ladders], axis=0).tolist()
        names = LadderUnits.__struct_fields__
        return BookLadders(
            as_of_ns=as_of_ns,
            refreshed_ns=self._refreshed_ns,
            units=LadderUnits(**dict(zip(names, units, strict=True))),
            settlements=settlements,
            parts=parts,
        )


def _room_of(columns: Columns) -> Capacity:
    """Return the room that an image's index has, for which guards are the many."""
    units = len(columns.begins)
    return Capacity(
        units=units,
        rows=len(columns.rows),
        slots=len(columns.slots),
        instruments=len(columns.instruments),
        chunks=(1 << 14) + units,
    )


def _mark(parts: Sequence[Part]) -> float | None:
    """Return the mark that all parts have; None: nobody holds it, or it is missing."""
    marks = [float(sums.marks[number]) for sums, number in parts]
    return next((mark for mark in marks if not math.isnan(mark)), None)


def _side(parts: Sequence[Part], side: int) -> tuple[RungView, ...]:
    """Return the buckets with positions on one side, away from the mark."""
    known = [sums.rungs(number, side) for sums, number in parts]
    rungs = [each for each in known if each is not None]
    return _rung_views(merged(rungs), _mark(parts)) if rungs else ()


def _rung_views(rungs: Rungs, mark: float | None) -> tuple[RungView, ...]:
    assert mark is not None
    edges = rungs.prices.copy()
    edges[0] = mark  # what lies behind it is liquidatable already
    held = np.flatnonzero(rungs.units)
    columns = {
        "price_from": np.minimum(edges[held], edges[held + 1]),
        "price_to": np.maximum(edges[held], edges[held + 1]),
        "notional_usd": rungs.notional[held],
        "notional_settlement": rungs.settled[held],
        "cumulative_usd": rungs.cumulative[held],
        "positions": rungs.units[held],
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return tuple(RungView(**dict(zip(columns, row, strict=True))) for row in rows)


def _left_out(parts: Sequence[Part], standing: int) -> LadderLeftOutView:
    """Return what stands off the ladder; with what is liquidatable, entries behind the mark too."""
    units, notional = 0, 0.0
    for sums, number in parts:
        own, size = int(sums.off_units[number, standing]), sums.off_sizes[number, standing]
        if standing == REACHED:
            own += int(sums.passed_units[number].sum())
            size += sums.passed_sizes[number].sum()
        if own:
            settled = sums.settled(number, size, sums.marks[number])
            units, notional = units + own, notional + float(settled * sums.values[number])
    return LadderLeftOutView(units=units, notional_usd=None if math.isnan(notional) else notional)
