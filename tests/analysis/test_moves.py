"""Paths of all marks: spread evenly, weighed by how often they happen."""

import numpy as np
import pytest
from scipy import stats

from monitor.analysis.moves import (
    DAY_S,
    GROUPS,
    LOG_MOVE_MAX,
    WIDTH,
    MoveModel,
    Path,
    chance_below,
    moves_on,
    path_of,
    shifts_of,
    weights_of,
)

MODEL = MoveModel(np.array([0.05, 0.05, 0.02]), np.array([0, 0, 2]), 0.7, 3.0)


def drawn(paths: int, model: MoveModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return log moves, scales and common factors of so many paths."""
    draw = np.random.default_rng(5)
    shifts = shifts_of(draw)
    made = [path_of(number, shifts) for number in range(paths)]
    moves = np.array([moves_on(path, model, draw) for path in made])
    scales, commons = np.array(made).T
    return np.log1p(moves), scales, commons


@pytest.mark.parametrize("horizon_s", [600.0, 3_600.0, DAY_S])
def test_weights_say_how_often_moves_happen(horizon_s: float) -> None:
    moves, scales, commons = drawn(20_000, MODEL)
    weight = weights_of(scales, commons, 3.0, horizon_s)
    assert weight.sum() == pytest.approx(1.0, abs=0.5)  # the least scales are those of one path
    deviation = np.sqrt(horizon_s / DAY_S / 3.0)  # a t of 3 degrees has variance 3
    for number, volatility in ((0, 0.05), (2, 0.02)):
        for bound in (-1.0, -2.0, -5.0, -20.0):
            at = bound * volatility * deviation
            if at < -LOG_MOVE_MAX or at > -0.2 * volatility:  # beyond it, or among the least scales
                continue
            found = float(weight @ (moves[:, number] < at))
            assert found == pytest.approx(stats.t.cdf(bound, 3), rel=0.15)
            assert float(weight @ (moves[:, number] > -at)) == pytest.approx(found, rel=0.25)


def test_the_worked_number_of_the_documentation() -> None:
    """docs/model/loss_at_risk.md: 3 degrees, an hour."""
    assert chance_below(np.array([0.5]), 3.0, 3_600.0)[0] == pytest.approx(0.9828, abs=5e-5)
    weights = weights_of(np.array([0.2, 0.8]), np.zeros(2), 3.0, 3_600.0) / WIDTH
    chance = float(stats.chi2.sf(1 / 24 / 0.4**2, 3))  # up to 0.4, half way between by ratio
    assert weights.tolist() == [pytest.approx(chance), pytest.approx(1 - chance)]


def test_marks_of_one_index_move_as_one_and_others_with_them() -> None:
    moves, scales, commons = drawn(5_000, MODEL)
    assert moves[:, 0].tolist() == moves[:, 1].tolist()
    of_one_deviation = moves[:, [0, 2]] / (scales[:, np.newaxis] * [0.05, 0.02])
    wide = np.corrcoef(of_one_deviation.T)[0, 1]
    # The common factor is drawn 1.5 times as wide: 0.7 x 2.25 / (0.7 x 2.25 + 0.3).
    assert wide == pytest.approx(0.7 * 2.25 / (0.7 * 2.25 + 0.3), abs=0.03)
    assert np.corrcoef(commons, of_one_deviation[:, 0])[0, 1] > 0.8


def test_a_move_is_bounded() -> None:
    draw = np.random.default_rng(1)
    fall = moves_on(Path(1e6, -3.0), MODEL, draw)
    assert fall.tolist() == [pytest.approx(-0.9)] * 3
    assert moves_on(Path(1e6, 3.0), MODEL, draw).tolist() == [pytest.approx(9.0)] * 3


def test_few_paths_are_spread_evenly_in_every_group() -> None:
    shifts = shifts_of(np.random.default_rng(3))
    assert shifts.shape == (GROUPS, 2)
    scales = np.array([path_of(number, shifts).scale for number in range(0, 100 * GROUPS, GROUPS)])
    assert np.diff(np.sort(np.log(scales))).max() < 3 * np.log(600) / 100
