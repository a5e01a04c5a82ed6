"""Borrowed strength: weights by hand, and both ends of how much history there is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.shrinkage import (
    BETWEEN_MIN,
    DEFAULT_CLASS,
    SHAPE_UPPER_MAX,
    ClassShape,
    class_shape,
    shrink,
)

CLASS = ClassShape(mean=0.2, error=0.05, between=0.1, assets=9)


def test_a_weight_by_hand() -> None:
    found = shrink(0.5, 0.1, CLASS)
    assert found.weight == pytest.approx(0.5)
    assert found.shape == pytest.approx(0.35)
    assert found.upper == pytest.approx(0.35 + 1.644854 * (0.5 * 0.01 + 0.25 * 0.0025) ** 0.5)


def test_much_history_stands_for_itself_and_none_for_the_class() -> None:
    assert shrink(0.5, 1e-4, CLASS).shape == pytest.approx(0.5, abs=1e-5)
    assert shrink(0.5, 1e-4, CLASS).upper == pytest.approx(0.5, abs=1e-3)
    unseen = shrink(None, 0.0, CLASS)
    assert (unseen.own, unseen.weight, unseen.shape) == (None, 0.0, 0.2)
    assert unseen.upper == pytest.approx(0.2 + 1.644854 * (0.01 + 0.0025) ** 0.5)


@given(st.floats(-0.5, 0.9), st.floats(0.01, 0.5))
def test_a_shrunk_shape_lies_between_its_own_and_that_of_its_class(
    own: float, error: float
) -> None:
    found = shrink(own, error, CLASS)
    assert min(own, 0.2) - 1e-12 <= found.shape <= max(own, 0.2) + 1e-12
    assert 0.0 <= found.upper <= SHAPE_UPPER_MAX
    assert found.upper >= min(found.shape, SHAPE_UPPER_MAX)


def test_a_class_of_known_scatter_is_found() -> None:
    generator = np.random.default_rng(1)
    true = generator.normal(0.25, 0.15, size=400)
    errors = np.full(400, 0.1)
    found = class_shape((true + generator.normal(0.0, 0.1, size=400)).tolist(), errors.tolist())
    assert found.mean == pytest.approx(0.25, abs=0.03)
    assert found.between == pytest.approx(0.15, abs=0.02)
    assert found.error == pytest.approx((0.15**2 + 0.1**2) ** 0.5 / 20.0, rel=0.1)


def test_a_class_without_scatter_or_assets_is_not_believed_too_much() -> None:
    assert class_shape([0.2, 0.2], [0.1, 0.1]).between == BETWEEN_MIN
    assert class_shape([0.2], [0.1]).between == BETWEEN_MIN
    assert class_shape([], []) == DEFAULT_CLASS
