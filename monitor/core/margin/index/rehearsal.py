"""Calls every compiled function once, so that none is compiled in the path of an event."""

from collections.abc import Callable

import numpy as np

from monitor.core.ledger.store import Store
from monitor.core.margin.index.class_two import class_two
from monitor.core.margin.index.columns import AMOUNT, POSITION, Capacity, Columns
from monitor.core.margin.index.holdings import CROSS, holdings_of
from monitor.core.margin.index.image import BookImages, ImageReader
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.ladder import Ladder
from monitor.core.margin.index.terms import InstrumentTerms

_SMALL = Capacity(units=8, rows=1 << 18, slots=8, instruments=8, chunks=1 << 15)


def steps_of_rehearsal() -> list[Callable[[], object]]:
    """Return what is to be called, in order; each compiles one or two functions."""
    index, ladder = ThresholdIndex(1.25, _SMALL), Ladder(_SMALL)
    mark = 1  # the first slot after the constant one
    moved = np.full(3, mark, np.int32)
    return [
        lambda: index.add_price(100.0),
        lambda: index.add_instrument(InstrumentTerms(mark=mark)),
        lambda: index.set_unit(0, [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, 1.0, 100.0)]),
        lambda: _put_a_unit(index),
        index.settle,
        lambda: index.move_each(moved, np.array([101.0, 99.0, 100.0])),
        lambda: index.move_one(mark, 100.5),
        lambda: index.move([mark, mark], [101.0, 100.0]),
        index.rescan,
        index.sort_out,
        lambda: index.decide(0, 0),
        lambda: index.set_ending(0, ending=False),
        lambda: index.states([0]),
        lambda: index.verdicts([0]),
        lambda: index.measures([0]),
        lambda: index.exposures([0], np.ones(1, np.bool_)),
        lambda: _sum_an_image(index),
        lambda: ladder.follow(_image_of(index)),
        ladder.refresh,
        ladder.sums,
        index.sums,
        index.recount,
        lambda: index.remove_units([0]),
    ]


def _put_a_unit(index: ThresholdIndex) -> None:
    """Set a unit as a ledger has it: an account without anything."""
    store = Store(1)
    index.put_unit(holdings_of(store), 0, (1, store.open_account("rehearsal"), CROSS))
    index.remove_units([1])


def _sum_an_image(index: ThresholdIndex) -> None:
    """Take an image of the book, change the book, complete the image and sum it."""
    image = BookImages(index).take()
    index.set_unit(0, [Item(AMOUNT, 0, 2.0)])
    class_two(ImageReader().columns(image.source))
    image.release()


def _image_of(index: ThresholdIndex) -> Columns:
    """Return the book as it is."""
    image = BookImages(index).take()
    columns = ImageReader().columns(image.source)
    image.release()
    return columns
