"""Binance's book protocol: differences with ids U, u and pu, and a REST snapshot to start from.

The rule (the venue's): buffer differences; take a snapshot with `lastUpdateId`; drop what ends
before it (u < lastUpdateId); the first one applied must contain it (U <= lastUpdateId <= u);
from then on each difference's pu is the u of the one before. Anything else is a gap: the book is
dropped, and built again from a new snapshot. One widening: a snapshot between two differences
(pu <= lastUpdateId < U) is as good, since nothing of this symbol happened in between.
"""

from collections import deque
from typing import Annotated, TypeAlias

import msgspec

from monitor.core.events import DepthChanged
from monitor.feeds.adapter import Ignored, Outcome, Refusal, SnapshotWanted, decode
from monitor.feeds.book import Book, Level

UPDATES_BUFFERED_MAX = 10_000

Milliseconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=9_000_000_000_000)]
UpdateId: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Levels: TypeAlias = Annotated[list[Level], msgspec.Meta(max_length=10_000)]


class DepthUpdate(msgspec.Struct, frozen=True, tag_field="e", tag="depthUpdate"):
    """The levels that changed between two update ids; size 0: the level is gone."""

    event_ms: Milliseconds = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    first_id: UpdateId = msgspec.field(name="U")
    last_id: UpdateId = msgspec.field(name="u")
    previous_id: UpdateId = msgspec.field(name="pu")
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")


class DepthSnapshot(msgspec.Struct, frozen=True):
    """The whole book as of `last_id`."""

    last_id: UpdateId = msgspec.field(name="lastUpdateId")
    bids: Levels = msgspec.field()
    asks: Levels = msgspec.field()
    event_ms: Milliseconds = msgspec.field(name="E", default=0)


class SymbolBook:
    """The book of one symbol on one connection: waiting for a snapshot, or in step."""

    def __init__(self, name: str, symbol: str) -> None:
        self._name = name
        self._symbol = symbol
        self._book: Book | None = None
        self._last_id = 0
        self._in_step = False
        self._buffered: deque[DepthUpdate] = deque()
        self._visible: tuple[list[Level], list[Level]] = ([], [])

    def take_update(self, update: DepthUpdate) -> list[Outcome]:
        """Apply a difference, or keep it until a snapshot has come."""
        if self._book is None:
            self._buffered.append(update)
            if len(self._buffered) > UPDATES_BUFFERED_MAX:
                self._buffered.popleft()
            return [SnapshotWanted(self._symbol)]
        if update.last_id < self._last_id or (self._in_step and update.last_id == self._last_id):
            return [Ignored("depth_before_snapshot")]
        if not self._follows(update):
            gap = Refusal(
                "sequence_gap",
                f"expected an update after {self._last_id}, received {update.first_id} to "
                f"{update.last_id} after {update.previous_id} for {self._symbol}",
            )
            return [gap, *self._start_again(update)]
        return self._apply(update)

    def take_snapshot(self, snapshot: DepthSnapshot) -> list[Outcome]:
        """Start from a snapshot and apply what was buffered after it."""
        if self._book is not None:
            return [Ignored("depth_snapshot_not_needed")]
        waiting = self._buffered
        while waiting and waiting[0].last_id < snapshot.last_id:
            waiting.popleft()
        if waiting and waiting[0].previous_id > snapshot.last_id:
            detail = (
                f"expected a snapshot of {self._symbol} from {waiting[0].previous_id} on, "
                f"received {snapshot.last_id}"
            )
            return [Refusal("snapshot_too_old", detail), SnapshotWanted(self._symbol)]
        book = Book()
        try:
            book.apply(snapshot.bids, snapshot.asks)
        except ValueError as error:
            return [Refusal("bad_number", str(error)), SnapshotWanted(self._symbol)]
        self._book, self._last_id, self._in_step = book, snapshot.last_id, False
        self._buffered = deque()
        outcomes: list[Outcome] = self._depth(snapshot.event_ms) if snapshot.event_ms else []
        for update in waiting:
            outcomes += self.take_update(update)
        return outcomes

    def _follows(self, update: DepthUpdate) -> bool:
        if self._in_step:
            return update.previous_id == self._last_id
        return update.previous_id <= self._last_id <= update.last_id

    def _apply(self, update: DepthUpdate) -> list[Outcome]:
        assert self._book is not None
        try:
            self._book.apply(update.bids, update.asks)
        except ValueError as error:
            return [Refusal("bad_number", str(error)), *self._start_again(None)]
        self._last_id, self._in_step = update.last_id, True
        if self._book.is_crossed():
            detail = f"expected best bid < best ask for {self._symbol} at {update.last_id}"
            return [Refusal("crossed_book", detail), *self._start_again(None)]
        return self._depth(update.event_ms)

    def _start_again(self, update: DepthUpdate | None) -> list[Outcome]:
        self._book = None
        self._buffered = deque() if update is None else deque([update])
        return [SnapshotWanted(self._symbol)]

    def _depth(self, event_ms: int) -> list[Outcome]:
        assert self._book is not None
        visible = (self._book.bids.best(), self._book.asks.best())
        if visible == self._visible:
            return []
        self._visible = visible
        bids, asks = visible
        return [
            DepthChanged(event_ns=event_ms * 1_000_000, instrument=self._name, bids=bids, asks=asks)
        ]


_decoder = msgspec.json.Decoder(DepthSnapshot)


def parse_depth_snapshot(body: bytes, book: SymbolBook) -> list[Outcome]:
    """Return what a REST answer changes in a book."""
    snapshot = decode(_decoder, body)
    return [snapshot] if isinstance(snapshot, Refusal) else book.take_snapshot(snapshot)
