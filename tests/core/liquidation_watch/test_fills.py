"""Fills against the depth there was, and their fees."""

import pytest

from tests.builders import Journal
from tests.core.liquidation_watch.watching import depth, engine_with, findings, kinds_of, long_of


def liquidated(price: str, fee: str = "0", seen: bool = True, later: float = 0) -> Journal:
    journal = long_of(10, "60")
    journal.wait(1).mark("X", "96")
    if seen:
        depth(journal, [("96", 5), ("95", 10)], [("97", 3)])
    journal.wait(later).liquidation("started", "ann", "X", -10)
    journal.liquidation("filled", "ann", "X", -10, price, fee=fee)
    return journal


@pytest.mark.parametrize(("price", "is_found"), [("94.05", False), ("94", True)])
def test_a_fill_beyond_the_band_around_the_depth_is_mispriced(price: str, is_found: bool) -> None:
    """Ten contracts need the bids down to 95: 95 - 1 % is 94.05."""
    found = findings(engine_with(fill_depth_beyond_ratio=0.01), liquidated(price))
    assert [one.kind for one in found] == ["liquidation_mispriced"] * is_found
    for one in found:
        assert one.reason == ("filled at 94; the visible book held this size to 95: at least 94.05")


def test_a_fill_larger_than_all_that_is_visible_is_held_against_the_last_level() -> None:
    journal = long_of(10, "60")
    depth(journal, [("96", 1)], [])
    journal.wait(1).mark("X", "96")
    journal.liquidation("started", "ann", "X", -10)
    journal.liquidation("filled", "ann", "X", -10, "94")
    assert kinds_of(engine_with(fill_depth_beyond_ratio=0.01), journal) == ["liquidation_mispriced"]


@pytest.mark.parametrize(("seen", "later"), [(False, 0), (True, 6)])
def test_without_a_fresh_book_nobody_is_accused(seen: bool, later: float) -> None:
    journal = liquidated("80", seen=seen, later=later)
    assert kinds_of(engine_with(fill_depth_beyond_ratio=0.01), journal) == []


@pytest.mark.parametrize(("fee", "is_found"), [("9.6", False), ("9.61", True)])
def test_a_fee_above_its_share_of_the_notional_is_excessive(fee: str, is_found: bool) -> None:
    found = findings(engine_with(fee_ratio_max=0.01), liquidated("96", fee))
    assert [one.kind for one in found] == ["liquidation_fee_excessive"] * is_found
    for one in found:
        assert one.reason == "fee of 9.61 USD; at most 9.6"
