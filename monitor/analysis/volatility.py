"""Volatility by exponentially weighted squares that answer more to falls than to rises.

variance[t+1] = decay x variance[t] + (1 - decay) x weight(r[t]) x r[t]^2, with the weight
1 + asymmetry for a fall and 1 - asymmetry for a rise. With asymmetry 0 it is the usual EWMA; as
accurate for tails as GARCH on crypto assets, and cheaper (Alexander and Dakos 2023).
`volatility[t]` knows the returns before t only, so a residual r[t] / volatility[t] is honest.
"""

from dataclasses import dataclass

import numpy as np
from scipy import signal

from monitor.analysis.returns import Floats

START_COUNT = 30  # returns whose mean square starts the recursion
FLOOR_RATIO = 0.1  # of the root mean square: an idle market must not make the next move infinite
DECAYS = (0.90, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99)
ASYMMETRIES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


@dataclass(frozen=True, slots=True)
class Response:
    """How volatility follows returns: `decay` a step, `asymmetry` from 0 (none) to below 1."""

    decay: float = 0.94
    asymmetry: float = 0.2

    def weights(self, returns: Floats) -> Floats:
        """Return the weight of each square."""
        return np.where(returns < 0.0, 1.0 + self.asymmetry, 1.0 - self.asymmetry)


@dataclass(frozen=True, slots=True)
class Volatility:
    """Predicted volatility of each return, `following` the one of the next; fractions a step."""

    path: Floats
    following: float

    def residuals(self, returns: Floats) -> Floats:
        """Return the returns in units of what was predicted for them."""
        return returns / self.path


def volatility_of(returns: Floats, response: Response, *, known: int | None = None) -> Volatility:
    """Return the predicted volatility along a history that is not constant.

    With `known`, only so many of the returns set the floor: the rest are still to come.
    """
    squares = returns**2
    floor = FLOOR_RATIO * float(np.sqrt(squares[:known].mean()))
    assert floor > 0.0, "constant prices have no volatility"
    start = float(squares[:START_COUNT].mean())
    inputs = (1.0 - response.decay) * response.weights(returns) * squares
    variances, _ = signal.lfilter(
        [1.0], [1.0, -response.decay], inputs, zi=[response.decay * start]
    )
    path = np.sqrt(np.concatenate(([start], variances)))
    path = np.maximum(path, floor)
    return Volatility(path=path[:-1], following=float(path[-1]))


def quasi_likelihood_loss(returns: Floats, response: Response) -> float:
    """Return mean(log variance + return^2 / variance), lower is better; the start is left out."""
    path = volatility_of(returns, response).path[START_COUNT:]
    kept = returns[START_COUNT:]
    return float(np.mean(2.0 * np.log(path) + (kept / path) ** 2))


def fit_response(returns: Floats) -> Response:
    """Return the response of least quasi-likelihood loss among the tabled ones."""
    candidates = [Response(decay, extra) for decay in DECAYS for extra in ASYMMETRIES]
    return min(candidates, key=lambda response: quasi_likelihood_loss(returns, response))


def simulated_returns(
    generator: np.random.Generator,
    residuals: Floats,
    start: float,
    response: Response,
    size: tuple[int, int],
) -> Floats:
    """Return the compounded returns of `size` = (paths, steps): a horizon without a root rule.

    Each step draws a residual, and the volatility answers to it along the path, starting from
    `start`. A price falls to nothing at most, so the result is at least -1.
    """
    paths, steps = size
    variance = np.full(paths, start**2)
    value = np.ones(paths)
    for _ in range(steps):
        drawn = generator.choice(residuals, size=paths) * np.sqrt(variance)
        value *= np.maximum(1.0 + drawn, 0.0)
        variance *= response.decay
        variance += (1.0 - response.decay) * response.weights(drawn) * drawn**2
    return value - 1.0
