"""Random exchanges whose ladder is told nothing: it follows images of the index."""

from typing import Any

import numpy as np

from monitor.core.margin.index.columns import Columns
from monitor.core.margin.index.image import BookImages, ImageReader
from monitor.core.margin.index.index import ThresholdIndex
from monitor.core.margin.index.ladder import Ladder
from monitor.core.margin.index.ladder_columns import STANDINGS
from monitor.core.margin.index.terms import terms_of
from tests.core.margin.index.ladder_worlds import CAPACITY, LadderWorld
from tests.core.margin.index.worlds import World


class Watched:
    """An index, and a ladder that sees images of it."""

    def __init__(self, index: ThresholdIndex) -> None:
        self.index, self.ladder = index, Ladder(CAPACITY)
        self.images, self.reader = BookImages(index), ImageReader()
        self.newest: Columns | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.index, name)

    def look(self) -> int:
        """Follow the book as it is now; return how many units had changed."""
        image = self.images.take()
        self.newest = self.reader.columns(image.source)
        image.release()
        return self.ladder.follow(self.newest)

    def anew(self) -> Ladder:
        """Return a ladder of the newest image alone, with the windows of the one that is kept."""
        assert self.newest is not None
        ladder = Ladder(CAPACITY)
        ladder.follow(self.newest._replace(begins=self.newest.begins[:0]))  # its prices alone
        kept = self.ladder._ladder.middles[: len(ladder._ladder.middles)]
        ladder._ladder = ladder._ladder._replace(middles=kept.copy())
        ladder.follow(self.newest)
        return ladder


class FollowedWorld(LadderWorld):
    """A world with a ladder that sees only images; numbers of closed units are used again."""

    def _fill(self) -> None:
        self.index = Watched(self.index)
        World._fill(self)
        self.index.look()

    def _set(self, unit: Any) -> None:
        if unit.name not in self.units:
            self.numbers = {name: self.numbers[name] for name in self.units}
            free = set(range(len(self.units) + 1)) - set(self.numbers.values())
            self.numbers[unit.name] = min(free)
        super()._set(unit)

    def happen(self) -> None:
        """Let something happen that the ladder is not told of."""
        what = self.chance.random()
        if what < 0.1:
            self._close()
        elif what < 0.2:
            self._relist()
        elif what < 0.6:
            self.creep()
        else:
            self.step()

    def _close(self) -> None:
        """Close one unit; its number is that of the next new one."""
        name = self.chance.choice(sorted(self.units))
        self.index.remove_units([self.numbers[name]])
        self.over.pop(name, None)
        del self.units[name]

    def _relist(self) -> None:
        """List an instrument anew, as another one with the mark that it had."""
        name = self.chance.choice(self.names)
        self.engine.apply([self._listing(name)])
        instrument = self.engine.market.instruments[name]
        terms = terms_of(instrument, self.slots[name], self._value_slot(instrument.settlement))
        self.instruments[name] = self.index.add_instrument(terms)
        for unit in list(self.units.values()):
            self._set(unit)

    def miscounted(self) -> bool:
        """Return whether the cells or the units by standing are not what the units say."""
        ladder, begins = self.index.ladder._ladder, self.index.ladder.columns.begins
        standings = ladder.standings[: len(begins)][begins >= 0]
        counted = np.bincount(standings, minlength=STANDINGS)
        return super().miscounted() or not np.array_equal(counted, ladder.totals)

    def different(self) -> list[str]:
        """Return in what the ladder, just refreshed, differs from one built from the image."""
        kept, anew = self.index.ladder, self.index.anew()
        pairs = {
            "cells": (kept._ladder.counts, anew._ladder.counts),
            "standings": (kept._ladder.totals, anew._ladder.totals),
            "sizes": (kept._ladder.sizes.round(6), anew._ladder.sizes.round(6)),
            "off the ladder": (kept.sums().off_units, anew.sums().off_units),
        }
        return [name for name, (one, other) in pairs.items() if not np.array_equal(one, other)]
