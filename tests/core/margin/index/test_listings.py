"""Numbers and areas of rules are used again, and hold the rules of their present owner."""

import random

import numpy as np
import pytest

from monitor.core.margin.index.columns import AMOUNT, COLLATERAL, POSITION
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.listings import Areas
from monitor.core.margin.index.terms import InstrumentTerms


def terms_with(mark: int, rate: float, tiers: int) -> InstrumentTerms:
    """Return terms with so many tiers, all of one rate."""
    bounds = [*(1e6 * (1 + number) for number in range(tiers - 1)), float("inf")]
    return InstrumentTerms(
        mark=mark,
        tiers=tuple((bound, rate, 0.0, rate) for bound in bounds),
        steps=tuple(bounds[:-1]),
    )


def test_an_area_is_used_again_for_as_many_and_for_no_other_number() -> None:
    areas, column = Areas(), np.zeros(0)
    column, first = areas.write(column, np.array([1.0, 2.0]))
    column, second = areas.write(column, np.array([3.0]))
    areas.free(first, 2)
    column, third = areas.write(column, np.array([4.0]))
    column, again = areas.write(column, np.array([5.0, 6.0]))
    column, nowhere = areas.write(column, np.array([]))
    assert (first, second, third, again, nowhere) == (0, 2, 3, 0, 4)
    assert column.tolist() == [5.0, 6.0, 3.0, 4.0]


@pytest.mark.parametrize("seed", range(5))
def test_each_number_has_the_rules_that_it_was_given_last(seed: int) -> None:
    chance, index = random.Random(seed), ThresholdIndex(1.25)
    mark = index.add_price(100.0)
    rates: dict[int, float] = {}
    for _ in range(300):
        rate, tiers = chance.uniform(0.01, 0.5), chance.randint(1, 4)
        if rates and chance.random() < 0.45:
            number = chance.choice(sorted(rates))
            del rates[number]
            index.drop_instrument(number)
        elif rates and chance.random() < 0.3:
            number = chance.choice(sorted(rates))
            index.relist_instrument(number, terms_with(mark, rate, tiers))
            rates[number] = rate
        else:
            number = index.add_instrument(terms_with(mark, rate, tiers))
            assert number not in rates
            rates[number] = rate
        for number, wanted in rates.items():
            index.set_unit(0, [Item(AMOUNT, 0, 1e6), Item(POSITION, number, 2.0, 100.0)])
            assert index.measures([0])[0, 1] == pytest.approx(200.0 * wanted)
        index.set_unit(0, [])
    assert len(index.columns.tiers) < 300


def test_a_collateral_that_is_dropped_gives_its_number_and_its_tiers_back() -> None:
    index = ThresholdIndex(1.25)
    coin = index.add_price(2.0)
    first = index.add_collateral(coin, [(100.0, 0.9), (float("inf"), 0.5)])
    second = index.add_collateral(coin, [(float("inf"), 0.8)])
    index.drop_collateral(first)
    again = index.add_collateral(coin, [(100.0, 0.6), (float("inf"), 0.1)])
    assert (first, second, again) == (0, 1, 0)
    assert len(index.columns.tiers) == 3
    index.set_unit(0, [Item(COLLATERAL, again, 100.0)])
    index.set_unit(1, [Item(COLLATERAL, second, 100.0)])
    assert index.measures([0, 1])[:, 0].tolist() == pytest.approx([70.0, 160.0])
    assert index.sums().counts.tolist() == [2, 0, 0, 0, 0, 0]


def test_what_nobody_holds_leaves_no_rounding_in_the_sums() -> None:
    index = ThresholdIndex(1.25)
    mark = index.add_price(100.0)
    number = index.add_instrument(terms_with(mark, 0.1, 1))
    for unit in range(50):
        index.set_unit(unit, [Item(AMOUNT, 0, 1e6), Item(POSITION, number, 0.1 * unit, 99.9)])
    index.remove_units(range(50))
    index.drop_instrument(number)
    assert not index.columns.positions.any()
