"""Sums over an image of the whole book, in the venue's names: what class 2 is for outsiders.

An image is taken between two events (`margin/index/image.py`) and summed here by whoever has the
time: nothing of the engine is touched but the names that came with the image.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.decisions import State
from monitor.core.margin.book import STATES
from monitor.core.margin.index.class_two import (
    DISTANCE_EDGES,
    LONG,
    MARGIN_RATIO_EDGES,
    SHORT,
    ClassTwo,
    class_two,
    valued,
)
from monitor.core.margin.index.columns import UNKNOWN, Columns
from monitor.core.view import BookInstrumentView, BookSideView, BookSums

KNOWN: tuple[State, ...] = STATES[:UNKNOWN]


class NamedColumns(NamedTuple):
    """The columns of an image, with the (name, settlement currency) of each instrument's number."""

    columns: Columns
    instruments: Sequence[tuple[str, str]]


class _Side:
    """One side of one instrument, added up over shards and over the numbers that it has had."""

    def __init__(self) -> None:
        self.amounts = np.zeros(3)  # gains, losses, free margin
        self.holders = 0
        self.notionals = np.zeros(len(DISTANCE_EDGES) + 1)

    def add(self, sums: "_Valued", number: int, side: int) -> None:
        """Add what one number has on one side."""
        self.amounts += sums.amounts[:, number, side]
        self.holders += int(sums.holders[number, side])
        self.notionals += sums.notionals[number, side]

    def view(self) -> BookSideView:
        """Return it as outsiders see it."""
        gains, losses, free_margin = self.amounts.tolist()
        return BookSideView(
            gains_usd=_known(gains),
            losses_usd=_known(losses),
            free_margin_usd=free_margin,
            holders=self.holders,
            notional_by_distance_usd=tuple(map(_known, self.notionals.tolist())),
        )


class _Valued(NamedTuple):
    """One shard's sums by [instrument, side], in the valuation currency."""

    amounts: NDArray[np.float64]
    holders: NDArray[np.int64]
    notionals: NDArray[np.float64]


def image_sums(images: Sequence[NamedColumns], worst_max: int = 0) -> list[ClassTwo]:
    """Return each image's sums, and its worst units; ValueError: a verdict is undecided."""
    return [class_two(image.columns, worst_max=worst_max) for image in images]


def book_sums(images: Sequence[NamedColumns], parts: Sequence[ClassTwo], as_of_ns: int) -> BookSums:
    """Return the sums over the images of all shards, from the sums of each."""
    sides: dict[tuple[str, str], tuple[_Side, _Side]] = {}
    for image, part in zip(images, parts, strict=True):
        own = _valued(image.columns, part)
        for number, names in enumerate(image.instruments):
            both = sides.setdefault(names, (_Side(), _Side()))
            for side in (LONG, SHORT):
                both[side].add(own, number, side)
    return BookSums(
        as_of_ns=as_of_ns,
        equity_usd=_by_state([part.equity for part in parts]),
        maintenance_margin_usd=_by_state([part.requirement for part in parts]),
        margin_ratio_edges=tuple(MARGIN_RATIO_EDGES.tolist()),
        margin_ratios=_added([part.margin_ratios for part in parts]),
        distance_edges=tuple(DISTANCE_EDGES.tolist()),
        distances=_added([part.distances for part in parts]),
        instruments=tuple(
            BookInstrumentView(
                instrument=name, settlement_currency=asset, long=long.view(), short=short.view()
            )
            for (name, asset), (long, short) in sorted(sides.items())
        ),
    )


def _valued(columns: Columns, part: ClassTwo) -> _Valued:
    gains, losses = valued(columns, part.gains), valued(columns, part.losses)
    amounts = np.stack([gains, losses, part.free_margin])
    return _Valued(amounts, part.holders, valued(columns, part.notionals))


def _by_state(parts: list[NDArray[np.float64]]) -> dict[str, float]:
    return {
        state: math.fsum(float(part[number]) for part in parts)
        for number, state in enumerate(KNOWN)
    }


def _added(parts: list[NDArray[np.int64]]) -> tuple[int, ...]:
    return tuple(np.sum(parts, axis=0).tolist())


def _known(amount: float) -> float | None:
    return None if math.isnan(amount) else amount
