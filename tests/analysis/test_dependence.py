"""Falling together: closed forms, recovery, repair, and a copula without tails that is seen."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from monitor.analysis.dependence import (
    DEGREES_MAX,
    Copula,
    copula_log_likelihood,
    fit_copula,
    nearest_correlation,
    rank_correlation,
    tail_dependence,
)
from monitor.analysis.extremes import Interval

CORRELATION = np.array([[1.0, 0.6], [0.6, 1.0]])
COPULA = Copula(
    correlation=CORRELATION, degrees=4.0, degrees_interval=Interval(3.0, 5.0), observations=1
)


def t_returns(seed: int, count: int, degrees: float) -> np.ndarray:
    law = stats.multivariate_t(shape=CORRELATION, df=degrees)
    return np.asarray(law.rvs(count, random_state=np.random.default_rng(seed)))


def test_the_density_is_that_of_scipy() -> None:
    uniform = np.random.default_rng(1).random((50, 2))
    values = stats.t.ppf(uniform, 4.0)
    joint = stats.multivariate_t(shape=CORRELATION, df=4.0).logpdf(values).sum()
    expected = joint - stats.t.logpdf(values, 4.0).sum()
    assert copula_log_likelihood(uniform, CORRELATION, 4.0) == pytest.approx(expected)


def test_a_fit_finds_the_law_and_its_interval_holds_it() -> None:
    found = fit_copula(t_returns(2, 4_000, 4.0))
    assert found.correlation[0, 1] == pytest.approx(0.6, abs=0.04)
    assert found.degrees_interval.lower < 4.0 < found.degrees_interval.upper
    assert found.degrees == pytest.approx(4.0, rel=0.25)
    assert found.repaired_by == 0.0


def test_a_normal_copula_is_not_told_from_one_of_many_degrees() -> None:
    normal = np.random.default_rng(3).multivariate_normal([0.0, 0.0], CORRELATION, size=3_000)
    assert fit_copula(normal).degrees_interval.upper == DEGREES_MAX


def test_a_coefficient_of_tail_dependence_by_hand() -> None:
    # 2 t_5(-sqrt(5 x 0.4 / 1.6)) and none for the normal limit
    expected = 2.0 * stats.t.cdf(-np.sqrt(5.0 * 0.4 / 1.6), 5.0)
    assert COPULA.tail_dependence()[0, 1] == pytest.approx(expected)
    assert tail_dependence(np.array([0.6]), 1e7)[0] == pytest.approx(0.0, abs=1e-6)
    assert COPULA.tail_dependence()[0, 0] == 1.0


def falls_together(simulate: Callable[[np.random.Generator, int], np.ndarray]) -> None:
    """Assert that the joint extremes of a simulation are as many as the copula's law says."""
    uniform = simulate(np.random.default_rng(4), 400_000)
    edge = 0.002
    joint = float((uniform < edge).all(axis=1).mean()) / edge
    law = stats.multivariate_t(shape=CORRELATION, df=4.0)
    cut = stats.t.ppf(edge, 4.0)
    expected = float(law.cdf([cut, cut], random_state=1, maxpts=200_000)) / edge
    assert joint == pytest.approx(expected, rel=0.12)


def test_a_copula_without_tails_is_seen() -> None:
    def normal(generator: np.random.Generator, count: int) -> np.ndarray:
        drawn = generator.multivariate_normal([0.0, 0.0], CORRELATION, size=count)
        return np.asarray(stats.norm.cdf(drawn))

    falls_together(COPULA.simulate)
    with pytest.raises(AssertionError):
        falls_together(normal)


def test_simulated_ranks_are_uniform() -> None:
    uniform = COPULA.simulate(np.random.default_rng(5), 20_000)
    assert stats.kstest(uniform[:, 0], "uniform").pvalue > 0.01
    assert stats.kstest(uniform[:, 1], "uniform").pvalue > 0.01


def test_a_matrix_that_is_not_positive_definite_is_replaced_by_the_nearest_and_told() -> None:
    wrong = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    found = nearest_correlation(wrong)
    assert np.linalg.eigvalsh(found.correlation).min() > 0.0
    assert np.diag(found.correlation) == pytest.approx(1.0)
    assert found.change_max == pytest.approx(0.4, abs=0.01)
    # the nearest by symmetry has 0.5: moves of each entry by 0.4
    assert found.correlation[0, 1] == pytest.approx(0.5, abs=0.01)
    assert nearest_correlation(CORRELATION).change_max == 0.0


def test_a_constant_asset_correlates_with_nothing() -> None:
    returns = np.column_stack((np.random.default_rng(6).normal(size=200), np.zeros(200)))
    assert rank_correlation(returns).correlation[0, 1] == 0.0
