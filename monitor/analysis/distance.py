"""How far a price is from exhausting an insurance fund. docs/model/cascade.md.

The smallest adverse move of an instrument (longs: down, shorts: up), or of all instruments at
once, after which the shortfall of its fund is more than the fund has: in the first round alone, and
after the cascade. Looked for on a grid of moves, then halved between two of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from monitor.analysis.cascade import Cascade, Cascades, Image
from monitor.analysis.liquidity import Liquidity
from monitor.analysis.positions import Floats

# Moves that are looked at, ascending; a fall cannot be larger than the last, nor a rise asked for.
GRID = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
HALVINGS = 7
REFERENCE_MOVE = 0.05  # where the reproduction ratio is told
ALL = -1  # stands for all instruments at once


@dataclass(frozen=True)
class Distance:
    """Of one side; None: not within the grid.

    `first_round` and `cascade`: to an exhausted fund; `bankruptcy`: to the first equity below 0
    after its close, in the cascade. `reproduction`: notional that the first round's closes make
    liquidatable, per unit of theirs, at a move of 5 %. `loss_usd`: uncovered after the cascade of
    that move.
    """

    first_round: float | None
    cascade: float | None
    bankruptcy: float | None
    reproduction: float
    loss_usd: float


def distance_of(cascades: Cascades, books: Liquidity, instrument: int, side: int) -> Distance:
    """Return the distances of an instrument's side, or of `ALL`; 0: longs, a fall; 1: a rise."""
    funds = cascades.image.funds
    own = slice(None) if instrument == ALL else funds.of[instrument]  # -1: the last, of no fund

    def after(
        move: float, *, has_feedback: bool = True, ends: Callable[[Floats, int], bool] | None = None
    ) -> Cascade:
        shock = shock_of(cascades.image, instrument, side, move)
        return cascades.run(shock, books, has_feedback=has_feedback, ends=ends)

    def is_exhausted(shortfall: Floats, _: int = 0) -> bool:
        return bool(funds.uncovered(shortfall)[own].any())

    def exhausts(move: float, *, has_feedback: bool) -> bool:
        return is_exhausted(after(move, has_feedback=has_feedback, ends=is_exhausted).shortfall)

    alone = smallest_move(lambda move: exhausts(move, has_feedback=False))
    cascade = smallest_move(lambda move: exhausts(move, has_feedback=True))
    first = smallest_move(
        lambda move: after(move, ends=lambda _, bankrupt: bankrupt > 0).bankrupt > 0,
        move_max=cascade,
    )
    reference = after(REFERENCE_MOVE)
    return Distance(
        first_round=alone,
        cascade=cascade,
        bankruptcy=first,
        reproduction=reference.reproduction,
        loss_usd=float(funds.uncovered(reference.shortfall).sum()),
    )


def smallest_move(
    happens: Callable[[float], bool], *, move_max: float | None = None
) -> float | None:
    """Return the smallest move after which something happens, None if it never does.

    `move_max`: one after which it is known to happen.
    """
    low = 0.0
    for move in GRID:
        if move_max is not None and move >= move_max:
            high = move_max
            break
        if happens(move):
            high = move
            break
        low = move
    else:
        return move_max
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if happens(middle) else (middle, high)
    return high


def shock_of(image: Image, instrument: int, side: int, move: float) -> Floats:
    """Return the relative moves of all marks: one instrument's, or those of all."""
    shock = np.zeros(len(image.terms.mark))
    signed = move if side else -move
    if instrument == ALL:
        shock[:] = signed
    else:
        shock[instrument] = signed
    return shock
