"""The tail of a loss from weighted paths, and who contributes to it. docs/model/loss_at_risk.md."""

from typing import NamedTuple

import numpy as np

from monitor.analysis.positions import Floats


class Tail(NamedTuple):
    """A tail at a confidence level: value at risk, expected shortfall, and who is in it.

    `shares`: by path, how much of its weight is in the worst 1 - confidence.
    """

    value_at_risk: float
    expected_shortfall: float
    shares: Floats


def tail_of(loss: Floats, weight: Floats, confidence: float) -> Tail:
    """Return the tail of losses whose weights are probabilities.

    Expected shortfall is the mean of the worst 1 - confidence of the weight, the path at its edge
    in part; value at risk the least loss in it. Acerbi and Tasche (2002).
    """
    beyond = 1.0 - confidence
    order = np.argsort(-loss, kind="stable")
    sorted_weight = weight[order]
    before = np.cumsum(sorted_weight) - sorted_weight
    taken = np.clip(beyond - before, 0.0, sorted_weight)
    shares = np.zeros(len(loss))
    shares[order] = np.divide(
        taken, sorted_weight, out=np.zeros(len(loss)), where=sorted_weight > 0.0
    )
    edge = int(np.searchsorted(before, beyond * (1.0 - 1e-12), side="left")) - 1
    return Tail(
        value_at_risk=float(loss[order[max(0, edge)]]),
        expected_shortfall=float((weight * shares * loss).sum() / beyond),
        shares=shares,
    )


def error_of(loss: Floats, weights: Floats, tail: Tail, confidence: float) -> float:
    """Return the standard error of an expected shortfall: of the groups' own means of excess.

    `weights` is [group, path]: each group's probabilities, 0 for paths of others.
    """
    means = weights @ np.maximum(0.0, loss - tail.value_at_risk)
    return float(means.std(ddof=1) / np.sqrt(len(means)) / (1.0 - confidence))
