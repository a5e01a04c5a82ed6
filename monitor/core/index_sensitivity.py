"""What an oracle can do to us: who would be liquidatable if an index were wrong by so much.

Asked of an image of the book: the index and the marks of its instruments are moved together, and
the compiled verdict is given anew on every unit that has to do with them. Nothing else is moved,
and nothing that would follow: no cascade. docs/model/oracles.md.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.book_sums import NamedColumns
from monitor.core.instruments import mark_key
from monitor.core.margin.index import steps
from monitor.core.margin.index.columns import (
    BANKRUPT,
    COLLATERAL,
    LIQUIDATABLE,
    POSITION,
    UNDECIDED,
    Columns,
)
from monitor.core.market import index_key
from monitor.core.oracle_overview import index_views
from monitor.core.oracle_view import IndexErrorView, IndexSensitivity
from monitor.core.parts import EngineParts
from monitor.core.report import notional_usd

ERRORS = {"0.01": 0.01, "0.05": 0.05, "0.1": 0.1}
INDICES_MAX = 64  # that are asked of an image
OWN_ERROR = "confidence"  # its own confidence interval
DOWN, UP = -1.0, 1.0


class IndexToAsk(NamedTuple):
    """An index, its own confidence ratio (None: it has none), and the keys of prices it moves."""

    name: str
    confidence_ratio: float | None
    keys: Sequence[str]


def indices_to_ask(engine: EngineParts) -> list[IndexToAsk]:
    """Return the indices with a price that may be used: those of the largest open interest first.

    At most INDICES_MAX; their instruments' marks move with them.
    """
    interest: dict[str, float] = {}
    keys: dict[str, list[str]] = {}
    for name, instrument in engine.market.instruments.items():
        if instrument.index:
            worth = notional_usd(engine, name, max(engine.shards.open_interest(name)))
            interest[instrument.index] = interest.get(instrument.index, 0.0) + float(worth or 0)
            keys.setdefault(instrument.index, []).append(mark_key(name))
    fit = [one for one in index_views(engine) if engine.market.usable_index(one.index)]
    fit.sort(key=lambda one: (-interest.get(one.index, 0.0), one.index))
    return [
        IndexToAsk(
            name=one.index,
            confidence_ratio=one.confidence_ratio or None,
            keys=[index_key(one.index), *keys.get(one.index, [])],
        )
        for one in fit[:INDICES_MAX]
    ]


class _Found(NamedTuple):
    """What one wrong price makes liquidatable."""

    units: int
    notional: float
    undecided: int


class _Image:
    """One shard's image with what belongs to each unit, found once for all indices."""

    def __init__(self, columns: Columns, slots: Mapping[str, int]) -> None:
        self._columns = columns
        self._slots = slots
        begins = columns.begins[columns.begins >= 0]
        heads = columns.heads[begins]
        counts = heads["count"].astype(np.int64)
        owner = np.repeat(np.arange(len(begins)), counts)
        offsets = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = columns.rows[np.repeat(begins, counts) + 1 + offsets]
        self._numbers = heads["unit"].astype(np.int32)
        self._owner, self._states = owner, heads["state"]
        self._own_slots, self._value_slots = _slots_of(columns, rows)
        self._notional = np.bincount(owner, weights=_notional(columns, rows), minlength=len(begins))

    def slots(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """Return the slots of the prices that anybody here needs."""
        known = [self._slots[key] for key in keys if key in self._slots]
        return np.array(known, np.int64)

    def affected(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places of the healthy units that some of the prices value."""
        moved = np.isin(self._own_slots, slots) | np.isin(self._value_slots, slots)
        places: NDArray[np.int64] = np.unique(self._owner[moved])
        is_open = (self._states[places] < LIQUIDATABLE) & (self._notional[places] > 0.0)
        return np.asarray(places[is_open], np.int64)

    def ask(self, slots: NDArray[np.int64], places: NDArray[np.int64], factor: float) -> _Found:
        """Return what is liquidatable of some units with the prices times a factor."""
        if not len(places):
            return _Found(0, 0.0, 0)
        prices, states = self._columns.slots["price"], np.zeros(len(places), np.uint8)
        before = prices[slots].copy()
        prices[slots] = before * factor
        steps.verdicts_of(self._columns, self._numbers[places], states)
        prices[slots] = before
        hit = (states == LIQUIDATABLE) | (states == BANKRUPT)
        notional = float(self._notional[places[hit]].sum())
        return _Found(int(hit.sum()), notional, int((states == UNDECIDED).sum()))


def _slots_of(
    columns: Columns, rows: NDArray[np.void]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, by row, the slot of its own price and that of its settlement currency (or -1)."""
    ref, kind = rows["ref"].astype(np.int64), rows["kind"]
    own, value = ref.copy(), np.full(len(rows), -1, np.int64)
    held, counted = kind == POSITION, kind == COLLATERAL
    own[held] = columns.instruments["mark"][ref[held]]
    value[held] = columns.instruments["value"][ref[held]]
    own[counted] = columns.haircuts["slot"][ref[counted]]
    return own, value


def _notional(columns: Columns, rows: NDArray[np.void]) -> NDArray[np.float64]:
    """Return each row's notional in the valuation currency, 0 without a position or a price."""
    notional = np.zeros(len(rows))
    held = np.flatnonzero(rows["kind"] == POSITION)
    terms = columns.instruments[rows["ref"][held]]
    prices = columns.slots["price"]
    mark, quantity = prices[terms["mark"]], np.abs(rows["quantity"][held])
    size = np.where(terms["inverse"] != 0, quantity / mark, quantity * mark)
    notional[held] = np.nan_to_num(size * prices[terms["value"]])
    return notional


def index_sensitivities(
    images: Sequence[NamedColumns],
    slots: Sequence[Mapping[str, int]],
    asked: Sequence[IndexToAsk],
    as_of_ns: int,
) -> tuple[IndexSensitivity, ...]:
    """Return what each index could do, over the images of all shards.

    `slots`: by guard key, of each image. The prices of the images are as before afterwards.
    """
    parts = [_Image(one.columns, own) for one, own in zip(images, slots, strict=True)]
    return tuple(
        IndexSensitivity(index=one.name, as_of_ns=as_of_ns, errors=_errors(parts, one))
        for one in asked
    )


def _errors(parts: Sequence[_Image], asked: IndexToAsk) -> tuple[IndexErrorView, ...]:
    errors = dict(ERRORS)
    if asked.confidence_ratio is not None:
        errors = {OWN_ERROR: asked.confidence_ratio, **errors}
    moved = [(part, part.slots(asked.keys)) for part in parts]
    places = [part.affected(slots) for part, slots in moved]

    def found(factor: float) -> _Found:
        each = [
            part.ask(slots, own, factor) for (part, slots), own in zip(moved, places, strict=True)
        ]
        return _Found(*(sum(column) for column in zip(*each, strict=True)))

    views = []
    for error, ratio in errors.items():
        down = found(max(1.0 + DOWN * ratio, 1e-6))
        up = found(1.0 + UP * ratio)
        views.append(
            IndexErrorView(
                error=error,
                error_ratio=ratio,
                units_down=down.units,
                notional_down_usd=down.notional,
                units_up=up.units,
                notional_up_usd=up.notional,
                undecided=down.undecided + up.undecided,
            )
        )
    return tuple(views)
