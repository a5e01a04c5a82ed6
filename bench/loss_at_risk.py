"""Loss at risk of a large book: 1,000 paths of all marks, each a cascade to its fixed point.

The book of the threshold benchmark: 1,000,000 accounts, 400 instruments. `loss_at_risk_s` is a full
set of paths on one image, in slices as the analysis process runs them; the peer is the product of
positions and as many scenarios of moves by `scipy.sparse`, in slices of 50: what every account
gains, and nothing else (no margin, no closes, no funds). Two of each, in turns, the faster counts.
"""

import time

import numpy as np
from scipy import sparse

from bench.cascade import image_of
from bench.measure import Figure, Scale, main, seconds
from bench.shadow import SIDES_PER_IMAGE, moves_of
from monitor.analysis.cascade import Cascades, Image
from monitor.analysis.loss_at_risk import LossPaths
from monitor.analysis.markets import Markets
from monitor.analysis.moves import moves_on, path_of, shifts_of
from monitor.analysis.positions import Floats

PATHS = 1_000
SLICE = 50
TURNS = 2


def gains_of(image: Image) -> sparse.csr_array:
    """Return what a unit gains on a relative move of a mark: [unit, instrument]."""
    terms, positions = image.terms, image.positions
    sides = np.repeat(np.arange(len(positions.begins) - 1), np.diff(positions.begins))
    numbers = sides // 2
    worth = terms.lot * terms.value * np.where(terms.inverse == 1, 1.0 / terms.mark, terms.mark)
    signed = positions.size * worth[numbers] * np.where(sides % 2 == 0, 1.0, -1.0)
    units = sum(len(book.columns.begins) for book in image.books)
    return sparse.csr_array((signed, (positions.unit, numbers)), (units, len(terms.mark)))


def multiply(gains: sparse.csr_array, moves: Floats) -> None:
    """Multiply slice by slice, and keep the least of each scenario."""
    for begin in range(0, len(moves), SLICE):
        (gains @ moves[begin : begin + SLICE].T).min(axis=0)


def measure(scale: Scale) -> list[Figure]:
    """Return the figures."""
    image, law, listings = image_of(scale)
    names = [listing.name for listing in listings]
    markets = Markets(law, image.funds, moves_of(listings), SIDES_PER_IMAGE, PATHS)
    draw = np.random.default_rng(1)
    shifts = shifts_of(draw)
    made = [moves_on(path_of(number, shifts), markets.moves, draw) for number in range(PATHS)]
    gains, moves = gains_of(image), np.array(made)
    Cascades(image).run(moves[0], law)  # loads compiled code
    spent, peers, looks = [], [], 0
    for _ in range(TURNS):
        cascades, paths, started_s, looks = Cascades(image), LossPaths(), time.perf_counter(), 0
        told = None
        while told is None or told.paths < PATHS:
            told = paths.look(looks, names, cascades, markets)
            looks += 1
        spent.append(time.perf_counter() - started_s)
        peers.append(seconds(lambda: multiply(gains, moves)))
    assert told is not None
    day = told.funds[0].horizons[-1].uncovered[-1]
    ours_s, peer_s = min(spent), min(peers)
    return [
        Figure(
            name="loss_at_risk_vs_sparse",
            value=ours_s,
            unit="s",
            peer=peer_s,
            ratio=peer_s / ours_s,
        ),
        Figure(name="loss_at_risk_s", value=ours_s, unit="s"),
        Figure(name="images", value=float(looks), unit="images"),
        Figure(name="error_at_999", value=day.error_usd / day.expected_shortfall_usd, unit="ratio"),
    ]


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
