"""Sums, worst accounts and liquidation ladders of the book, from an image between two batches.

Taking an image costs the writer less than a millisecond; the rest happens in a thread beside it, in
compiled code that lets other threads run. The image is let go as soon as it is complete.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from monitor.app.shadow_watch import ShadowWatch
from monitor.app.view_holder import ViewHolder
from monitor.core.accounts import AccountEngine
from monitor.core.book_ladders import LadderKeeper
from monitor.core.book_sums import NamedColumns, book_sums, image_sums
from monitor.core.engine import RiskEngine
from monitor.core.index_sensitivity import IndexToAsk, index_sensitivities, indices_to_ask
from monitor.core.margin.index.image import BookImages, ImageReader, Source
from monitor.core.watchlist import WORST_MAX
from monitor.runtime.clock import Clock

INTERVAL_S = 1.0
INTERVAL_MAX_S = 10.0
SHARE_MAX = 0.2  # of a core, where the book is so large that a second is not enough
ERRORS_SHARE_MAX = 0.1  # of a core, for what wrong indices would do
ERRORS_INTERVAL_MAX_S = 4.0  # so that with the look before it the answer is 5 s old at most
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Taken:
    """An image of one shard, with what its numbers mean."""

    source: Source
    instruments: list[tuple[str, str]]  # (name, settlement currency) by number
    slots: dict[str, int]  # of prices, by guard key


class BookWatch:
    """Keeps `view.book`, `view.ladders` and which accounts may be the worst a second old at most.

    That holds if a look takes a fifth of a second.

    One that takes longer is made at most every five times as long; the pause between two is
    INTERVAL_MAX_S at most.
    """

    def __init__(
        self, engine: RiskEngine, views: ViewHolder, clock: Clock, *, worst_max: int = WORST_MAX
    ) -> None:
        """Watch the book of an engine that has been restored; find so many of the worst."""
        self._engine = engine
        self._views = views
        self._clock = clock
        self._parts = [
            (part, BookImages(part.thresholds.index), ImageReader())
            for part in engine.shards.engines
        ]
        self._worst_max = max(worst_max, WORST_MAX)
        # How many units are asked for: isolated ones, which are no accounts, are among them.
        self._worst_asked = 2 * self._worst_max
        self._ladders = LadderKeeper()
        self._errors_due_s = 0.0
        self.shadow: ShadowWatch | None = None  # gets an image when it asks for one
        # One thread: what a cancelled look has begun is over before the next one's turn.
        self._thread = ThreadPoolExecutor(1, "book")

    async def run(self) -> None:
        """Look at the book again and again; it ends when cancelled."""
        while True:
            started_s = self._clock.monotonic_s()
            await self.look()
            spent_s = self._clock.monotonic_s() - started_s
            pause_s = max(INTERVAL_S, spent_s / SHARE_MAX) - spent_s
            await asyncio.sleep(min(pause_s, INTERVAL_MAX_S))

    async def look(self) -> None:
        """Take an image of every shard now; put its sums, ladders and errors into the view."""
        as_of_ns, settlements = self._engine.engine_ns, self._settlements()
        held, taken = [], []
        passing = self.shadow.begin() if self.shadow else None
        try:
            for part, book, _ in self._parts:
                held.append(book.take())
                part.watchlist.note_image()
                names = part.thresholds.instrument_names
                instruments = [(name, settlements.get(name, "")) for name in names]
                slots = dict(part.thresholds.numbering.slots)
                taken.append(Taken(held[-1].source, instruments, slots))
            asked = indices_to_ask(self._engine)
            images = await self._beside(lambda: self._complete(taken))
        finally:
            for image in held:
                image.release()
        if self.shadow and passing:
            copy = passing
            self.shadow.put(await self._beside(lambda: copy(images)))
        worst_asked = self._worst_asked
        sums = await self._beside(lambda: image_sums(images, worst_asked))
        for (part, _, _), one in zip(self._parts, sums, strict=True):
            self._take_worst(part, one.worst_units.tolist())
        self._views.take_book(await self._beside(lambda: book_sums(images, sums, as_of_ns)))
        follow = self._ladders.follow
        ladders = await self._beside(lambda: follow(images, settlements, as_of_ns))
        self._views.take_ladders(ladders)
        if self._clock.monotonic_s() >= self._errors_due_s:
            await self._ask_indices(images, [one.slots for one in taken], asked, as_of_ns)

    async def _ask_indices(
        self,
        images: list[NamedColumns],
        slots: list[dict[str, int]],
        asked: list[IndexToAsk],
        as_of_ns: int,
    ) -> None:
        """Put what wrong indices would do into the view; not at each look where that takes long."""
        started_s = self._clock.monotonic_s()
        found = await self._beside(lambda: index_sensitivities(images, slots, asked, as_of_ns))
        self._views.take_sensitivities(found)
        ended_s = self._clock.monotonic_s()
        pause_s = min((ended_s - started_s) / ERRORS_SHARE_MAX, ERRORS_INTERVAL_MAX_S)
        self._errors_due_s = ended_s + pause_s

    def _take_worst(self, part: AccountEngine, units: list[int]) -> None:
        """Tell a shard its worst accounts; ask for more next time if too few units were some."""
        keys, holds = part.margin_units.keys, part.thresholds.index.holds
        accounts = [unit for unit in units if unit not in keys and holds(unit)]
        if len(units) >= self._worst_asked and len(accounts) < self._worst_max:
            self._worst_asked *= 2
        part.watchlist.take_worst(accounts)

    def _settlements(self) -> dict[str, str]:
        instruments = self._engine.market.instruments
        return {name: instrument.settlement for name, instrument in instruments.items()}

    async def _beside(self, work: Callable[[], Answer]) -> Answer:
        """Return what work answers that the thread does."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _complete(self, taken: list[Taken]) -> list[NamedColumns]:
        """Return the complete images, good until the next ones."""
        return [
            NamedColumns(reader.columns(one.source), one.instruments)
            for (_, _, reader), one in zip(self._parts, taken, strict=True)
        ]
