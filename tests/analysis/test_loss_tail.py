"""Tails of weighted losses: numbers that can be said, against a dear way to the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.loss_tail import error_of, tail_of


def test_the_worked_number_of_the_documentation() -> None:
    """docs/model/loss_at_risk.md: losses of 1 to 20, all alike, at 90 %."""
    tail = tail_of(np.arange(1.0, 21.0), np.full(20, 0.05), 0.9)
    assert tail.value_at_risk == 19.0
    assert tail.expected_shortfall == pytest.approx(19.5)
    assert tail.shares.tolist() == [0.0] * 18 + [pytest.approx(1.0), 1.0]
    part = tail_of(np.arange(1.0, 21.0), np.full(20, 0.05), 0.88)
    assert part.expected_shortfall == pytest.approx((20 * 0.05 + 19 * 0.05 + 18 * 0.02) / 0.12)
    assert part.shares[17] == pytest.approx(0.4)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=30),
    st.sampled_from([0.5, 0.9, 0.99, 0.999]),
)
def test_a_path_counts_as_often_as_its_weight_says(
    paths: list[tuple[int, int]], confidence: float
) -> None:
    loss = np.array([float(one) for one, _ in paths])
    counts = np.array([count for _, count in paths])
    tail = tail_of(loss, counts / counts.sum(), confidence)
    ordered = np.sort(np.repeat(loss, counts))[::-1]
    beyond = (1.0 - confidence) * len(ordered)
    whole = int(beyond * (1.0 + 1e-12))
    sums = ordered[:whole].sum() + (beyond - whole) * ordered[min(whole, len(ordered) - 1)]
    assert tail.expected_shortfall == pytest.approx(sums / beyond, rel=1e-9, abs=1e-9)
    assert tail.value_at_risk == ordered[max(0, int(np.ceil(beyond * (1.0 - 1e-12))) - 1)]
    assert tail.expected_shortfall >= tail.value_at_risk - 1e-9


def test_an_error_is_that_of_the_groups_means() -> None:
    loss = np.array([0.0, 10.0, 0.0, 30.0])
    weight = np.full(4, 0.25)
    tail = tail_of(loss, weight, 0.5)
    groups = np.array([[0.5, 0.0, 0.5, 0.0], [0.0, 0.5, 0.0, 0.5]])
    # Excess over 10: none in the first group, 20 on half of the second: means 0 and 10.
    assert tail.value_at_risk == 10.0
    spread = float(np.std([0.0, 10.0], ddof=1))
    assert error_of(loss, groups, tail, 0.5) == pytest.approx(spread / np.sqrt(2) / 0.5)
