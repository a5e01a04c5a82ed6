"""The bounded queue between a connection and the log, where prices wait for their place.

While an event waits, a newer price of the same thing replaces it in its place in the queue; a
mark keeps the highest and lowest price and the count of what it replaced, so that windows still
see every extreme. Each thing has one place, so prices are bounded by the subscribed symbols and
never lost. Trades have no newer self: beyond `trades_max` the oldest is dropped, and counted.
"""

import asyncio
from collections import OrderedDict
from decimal import Decimal
from typing import TypeAlias

import msgspec

from monitor.core.events import (
    DepthChanged,
    Event,
    FundingRateChanged,
    IndexPriceChanged,
    MarkPriceChanged,
    MarkPricesChanged,
    OracleReported,
)

TRADES_MAX = 10_000

Key: TypeAlias = tuple[object, ...]


def place_of(event: Event) -> Key | None:
    """Return what an event is the newest value of; None if every one of its kind counts."""
    match event:
        case MarkPriceChanged() | FundingRateChanged() | DepthChanged():
            return (type(event), event.instrument)
        case MarkPricesChanged():
            return (MarkPricesChanged,)
        case IndexPriceChanged():
            return (IndexPriceChanged, event.index, event.source)
        case OracleReported():
            return (OracleReported, event.oracle, event.index)
        case _:
            return None


def merge_marks(older: MarkPriceChanged, newer: MarkPriceChanged) -> MarkPriceChanged:
    """Return the newer mark with the extremes and the count of both."""
    highs = (older.high or older.price, newer.high or newer.price)
    lows = (older.low or older.price, newer.low or newer.price)
    return msgspec.structs.replace(
        newer,
        high=max(highs, key=Decimal),
        low=min(lows, key=Decimal),
        count=older.count + newer.count,
    )


def split_step(step: MarkPricesChanged) -> dict[str, MarkPriceChanged]:
    """Return a step of marks as one mark an instrument."""
    return {
        instrument: MarkPriceChanged(event_ns=step.event_ns, instrument=instrument, price=price)
        for instrument, price in step.prices.items()
    }


class CoalescingQueue:
    """Events in order of first arrival; one task puts, one task takes.

    A step of many marks stays one event while it waits alone. When another step arrives first,
    both become one mark an instrument, each with its extremes: under load the extremes matter
    more than the instant.
    """

    def __init__(self, *, trades_max: int = TRADES_MAX) -> None:
        assert trades_max >= 1, f"expected trades_max >= 1, received {trades_max}"
        self._trades_max = trades_max
        self._waiting: OrderedDict[Key, Event] = OrderedDict()
        self._step: dict[str, MarkPriceChanged] | None = None
        self._trades: OrderedDict[Key, None] = OrderedDict()
        self._trades_seen = 0
        self._filled = asyncio.Event()
        self.coalesced = 0
        self.dropped = 0

    def __len__(self) -> int:
        """Return how many places are taken."""
        return len(self._waiting)

    def put(self, event: Event) -> None:
        """Add an event, or replace the older value of the same thing in its place."""
        key = place_of(event)
        if key is None:
            self._put_trade(event)
        elif (older := self._waiting.get(key)) is None:
            self._waiting[key] = event
        else:
            self.coalesced += 1
            self._waiting[key] = self._merge(older, event)
        self._filled.set()

    async def take(self, places_max: int) -> list[Event]:
        """Wait until something stands here; return the oldest places, at least one event."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        return self.take_now(places_max)

    def take_now(self, places_max: int) -> list[Event]:
        """Return what stands in the oldest places, in order; an empty list when nothing does."""
        events: list[Event] = []
        for _ in range(min(places_max, len(self._waiting))):
            key, event = self._waiting.popitem(last=False)
            self._trades.pop(key, None)
            if key == (MarkPricesChanged,) and self._step is not None:
                events.extend(self._step.values())
                self._step = None
            else:
                events.append(event)
        return events

    def _merge(self, older: Event, newer: Event) -> Event:
        if isinstance(older, MarkPriceChanged) and isinstance(newer, MarkPriceChanged):
            return merge_marks(older, newer)
        if isinstance(older, MarkPricesChanged) and isinstance(newer, MarkPricesChanged):
            marks = split_step(older) if self._step is None else self._step
            for instrument, mark in split_step(newer).items():
                waiting = marks.get(instrument)
                marks[instrument] = mark if waiting is None else merge_marks(waiting, mark)
            self._step = marks
        return newer

    def _put_trade(self, event: Event) -> None:
        if len(self._trades) >= self._trades_max:
            oldest, _ = self._trades.popitem(last=False)
            del self._waiting[oldest]
            self.dropped += 1
        self._trades_seen += 1
        key = (self._trades_seen,)
        self._trades[key] = None
        self._waiting[key] = event
