"""Z1, Z2, the score and the PIT: published criticals, whole simulations, and what they see."""

import numpy as np
import pytest
from scipy import stats

from monitor.analysis.measures import normal_risk, student_risk
from monitor.analysis.shortfall_tests import (
    Series,
    fissler_ziegel_score,
    simulated_z2,
    uniformity_test,
    z1,
    z2,
    z2_test,
)
from tests.reference.naive_tails import z2_of_whole_histories


def series(losses: np.ndarray, quantile: float, mean: float, level: float = 0.975) -> Series:
    return Series(
        losses=losses,
        value_at_risk=np.full(len(losses), quantile),
        expected_shortfall=np.full(len(losses), mean),
        confidence_level=level,
    )


def test_statistics_by_hand() -> None:
    found = series(np.array([0.0, 3.0, 5.0, 1.0]), 2.0, 4.0, 0.5)
    assert z1(found) == pytest.approx(1.0 - (3.0 / 4.0 + 5.0 / 4.0) / 2.0)
    assert z2(found) == pytest.approx(1.0 - (3.0 + 5.0) / 4.0 / (4 * 0.5))
    assert z1(series(np.zeros(4), 2.0, 4.0)) is None
    assert z2(series(np.zeros(4), 2.0, 4.0)) == 1.0


@pytest.mark.parametrize(
    ("degrees", "at_5", "at_001"), [(3.0, -0.82, -4.10), (5.0, -0.74, -2.01), (10.0, -0.71, -1.71)]
)
def test_criticals_are_those_of_the_literature(degrees: float, at_5: float, at_001: float) -> None:
    drawn = simulated_z2(np.random.default_rng(1), 250, 0.975, degrees=degrees, simulations=200_000)
    assert np.quantile(drawn, 0.05) == pytest.approx(at_5, abs=0.02)
    assert np.quantile(drawn, 0.0001) == pytest.approx(at_001, rel=0.25)


def test_drawing_the_tails_alone_is_the_law_of_drawing_every_loss() -> None:
    whole = z2_of_whole_histories(
        np.random.default_rng(2), 4.0, 0.975, count=250, simulations=4_000
    )
    tails = simulated_z2(np.random.default_rng(3), 250, 0.975, degrees=4.0, simulations=4_000)
    assert stats.ks_2samp(whole, tails).pvalue > 0.01


def test_z2_sees_a_shortfall_that_is_too_small_and_lets_a_right_one_stand() -> None:
    losses = np.random.default_rng(4).standard_t(4.0, size=3_000)
    right = student_risk(4.0, 0.975).scaled(2.0**0.5)
    wrong = normal_risk(0.975).scaled(2.0**0.5)
    generator = np.random.default_rng(5)
    stands = z2_test(
        generator, series(losses, right.value_at_risk, right.expected_shortfall), degrees=4.0
    )
    falls = z2_test(
        generator, series(losses, wrong.value_at_risk, wrong.expected_shortfall * 0.8), degrees=4.0
    )
    assert stands.p_value > 0.05
    assert stands.statistic > stands.critical
    assert falls.p_value < 0.05
    assert falls.statistic < falls.critical


def test_the_truth_has_the_best_score() -> None:
    losses = np.random.default_rng(6).standard_t(4.0, size=400_000)
    risk = student_risk(4.0, 0.975).scaled(2.0**0.5)
    best = fissler_ziegel_score(series(losses, risk.value_at_risk, risk.expected_shortfall))
    for quantile, mean in ((0.7, 1.0), (1.3, 1.0), (1.0, 0.8), (1.0, 1.3), (0.8, 0.8), (1.2, 1.2)):
        other = series(losses, risk.value_at_risk * quantile, risk.expected_shortfall * mean)
        assert fissler_ziegel_score(other) > best


def test_uniform_probabilities_stand_and_others_do_not() -> None:
    generator = np.random.default_rng(7)
    uniform = generator.random(2_000)
    assert uniformity_test(uniform) > 0.05
    assert uniformity_test(uniform**1.2) < 0.01
    assert uniformity_test(np.clip(uniform * 1.1, 0.0, 1.0)) < 0.01


def test_forecasts_of_another_length_are_a_programmers_error() -> None:
    with pytest.raises(AssertionError):
        Series(
            losses=np.zeros(3), value_at_risk=np.zeros(2), expected_shortfall=np.ones(3),
            confidence_level=0.99,
        )  # fmt: skip
