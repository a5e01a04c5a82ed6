"""The slow twin of the analysis of tails: loops over single numbers, as the definitions read."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np


def returns_of(
    observed: Sequence[tuple[int, float]], step_ns: int, gap_cells_max: int
) -> list[float]:
    """Return the returns of prices on a grid: the newest price of each cell that has one."""
    cells: dict[int, float] = {}
    newest = -1
    for event_ns, price in observed:
        if event_ns >= newest:
            newest = event_ns
            cells[event_ns // step_ns] = price
    names = sorted(cells)
    return [
        cells[after] / cells[before] - 1.0
        for before, after in pairwise(names)
        if after - before - 1 <= gap_cells_max
    ]


def empirical_risk(losses: Sequence[float], level: Fraction) -> tuple[float, float]:
    """Return value at risk and expected shortfall: each loss is a share 1 / n of the law."""
    share, left, total = Fraction(1, len(losses)), 1 - level, 0.0
    for loss in sorted(losses, reverse=True):
        taken = min(share, left)
        total += float(taken) * loss
        left -= taken
    quantile = min(x for x in losses if sum(loss <= x for loss in losses) * share >= level)
    return quantile, total / float(1 - level)


def volatility_path(
    returns: Sequence[float], decay: float, asymmetry: float, start: float
) -> list[float]:
    """Return the volatility predicted for each return and for the next one, without a floor."""
    variances = [start]
    for value in returns:
        weight = 1.0 + asymmetry if value < 0.0 else 1.0 - asymmetry
        variances.append(decay * variances[-1] + (1.0 - decay) * weight * value * value)
    return [math.sqrt(variance) for variance in variances]


def z2_of_whole_histories(
    generator: np.random.Generator, degrees: float, level: float, *, count: int, simulations: int
) -> list[float]:
    """Return Z2 of right forecasts, each from a whole history of t losses."""
    exact = np.sort(generator.standard_t(degrees, size=4_000_000))
    place = int(level * len(exact))
    quantile, mean = exact[place], exact[place:].mean()
    found = []
    for _ in range(simulations):
        losses = generator.standard_t(degrees, size=count)
        breaches = [loss for loss in losses if loss > quantile]
        found.append(1.0 - sum(breaches) / mean / (count * (1.0 - level)))
    return found
