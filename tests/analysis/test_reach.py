"""The bounds by which cascades pass units over, against units measured at random marks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.funds import Funds
from monitor.analysis.positions import Terms
from monitor.analysis.reach import add_losses, adverse_moves, reachable, reaches_of
from tests.analysis.cascade_books import engine_of, image_of, random_accounts

MARKS = [100.0, 20.0, 3.0]
FUNDS = Funds(np.array([0, 0, 0], np.int64), np.array([50.0]), ("main",))


@given(st.integers(0, 10_000), st.tuples(*[st.floats(-0.99, 0.99)] * 3))
def test_no_unit_loses_more_than_its_weights_say(
    seed: int, moves: tuple[float, float, float]
) -> None:
    accounts = random_accounts(seed, 10, MARKS)
    image = image_of(engine_of(accounts, MARKS), FUNDS)
    (reach,), weights = reaches_of(image.books, image.parts, image.terms, image.positions)
    prices = {one: mark * (1 + moves[one]) for one, mark in enumerate(MARKS)}
    before = dict(enumerate(MARKS))
    fall, rise = max(0.0, -min(moves)), max(0.0, *moves)
    for unit, account in enumerate(accounts):
        slack = account.equity(before) - account.maintenance(before)
        after = account.equity(prices) - account.maintenance(prices)
        bound = reach.falling[unit] * fall + reach.rising[unit] * rise
        assert reach.slack[unit] == np.float64(slack) or abs(reach.slack[unit] - slack) < 1e-6
        assert after >= slack - bound - 1e-6
    begins = image.positions.begins
    for side in range(len(begins) - 1):
        units = image.positions.unit[begins[side] : begins[side + 1]]
        own = weights[begins[side] : begins[side + 1]]
        whole = reach.rising if side % 2 else reach.falling
        assert (own <= whole[units] + 1e-9).all()


@given(st.integers(0, 10_000))
def test_units_stand_in_the_order_of_the_moves_that_reach_them(seed: int) -> None:
    image = image_of(engine_of(random_accounts(seed, 20, MARKS), MARKS, 2), FUNDS)
    for reach in reaches_of(image.books, image.parts, image.terms, image.positions)[0]:
        for order, moves, weight in (
            (reach.by_fall, reach.falls, reach.falling),
            (reach.by_rise, reach.rises, reach.rising),
        ):
            assert (np.diff(moves) >= 0).all()
            assert set(order.tolist()) == set(np.flatnonzero(weight > 0).tolist())
            assert np.allclose(reach.slack[order] / weight[order], moves)
        reach.slack[:] = 0.0
        reach.forget()
        assert reach.slack.tolist() == reach.first.tolist()


@given(st.integers(0, 10_000), st.tuples(*[st.floats(-0.9, 3.0)] * 3))
def test_whoever_can_have_used_up_the_slack_is_found(
    seed: int, moves: tuple[float, float, float]
) -> None:
    accounts = random_accounts(seed, 12, MARKS)
    image = image_of(engine_of(accounts, MARKS), FUNDS)
    (reach,), weights = reaches_of(image.books, image.parts, image.terms, image.positions)
    adverse = adverse_moves(image.terms, np.array(MARKS) * (1.0 + np.array(moves)))
    lost, near = np.zeros(len(reach.slack)), np.zeros(len(reach.slack), np.int64)
    add_losses(adverse, (image.positions.begins, image.positions.unit, weights), lost)
    prices = {one: mark * (1 + moves[one]) for one, mark in enumerate(MARKS)}
    due = {
        unit
        for unit, account in enumerate(accounts)
        if account.equity(prices) <= account.maintenance(prices)
    }
    closed = np.zeros(len(lost), np.bool_)
    found = near[: reachable(reach, 0, lost, closed, near)]
    assert due <= set(found.tolist())
    assert reachable(reach, 0, lost, ~closed, near) == 0


def test_the_side_that_a_mark_moves_against_is_adverse() -> None:
    """docs/model/cascade.md: an inverse contract's worth is linear in 1 / mark."""
    terms = Terms(
        mark=np.array([100.0, 100.0, 100.0, np.nan]),
        value=np.ones(4),
        lot=np.ones(4),
        inverse=np.array([0, 1, 0, 0], np.uint8),
        factor=np.arange(4),
    )
    found = adverse_moves(terms, np.array([90.0, 80.0, 210.0, 5.0])).reshape(4, 2)
    assert found[0].tolist() == [pytest.approx(0.1), 0.0]
    assert found[1].tolist() == [pytest.approx(0.25), 0.0]
    assert found[2].tolist() == [np.inf, np.inf]  # its notional has more than doubled
    assert found[3].tolist() == [0.0, 0.0]
