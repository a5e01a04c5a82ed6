"""The script of the market: calm, a rally, a crash in two legs, recovery, calm again.

A cycle is told in shares of its length, so a demo of 20 seconds and one of two minutes tell
the same story. At the end of a cycle the index is back where it began, so cycles repeat.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

CYCLE_DEFAULT_S = 90.0
CYCLE_MAX_S = 120.0
STEP_NS = 200_000_000

# (share of the cycle, index relative to its start)
PATH = (
    (0.00, 1.000),
    (0.10, 1.004),
    (0.18, 1.012),
    (0.30, 0.870),
    (0.35, 0.900),
    (0.44, 0.800),
    (0.50, 0.810),
    (0.75, 0.950),
    (1.00, 1.000),
)
# (share of the cycle, how much of the calm book is there)
LIQUIDITY = (
    (0.00, 1.0),
    (0.17, 1.0),
    (0.23, 0.18),
    (0.46, 0.06),
    (0.60, 0.5),
    (0.75, 1.0),
    (1.00, 1.0),
)
FUNDING_SHARE = 0.06
SESSION_END_SHARE = 0.62
RETURN_START_SHARE = 0.78
RETURN_END_SHARE = 0.97
NOISE_PER_STEP = 0.0006
NOISE_REVERSION = 0.10


def cycle_seconds(seconds: float | None) -> float:
    """Return the length of one crash cycle for a demo of `seconds` (null: until interrupted)."""
    if seconds is None or seconds > CYCLE_MAX_S:
        return CYCLE_DEFAULT_S
    return seconds


def interpolate(points: tuple[tuple[float, float], ...], share: float) -> float:
    """Return the value at a share of the cycle, on straight lines between the points."""
    for (left, low), (right, high) in itertools.pairwise(points):
        if share <= right:
            return low + (high - low) * (share - left) / (right - left)
    return points[-1][1]


@dataclass(slots=True)
class Market:
    """The indices of the scripted market; `beta` says how much of a move an index makes."""

    starts: tuple[float, ...]
    betas: tuple[float, ...]
    generator: np.random.Generator
    noise: list[float]

    def step(self, share: float) -> list[float]:
        """Return each index at a share of the cycle; each call moves the noise on."""
        relative = math.log(interpolate(PATH, share))
        indices = []
        for position, (start, beta) in enumerate(zip(self.starts, self.betas, strict=True)):
            shock = float(self.generator.standard_normal()) * NOISE_PER_STEP
            self.noise[position] += shock - NOISE_REVERSION * self.noise[position]
            indices.append(start * math.exp(beta * relative + self.noise[position]))
        return indices
