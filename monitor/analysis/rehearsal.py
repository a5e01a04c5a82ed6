"""Calls every compiled function of the analysis once, on a tiny book: compiled ahead."""

import numpy as np

from monitor.analysis.analyst import Analyst, Findings, Question
from monitor.analysis.funding import Rates
from monitor.analysis.funds import Funds
from monitor.analysis.liquidity import Liquidity
from monitor.analysis.markets import Markets
from monitor.analysis.moves import MoveModel
from monitor.analysis.positions import Book, Listing
from monitor.core.margin.index.columns import AMOUNT, POSITION, Capacity
from monitor.core.margin.index.image import BookImages, ImageReader
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms

_SMALL = Capacity(units=8, rows=1 << 10, slots=8, instruments=8, chunks=1 << 10)


def rehearse_analysis() -> Findings:
    """Work out a round of a long and a short that face each other."""
    index = ThresholdIndex(1.25, _SMALL)
    mark = index.add_price(100.0)
    index.add_instrument(InstrumentTerms(mark=mark))
    for unit, size in ((0, 1.0), (1, -1.0)):
        index.set_unit(unit, [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, size, 100.0)])
    image = BookImages(index).take()
    columns = ImageReader().columns(image.source)
    image.release()
    rates = Rates(np.array([0.0001]), np.array([1], np.int64))
    one = np.ones(1)
    books = Liquidity(np.array([0, 1, 1], np.int64), one, one * 0.01, one, one * 0.05, 0.5)
    funds = Funds(np.zeros(1, np.int64), np.zeros(1), ("main",))
    moves = MoveModel(one * 0.05, np.zeros(1, np.int64), 0.8, 3.0)
    question = Question(
        as_of_ns=0,
        listings=[Listing("X", 1.0, 0)],
        rates=rates,
        markets=Markets(books, funds, moves, sides_per_image=1, paths=1),
        configured="queue-bitmex",
    )
    return Analyst().answer(question, [Book(columns, ["X"], np.zeros(0, np.int64))])
