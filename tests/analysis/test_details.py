"""Gini, overlap and how ranks move."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.details import RankKeeper, gini, instability, overlap, sides_by_turns
from monitor.analysis.shadow import Paying
from monitor.core.deleveraging import plan


@given(st.lists(st.integers(1, 100), max_size=10), st.integers(0, 20))
def test_the_gini_is_the_exact_one(taken: list[int], others: int) -> None:
    exact = plan.gini([Fraction(each) for each in taken] + [Fraction(0)] * others)
    found = gini(np.array([*taken, *[0] * others], np.float64))
    assert found == (None if exact is None else pytest.approx(float(exact)))


def test_overlap_and_instability() -> None:
    one, other = np.array([1, 1, 0, 0]) > 0, np.array([0, 1, 1, 1]) > 0
    assert overlap(one, other) == 0.25
    assert overlap(one & ~one, one & ~one) is None
    assert instability([], [1]) is None
    assert instability([1, 2], [1, 2]) == 0.0
    assert instability([1, 2], [2, 1]) == pytest.approx(0.01)
    assert instability([1, 2], [3]) == 1.0


def test_ranks_are_remembered_by_side_and_forgotten_with_the_instrument() -> None:
    def payers(*units: int) -> list[Paying]:
        amounts = np.array([10.0 - unit for unit in units])
        return [Paying(np.array(units), amounts, amounts, amounts)]

    keeper = RankKeeper()
    first = keeper.details(("X", 0), payers(1, 2), 0)
    second = keeper.details(("X", 0), payers(1, 3), 0)
    other = keeper.details(("X", 1), payers(1, 3), 0)
    keeper.keep({"Y"})
    anew = keeper.details(("X", 0), payers(1, 3), 0)
    assert [each[0].instability for each in (first, second, other, anew)] == [None, 0.5, None, None]
    assert (first[0].overlap, [payer.unit for payer in first[0].payers]) == (1.0, [1, 2])


@given(st.integers(1, 50), st.integers(1, 20))
def test_every_side_has_its_turn(sides: int, count: int) -> None:
    numbers = np.arange(100, 100 + sides)
    turns = -(-sides // count)
    seen = {side for turn in range(turns) for side in sides_by_turns(turn, count, numbers)}
    assert seen == set(numbers.tolist())
    assert sides_by_turns(3, count, numbers[:0]) == []
