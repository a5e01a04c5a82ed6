"""Tests of whether losses beyond the value at risk are as frequent and scattered as promised.

A breach is a loss strictly beyond the forecast. With c the confidence level, T forecasts should
have T (1 - c) breaches, independent of each other. Kupiec (1995) tests the number, Christoffersen
(1998) whether a breach makes the next one likelier, and both together; likelihood ratios with
chi-squared laws. `undercoverage` is one-sided: only too many breaches count against a model.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Zone = Literal["green", "yellow", "red"]
# Basel: what is added to the multiplier of capital for 0 to 10 breaches in 250 days at 99 %.
BASEL_ADDITIONS = (0.0, 0.0, 0.0, 0.0, 0.0, 0.40, 0.50, 0.65, 0.75, 0.85, 1.00)


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """A statistic and the probability of one at least as large when the model is right."""

    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageTest:
    """The verdict on a series of breaches; `undercoverage` is a probability, one-sided."""

    forecasts: int
    breaches: int
    expected: float
    kupiec: LikelihoodRatio
    independence: LikelihoodRatio
    conditional: LikelihoodRatio
    undercoverage: float


def coverage_test(breached: NDArray[np.bool_], confidence_level: float) -> CoverageTest:
    """Return the tests of a series of breaches in order of time."""
    count, breaches = len(breached), int(breached.sum())
    assert count > 1, "no series"
    kupiec = kupiec_test(breaches, count, confidence_level)
    independence = independence_test(breached)
    both = kupiec.statistic + independence.statistic
    return CoverageTest(
        forecasts=count,
        breaches=breaches,
        expected=count * (1.0 - confidence_level),
        kupiec=kupiec,
        independence=independence,
        conditional=LikelihoodRatio(both, float(special.chdtrc(2, both))),
        undercoverage=float(stats.binom.sf(breaches - 1, count, 1.0 - confidence_level)),
    )


def kupiec_test(breaches: int, count: int, confidence_level: float) -> LikelihoodRatio:
    """Return the test of the number of breaches among so many forecasts."""
    promised = _log_likelihood(count - breaches, breaches, 1.0 - confidence_level)
    observed = _log_likelihood(count - breaches, breaches, breaches / count)
    return _ratio(promised, observed)


def independence_test(breached: NDArray[np.bool_]) -> LikelihoodRatio:
    """Return the test of whether a breach changes the probability of one in the next step."""
    before, after = breached[:-1], breached[1:]
    calm_calm = int((~before & ~after).sum())
    calm_breach = int((~before & after).sum())
    breach_calm = int((before & ~after).sum())
    breach_breach = int((before & after).sum())
    overall = (calm_breach + breach_breach) / len(before)
    one = _log_likelihood(calm_calm + breach_calm, calm_breach + breach_breach, overall)
    two = _log_likelihood(calm_calm, calm_breach, _share(calm_breach, calm_calm))
    two += _log_likelihood(breach_calm, breach_breach, _share(breach_breach, breach_calm))
    return _ratio(one, two)


def _share(part: int, rest: int) -> float:
    return part / (part + rest) if part + rest else 0.0


def _log_likelihood(calm: int, breaches: int, probability: float) -> float:
    """Return the log likelihood of a number of breaches; 0 log 0 is 0."""
    return float(special.xlogy(calm, 1.0 - probability) + special.xlogy(breaches, probability))


def _ratio(restricted: float, free: float) -> LikelihoodRatio:
    statistic = max(2.0 * (free - restricted), 0.0)
    return LikelihoodRatio(statistic, float(special.chdtrc(1, statistic)))


def basel_zone(breaches: int, count: int, confidence_level: float) -> Zone:
    """Return the zone: yellow from 95 %, red from 99.99 % of the binomial law on.

    For 250 forecasts at 99 % these are the published 0-4, 5-9 and 10 breaches.
    """
    at_most = float(stats.binom.cdf(breaches, count, 1.0 - confidence_level))
    if at_most < 0.95:
        return "green"
    return "yellow" if at_most < 0.9999 else "red"


def basel_addition(breaches: int) -> float:
    """Return what is added to the multiplier for breaches in 250 days at 99 %."""
    return BASEL_ADDITIONS[min(breaches, len(BASEL_ADDITIONS) - 1)]
