"""Little history borrows from its class: the shape of tails, shrunk across assets.

Each asset's fitted shape is a noisy look at its own true shape, and the true shapes of a class
scatter around a common mean: shape_i ~ N(true_i, error_i^2), true_i ~ N(mean, between^2). `between`
is that of DerSimonian and Laird (1986). An asset's estimate is weight x own + (1 - weight) x mean
with weight = between^2 / (between^2 + error^2): much history, much weight; none, the class alone.
The scatter of a class is never believed to be below `BETWEEN_MIN`, for a few assets cannot show it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

BETWEEN_MIN = 0.05
UPPER_LEVEL = 0.95  # one-sided: the true shape is below the upper end with this probability
SHAPE_UPPER_MAX = 0.9  # beyond, the mean of the tail says more of the model than of the market


@dataclass(frozen=True, slots=True)
class ClassShape:
    """What a class of assets says of a shape: mean, its error, and the scatter between assets."""

    mean: float
    error: float
    between: float
    assets: int


# Before any asset of a class is known: wider and heavier than fits of daily and hourly returns of
# bitcoin and ether before 2024 show (docs/model/tails.md).
DEFAULT_CLASS = ClassShape(mean=0.35, error=0.1, between=0.1, assets=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrunkShape:
    """An asset's shape: own fit, class mean, the weight of the own one, and the upper end."""

    own: float | None
    class_mean: float
    weight: float
    shape: float
    upper: float


def class_shape(shapes: Sequence[float], errors: Sequence[float]) -> ClassShape:
    """Return what the fitted shapes of a class say; the default class if there are none."""
    if not shapes:
        return DEFAULT_CLASS
    values, precisions = np.asarray(shapes), 1.0 / np.square(np.asarray(errors))
    total = float(precisions.sum())
    mean = float(values @ precisions) / total
    between = 0.0
    if len(values) > 1:
        scatter = float(precisions @ (values - mean) ** 2)
        scale = total - float(precisions @ precisions) / total
        between = max(0.0, (scatter - (len(values) - 1)) / scale)
    between = max(between, BETWEEN_MIN**2)
    weights = 1.0 / (1.0 / precisions + between)
    return ClassShape(
        mean=float(values @ weights / weights.sum()),
        error=1.0 / math.sqrt(float(weights.sum())),
        between=math.sqrt(between),
        assets=len(values),
    )


def shrink(own: float | None, error: float, class_: ClassShape) -> ShrunkShape:
    """Return an asset's shape in its class; `own` is None without a fit of its own.

    The upper end holds the asset's error, the scatter and the error of the class mean.
    """
    between = class_.between**2
    weight = 0.0 if own is None else between / (between + error**2)
    shape = class_.mean if own is None else weight * own + (1.0 - weight) * class_.mean
    variance = (1.0 - weight) * between + (1.0 - weight) ** 2 * class_.error**2
    upper = shape + float(special.ndtri(UPPER_LEVEL)) * math.sqrt(variance)
    return ShrunkShape(
        own=own,
        class_mean=class_.mean,
        weight=weight,
        shape=shape,
        upper=min(max(upper, 0.0), SHAPE_UPPER_MAX),
    )
