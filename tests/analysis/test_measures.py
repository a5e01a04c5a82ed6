"""Quantile and tail mean: against the definition, against integrals, and the copied mistake."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from monitor.analysis.measures import (
    LONG,
    SHORT,
    TailRisk,
    empirical_risk,
    losses_of,
    normal_risk,
    student_risk,
)
from tests.reference import naive_tails


@given(
    st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=60),
    st.sampled_from([Fraction(1, 2), Fraction(9, 10), Fraction(39, 40), Fraction(99, 100)]),
)
def test_an_empirical_tail_equals_the_slow_twin(losses: list[float], level: Fraction) -> None:
    found = empirical_risk(np.array(losses), float(level))
    quantile, mean = naive_tails.empirical_risk(losses, level)
    assert found.value_at_risk == quantile
    assert found.expected_shortfall == pytest.approx(mean, abs=1e-12)
    assert found.expected_shortfall >= found.value_at_risk


@pytest.mark.parametrize("degrees", [2.5, 3.0, 5.0, 30.0])
@pytest.mark.parametrize("level", [0.9, 0.975, 0.99, 0.999])
def test_the_shortfall_of_a_t_law_equals_the_integral(degrees: float, level: float) -> None:
    unit = np.sqrt((degrees - 2.0) / degrees)
    found = student_risk(degrees, level)
    quantile = stats.t.ppf(level, degrees, scale=unit)
    mean, _ = integrate.quad(
        lambda probability: stats.t.ppf(probability, degrees, scale=unit), level, 1.0, limit=500
    )
    assert found.value_at_risk == pytest.approx(quantile)
    assert found.expected_shortfall == pytest.approx(mean / (1.0 - level), rel=1e-4)


def test_the_form_without_its_second_factor_understates_the_shortfall() -> None:
    quantile = float(stats.t.ppf(0.99, 3.0))
    copied = float(stats.t.pdf(quantile, 3.0)) / 0.01 / np.sqrt(3.0)
    assert copied < 0.2 * student_risk(3.0, 0.99).expected_shortfall


def test_a_normal_law_is_the_limit_of_many_degrees() -> None:
    assert normal_risk(0.99).value_at_risk == pytest.approx(2.326348, abs=1e-6)
    assert normal_risk(0.99).expected_shortfall == pytest.approx(2.665214, abs=1e-6)
    assert student_risk(1e6, 0.99).expected_shortfall == pytest.approx(2.665214, abs=1e-4)


def test_a_long_loses_when_the_price_falls_and_a_short_when_it_rises() -> None:
    returns = np.array([-0.1, 0.2])
    assert losses_of(returns, LONG).tolist() == [0.1, -0.2]
    assert losses_of(returns, SHORT).tolist() == [-0.1, 0.2]


def test_a_long_cannot_lose_more_than_its_notional_and_a_short_can() -> None:
    risk = TailRisk(0.9, 1.4)
    assert risk.of_side(LONG) == TailRisk(0.9, 1.0)
    assert risk.of_side(SHORT) == risk
    assert risk.scaled(2.0) == TailRisk(1.8, 2.8)
    assert risk.most(TailRisk(1.0, 1.0)) == TailRisk(1.0, 1.4)
