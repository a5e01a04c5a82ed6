"""The index against exact rationals and against brute force, on random worlds."""

import numpy as np
import pytest

from monitor.core.margin.index.columns import BANKRUPT, POSITION, UNKNOWN
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms
from tests.core.margin.index.worlds import World

FLAT = ((float("inf"), 0.05, 0.0, 0.05),)


@pytest.mark.parametrize("seed", range(60))
def test_every_state_equals_the_exact_one_after_every_step(seed: int) -> None:
    world = World(seed)
    assert world.differences() == []
    for _ in range(60):
        world.step()
        assert world.differences() == []


def test_verdicts_are_seldom_left_to_the_caller() -> None:
    world = World(3, accounts=40)
    for _ in range(40):
        world.step()
    assert world.decided < 200


def test_a_long_is_liquidated_by_a_fall_and_a_short_by_a_rise() -> None:
    index = ThresholdIndex(1.25)
    mark = index.add_price(100.0)
    future = index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT))
    for unit, quantity in enumerate((1.0, -1.0)):
        items = [Item(1, 0, 10.0), Item(POSITION, future, quantity, 100.0)]
        assert len(index.set_unit(unit, items)) == 0
    assert index.move([mark], [94.0]).tolist() == [(0, 0, 0, 2)]
    assert index.move([mark], [106.0]).tolist() == [(0, 0, 2, 0), (0, 1, 0, 2)]
    assert index.move([mark], [111.0]).tolist() == [(0, 1, 2, BANKRUPT)]


def test_a_missing_price_makes_its_holders_unknown_until_it_is_there() -> None:
    index = ThresholdIndex(1.25)
    mark = index.add_price()
    future = index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT))
    index.set_unit(7, [Item(1, 0, 10.0), Item(POSITION, future, 1.0, 100.0)])
    assert index.states([7])[0] == UNKNOWN
    assert index.move([mark], [100.0]).tolist() == [(0, 7, UNKNOWN, 0)]
    assert index.move([mark], [np.nan]).tolist() == [(0, 7, 0, UNKNOWN)]


@pytest.mark.parametrize("price", [0.0, -1.0, 1e40, float("inf")])
def test_a_price_that_no_key_can_hold_is_refused(price: float) -> None:
    index = ThresholdIndex(1.25)
    mark = index.add_price(1.0)
    with pytest.raises(ValueError, match="expected prices"):
        index.move([mark], [price])
