"""Tests of coverage: published numbers, and what each test can see."""

import numpy as np
import pytest

from monitor.analysis.coverage import (
    BASEL_ADDITIONS,
    basel_addition,
    basel_zone,
    coverage_test,
    independence_test,
    kupiec_test,
)


def test_kupiec_of_a_published_example() -> None:
    # Kupiec (1995): 255 days at 99 %: more than 6 breaches are rejected at 5 %
    assert kupiec_test(6, 255, 0.99).p_value > 0.05
    assert kupiec_test(7, 255, 0.99).p_value < 0.05
    assert kupiec_test(0, 255, 0.99).statistic == pytest.approx(-2 * 255 * np.log(0.99))


@pytest.mark.parametrize("breaches", range(13))
def test_basel_zones_are_the_published_ones(breaches: int) -> None:
    expected = "green" if breaches <= 4 else "yellow" if breaches <= 9 else "red"
    assert basel_zone(breaches, 250, 0.99) == expected
    assert basel_addition(breaches) == BASEL_ADDITIONS[min(breaches, 10)]


def test_breaches_that_come_together_are_not_independent() -> None:
    together, apart = np.zeros(1000, bool), np.zeros(1000, bool)
    together[500:510] = True
    apart[::100] = True
    assert independence_test(together).p_value < 1e-6
    assert independence_test(apart).p_value > 0.5
    assert coverage_test(together, 0.99).kupiec == coverage_test(apart, 0.99).kupiec
    assert coverage_test(together, 0.99).conditional.p_value < 1e-5


def test_only_too_many_breaches_are_undercoverage() -> None:
    none, many = np.zeros(1000, bool), np.zeros(1000, bool)
    many[::50] = True
    assert coverage_test(none, 0.99).undercoverage == pytest.approx(1.0)
    assert coverage_test(none, 0.99).kupiec.p_value < 0.001
    assert coverage_test(many, 0.99).undercoverage < 0.01
    assert (coverage_test(many, 0.99).breaches, coverage_test(many, 0.99).forecasts) == (20, 1000)


def test_a_right_model_is_rejected_about_as_often_as_promised() -> None:
    generator = np.random.default_rng(1)
    tests = [coverage_test(generator.random(1_000) < 0.025, 0.975) for _ in range(800)]
    assert np.mean([test.kupiec.p_value < 0.05 for test in tests]) == pytest.approx(0.05, abs=0.025)
    assert np.mean([test.undercoverage < 0.05 for test in tests]) <= 0.065
