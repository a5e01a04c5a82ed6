"""The sums of the whole book: an image a second, taken between two batches, summed in a thread.

Taking an image costs the writer less than a millisecond; the rest happens beside it, in compiled
code that lets other threads run.
"""

import asyncio
from dataclasses import dataclass

from monitor.app.view_holder import ViewHolder
from monitor.core.book_sums import NamedColumns, book_sums
from monitor.core.engine import RiskEngine
from monitor.core.margin.index.image import BookImages, ImageReader, Source
from monitor.core.view import BookSums
from monitor.runtime.clock import Clock

INTERVAL_S = 1.0
INTERVAL_MAX_S = 10.0
SHARE_MAX = 0.2  # of a core, where the book is so large that a second is not enough


@dataclass(frozen=True)
class Taken:
    """An image of one shard, with what its numbers mean."""

    source: Source
    instruments: list[tuple[str, str]]  # (name, settlement currency) by number


class BookWatch:
    """Keeps `view.book` at most a second old."""

    def __init__(self, engine: RiskEngine, views: ViewHolder, clock: Clock) -> None:
        """Watch the book of an engine that has been restored."""
        self._engine = engine
        self._views = views
        self._clock = clock
        self._parts = [
            (part, BookImages(part.thresholds.index), ImageReader())
            for part in engine.shards.engines
        ]

    async def run(self) -> None:
        """Look at the book again and again; it ends when cancelled."""
        while True:
            started_s = self._clock.monotonic_s()
            await self.look()
            spent_s = self._clock.monotonic_s() - started_s
            pause_s = max(INTERVAL_S, spent_s / SHARE_MAX) - spent_s
            await asyncio.sleep(min(pause_s, INTERVAL_MAX_S))

    async def look(self) -> None:
        """Take an image of every shard now, and put its sums into the view."""
        as_of_ns, settlements = self._engine.engine_ns, self._settlements()
        images, taken = [], []
        try:
            for part, book, _ in self._parts:
                images.append(book.take())
                names = part.thresholds.instrument_names
                instruments = [(name, settlements.get(name, "")) for name in names]
                taken.append(Taken(images[-1].source, instruments))
            sums = await asyncio.to_thread(self._sum, taken, as_of_ns)
        finally:
            for image in images:
                image.release()
        self._views.take_book(sums)

    def _settlements(self) -> dict[str, str]:
        instruments = self._engine.market.instruments
        return {name: instrument.settlement for name, instrument in instruments.items()}

    def _sum(self, taken: list[Taken], as_of_ns: int) -> BookSums:
        """Complete the images and add them up: the part that a thread does."""
        images = [
            NamedColumns(reader.columns(one.source), one.instruments)
            for (_, _, reader), one in zip(self._parts, taken, strict=True)
        ]
        return book_sums(images, as_of_ns)
