"""How all marks may move together within a horizon. docs/model/loss_at_risk.md.

Log returns are a Student t with one common factor: a path has a scale, common to all marks, and at
that scale the marks are normal. Only the chance of a scale depends on the horizon: what a path at a
scale ends in serves every horizon, with another weight. Scales are drawn evenly by their logarithm,
and the common factor wider than it is: large moves are drawn more often than they happen.
"""

from typing import NamedTuple

import numpy as np
from scipy import special, stats

from monitor.analysis.positions import Counts, Floats

DAY_S = 86_400.0
# Scales that are looked at, in standard deviations of a day; those beyond count as the last.
SCALE_MIN, SCALE_MAX = 0.05, 30.0
# No mark falls to less than a tenth, or rises to more than tenfold.
LOG_MOVE_MAX = float(np.log(10.0))
WIDTH = 1.5  # of the common factor as drawn, in its standard deviations
GROUPS = 10  # of paths, each drawn on its own: what they differ by says how uncertain they are
# Steps of the two-dimensional sequence of least discrepancy known: powers of 1 / plastic number.
_STEPS = np.array([0.7548776662466927, 0.5698402909980532])


class MoveModel(NamedTuple):
    """What marks may do.

    `volatility`: by instrument, standard deviation of a day's log return; `factor`: instruments of
    one factor move as one; `correlation`: of two factors, 0 to 1; `degrees`: of freedom, > 2.
    """

    volatility: Floats
    factor: Counts
    correlation: float
    degrees: float


class Path(NamedTuple):
    """Where one path stands: its scale, and its common factor, in standard deviations."""

    scale: float
    common: float


def shifts_of(draw: np.random.Generator) -> Floats:
    """Return the random beginning of every group's sequence: [group, dimension]."""
    shifts: Floats = draw.random((GROUPS, 2))
    return shifts


def path_of(number: int, shifts: Floats) -> Path:
    """Return a path; the first so many, of any group, are spread evenly."""
    place, quantile = (shifts[number % GROUPS] + (number // GROUPS) * _STEPS) % 1.0
    scale = SCALE_MIN * (SCALE_MAX / SCALE_MIN) ** place
    return Path(float(scale), WIDTH * float(special.ndtri(np.clip(quantile, 1e-12, 1 - 1e-12))))


def moves_on(path: Path, model: MoveModel, draw: np.random.Generator) -> Floats:
    """Return the relative move of every mark on a path: exp(log return) - 1."""
    factors, own = np.unique(model.factor, return_inverse=True)
    drawn = np.sqrt(1.0 - model.correlation) * draw.standard_normal(len(factors))
    normal = np.sqrt(model.correlation) * path.common + drawn
    log_moves = path.scale * model.volatility * normal[own]
    moves: Floats = np.expm1(np.clip(log_moves, -LOG_MOVE_MAX, LOG_MOVE_MAX))
    return moves


def chance_below(scale: Floats, degrees: float, horizon_s: float) -> Floats:
    """Return the probability that the scale within a horizon is smaller than each.

    scale = sqrt(days x (degrees - 2) / chi squared of so many degrees): a t of unit daily variance.
    """
    with np.errstate(divide="ignore"):
        squared = horizon_s / DAY_S * (degrees - 2.0) / np.square(scale)
    chance: Floats = stats.chi2.sf(squared, degrees)
    return chance


def weights_of(scales: Floats, commons: Floats, degrees: float, horizon_s: float) -> Floats:
    """Return the probability that each path stands for within a horizon; their sum is about 1.

    A path stands for the scales that are nearer, by ratio, to its own than to any other's, times
    how often its common factor happens: normal density / density it was drawn from.
    """
    order = np.argsort(scales, kind="stable")
    between = np.sqrt(scales[order][1:] * scales[order][:-1])
    edges = np.concatenate([[0.0], chance_below(between, degrees, horizon_s), [1.0]])
    weights = np.empty(len(scales))
    weights[order] = np.diff(edges)
    ratio = WIDTH * np.exp(-0.5 * np.square(commons) * (1.0 - WIDTH**-2.0))
    found: Floats = weights * ratio
    return found
