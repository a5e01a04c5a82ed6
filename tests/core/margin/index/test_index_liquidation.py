"""Units in liquidation, and rules that change: what the caller is told, and when."""

import numpy as np
import pytest

from monitor.core.margin.index.columns import (
    AMOUNT,
    HEALTHY,
    LIQUIDATABLE,
    MARGIN_CALL,
    POSITION,
    UNDECIDED,
)
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.terms import InstrumentTerms

FLAT = ((float("inf"), 0.05, 0.0, 0.05),)
# A long of 1 at 100 with a balance of 10: liquidatable below 94.737 (equity 4.737), called below
# 96; a liquidation ends above 100 where it is asked for twice the requirement.
ITEMS = [Item(AMOUNT, 0, 10.0), Item(POSITION, 0, 1.0, 100.0)]


def liquidated(*, buffer: float = 0.0, end_factor: float = 2.0) -> tuple[ThresholdIndex, int]:
    """Return an index with one unit, liquidatable at 94 and in liquidation."""
    index = ThresholdIndex(1.25, end_factor=end_factor)
    mark = index.add_price(94.0)
    index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT, buffer=buffer))
    index.set_unit(0, ITEMS)
    assert index.states([0])[0] == LIQUIDATABLE
    index.set_ending(0, ending=True)
    return index, mark


def test_a_unit_in_liquidation_is_reported_where_that_may_end_though_its_state_stays() -> None:
    index, mark = liquidated()
    assert index.move([mark], [99.9])[["before", "after"]].tolist() == [(LIQUIDATABLE, HEALTHY)]
    assert len(index.move([mark], [99.95])) == 0
    assert index.move([mark], [100.2]).tolist() == [(0, 0, HEALTHY, HEALTHY)]
    index.set_ending(0, ending=False)
    assert len(index.move([mark], [99.0])) == 0
    assert len(index.move([mark], [101.0])) == 0


def test_a_buffer_counts_where_a_liquidation_ends_and_nowhere_else() -> None:
    index, mark = liquidated(buffer=0.02)
    index.move([mark], [99.0])
    assert len(index.move([mark], [100.2])) == 0
    assert index.move([mark], [102.5]).tolist() == [(0, 0, HEALTHY, HEALTHY)]
    assert index.move([mark], [95.0]).tolist() == [(0, 0, HEALTHY, MARGIN_CALL)]
    index.set_ending(0, ending=False)
    index.move([mark], [100.0])
    assert len(index.move([mark], [102.5])) == 0


def test_on_the_end_itself_every_move_is_reported() -> None:
    index, mark = liquidated()
    assert len(index.move([mark], [100.0])) == 1
    for price in (99.9999, 100.0, 100.0001, 100.0):
        assert len(index.move([mark], [price])) == 1


def test_single_moves_stop_where_a_unit_in_liquidation_is_reported() -> None:
    index, mark = liquidated()
    prices = np.array([94.1, 99.0, 100.5, 100.6, 100.7])
    done, changes = index.move_each(np.full(5, mark), prices)
    assert (done, changes["step"].tolist()) == (2, [1])
    done, changes = index.move_each(np.full(5, mark), prices, done)
    assert (done, changes["step"].tolist()) == (3, [2])
    assert index.move_each(np.full(5, mark), prices, done)[0] == 5


def test_a_unit_stays_in_liquidation_whatever_its_items_until_it_is_removed() -> None:
    index, mark = liquidated()
    many = [Item(POSITION, 0, 0.001, 100.0)] * 40
    for items in (ITEMS, [*ITEMS, *many], ITEMS, [Item(AMOUNT, 0, 1.0)]):
        assert [change[1] for change in index.set_unit(0, items).tolist()] == [0]
    index.remove_units([0])
    index.set_unit(0, ITEMS)
    assert len(index.set_unit(0, ITEMS)) == 0
    assert len(index.move([mark], [94.1])) == 0


def test_a_unit_in_liquidation_that_misses_a_price_is_reported_when_it_is_there() -> None:
    index, mark = liquidated()
    assert index.move([mark], [np.nan])["unit"].tolist() == [0]
    assert index.move([mark], [101.0])[["unit", "after"]].tolist() == [(0, HEALTHY)]
    assert len(index.move([mark], [99.9])) == 1


def test_other_factors_hold_after_a_rescan() -> None:
    index, mark = liquidated()
    index.set_ending(0, ending=True)
    index.move([mark], [98.0])
    index.use_rules(2.0, 1.5)
    assert index.rescan()[["before", "after"]].tolist() == [(HEALTHY, MARGIN_CALL)]
    assert len(index.move([mark], [97.4])) == 0
    assert index.move([mark], [97.2]).tolist() == [(0, 0, MARGIN_CALL, MARGIN_CALL)]
    for factors in ((0.9, 1.0), (1.0, 0.9), (float("nan"), 1.0), (1.0, float("inf"))):
        with pytest.raises(ValueError, match="factor"):
            index.use_rules(*factors)


def test_other_rules_of_an_instrument_hold_after_a_rescan() -> None:
    index = ThresholdIndex(1.25)
    mark = index.add_price(100.0)
    terms = InstrumentTerms(mark=mark, tiers=FLAT)
    index.add_instrument(terms)
    legs = [Item(AMOUNT, 0, 9.0), Item(POSITION, 0, 1.0, 100.0), Item(POSITION, 0, -1.0, 100.0)]
    index.set_unit(0, legs)
    assert index.states([0])[0] == LIQUIDATABLE
    index.relist_instrument(0, terms._replace(larger_leg=True))
    assert index.rescan()[["before", "after"]].tolist() == [(LIQUIDATABLE, HEALTHY)]
    assert index.move([mark], [145.0])["after"].tolist() == [MARGIN_CALL]
    index.relist_instrument(0, terms._replace(always_exact=True))
    assert index.rescan()["after"].tolist() == [UNDECIDED]
    index.relist_instrument(0, terms)
    assert index.rescan()["after"].tolist() == [LIQUIDATABLE]


def test_a_fee_at_the_bankruptcy_price_follows_equity() -> None:
    """Long 1 at 100, balance 10, fee 10 % of the bankruptcy price 90 (after the fee: 100)."""
    for after_fee, fee in ((False, 9.0), (True, 10.0)):
        index = ThresholdIndex(1.0)
        mark = index.add_price(100.0)
        terms = InstrumentTerms(mark=mark, closing_fee=0.1, after_fee=after_fee)
        index.add_instrument(terms)
        index.set_unit(0, ITEMS)
        index.move([mark], [90.0 + fee + 0.01])
        assert index.states([0])[0] == HEALTHY
        assert index.move([mark], [90.0 + fee - 0.01])["after"].tolist() == [LIQUIDATABLE]


def test_a_hedged_unit_with_a_fee_at_the_bankruptcy_price_is_left_to_the_caller() -> None:
    index = ThresholdIndex(1.25)
    mark = index.add_price(100.0)
    index.add_instrument(InstrumentTerms(mark=mark, tiers=FLAT, closing_fee=0.1))
    index.set_unit(0, [Item(AMOUNT, 0, 99.0), *ITEMS, Item(POSITION, 0, -1.0, 90.0)])
    assert index.states([0])[0] == UNDECIDED
    assert index.move([mark], [99.0])["after"].tolist() == [UNDECIDED]
