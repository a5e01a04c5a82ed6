"""Cascades on a large book: a sweep of joint moves, and what one distance costs.

The book of the threshold benchmark: 1,000,000 accounts, 400 instruments. `sweep_s`: 41 moves of all
marks from -20 % to 20 %, each run to its fixed point on books without visible levels; the peer
measures every unit, compiled, in every round of every move. `image_s` is what an image costs before
its first cascade, `side_s` the distances of one side of one instrument (median of 20), `joint_s`
those of all marks at once.
"""

import time

import numpy as np

from bench.image import _decide_all
from bench.measure import ROUNDS_MIN, Figure, Scale, main, seconds
from bench.shadow import ACCOUNTS, NO_TRADERS, listings_of, traded_volume
from bench.threshold_book import make_book
from monitor.analysis.cascade import Cascades, Image
from monitor.analysis.distance import ALL, distance_of
from monitor.analysis.funds import Funds
from monitor.analysis.liquidity import Liquidity, without_books
from monitor.analysis.positions import Book as ImageBook
from monitor.analysis.positions import Listing, gather, parts_of
from monitor.core.margin.index.class_two import UNITS_AHEAD
from monitor.core.margin.index.columns import Columns
from monitor.core.margin.index.compile import compiled, prefetch
from monitor.core.margin.index.verdict import measure as measure_unit

MOVES = np.linspace(-0.2, 0.2, 41)
SIDES = 20


@compiled
def revalue(c: Columns) -> float:
    """Measure every unit; return how many are liquidatable."""
    total = 0.0
    for unit in range(len(c.begins)):
        ahead = c.begins[min(unit + UNITS_AHEAD, len(c.begins) - 1)]
        if ahead >= 0:
            prefetch(c.rows, ahead)
            prefetch(c.rows, ahead + 2)
        begin = int(c.begins[unit])
        if begin >= 0:
            measured = measure_unit(c, begin)
            if measured[3] and measured[0] <= measured[1]:
                total += 1.0
    return total


def image_of(scale: Scale) -> tuple[Image, Liquidity, list[Listing]]:
    """Return the book's image, what closes meet in it, and its instruments."""
    book = make_book(ACCOUNTS[scale], full=True)
    book.thresholds.set_units(book.items)
    book.thresholds.settle()
    _decide_all(book)
    columns, listings = book.thresholds.columns, listings_of(book)
    count = len(listings)
    books = [ImageBook(columns, [listing.name for listing in listings], NO_TRADERS)]
    terms, positions = gather(books, listings)
    funds = Funds(np.zeros(count, np.int64), np.array([1e6]), ("main",))
    image = Image(books, parts_of(books, listings), terms, positions, funds)
    return (
        image,
        without_books(traded_volume(terms, positions), np.full(count, 0.05), 0.5),
        listings,
    )


def measure(scale: Scale) -> list[Figure]:
    """Return the figures."""
    image, law, _ = image_of(scale)
    columns, count = image.books[0].columns, len(image.terms.mark)
    image_s = min(seconds(lambda: Cascades(image)) for _ in range(ROUNDS_MIN))
    revalue(columns)
    revalued_s = min(seconds(lambda: revalue(columns)) for _ in range(ROUNDS_MIN))
    sweeps, rounds, closed = [], 0, 0
    for _ in range(2):
        cascades = Cascades(image)
        started_s = time.perf_counter()
        found = [cascades.run(np.full(count, move), law) for move in MOVES]
        sweeps.append(time.perf_counter() - started_s)
        rounds = sum(len(one.rounds) + 1 for one in found)
        closed = sum(one.closed for one in found)
    cascades = Cascades(image)
    picked = np.random.default_rng(3).choice(count, SIDES, replace=False)
    sides = [
        seconds(lambda: distance_of(cascades, law, int(one), number % 2))  # noqa: B023
        for number, one in enumerate(picked)
    ]
    joint_s = seconds(lambda: distance_of(cascades, law, ALL, 0))
    sweep_s = min(sweeps)
    return [
        Figure(
            name="sweep_vs_revaluation",
            value=sweep_s,
            unit="s",
            peer=revalued_s * rounds,
            ratio=revalued_s * rounds / sweep_s,
        ),
        Figure(name="sweep_s", value=sweep_s, unit="s"),
        Figure(name="rounds", value=float(rounds), unit="rounds"),
        Figure(name="units_closed", value=float(closed), unit="units"),
        Figure(name="revaluation_s", value=revalued_s, unit="s"),
        Figure(name="image_s", value=image_s, unit="s"),
        Figure(name="side_s", value=float(np.median(sides)), unit="s"),
        Figure(name="joint_s", value=joint_s, unit="s"),
    ]


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
