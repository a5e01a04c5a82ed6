"""Units read from the ledger: as many items as one may have, and room made for them."""

import pytest

from monitor.core.ledger.meanings import IN_FULL
from monitor.core.ledger.store import Store
from monitor.core.margin.index.columns import Capacity
from monitor.core.margin.index.holdings import (
    CROSS,
    UNIT_ITEMS_MAX,
    UNTOLD,
    Holdings,
    holdings_of,
)
from monitor.core.margin.index.index import ThresholdIndex

FEW = Capacity(units=2, rows=64, slots=4, instruments=4, chunks=1 << 15)


def account_with(store: Store, balances: int, units: int = 100) -> tuple[Holdings, int]:
    """Return the columns with a new account that has a balance of `units` in so many assets."""
    account = store.open_account(f"account-{balances}")
    for number in range(balances):
        store.exchange_balance(account, f"asset-{number}", units)
        store.asset_meanings.tell(number, 0.01, IN_FULL, 0)
    return holdings_of(store), account


def test_nothing_is_set_before_everything_is_told() -> None:
    store, index = Store(4), ThresholdIndex(1.25, FEW)
    holdings, account = account_with(store, 3)
    store.asset_meanings.begin(1)
    assert index.put_unit(holdings, 0, (0, account, CROSS)) == UNTOLD
    assert not index.holds(0)
    store.asset_meanings.tell(1, 0.01, IN_FULL, 0)
    assert index.put_unit(holdings, 0, (0, account, CROSS)) == 0
    assert index.measures([0])[0].tolist() == [3.0, 0.0, 3.0]


def test_what_the_caller_adds_counts_beside_what_the_ledger_has() -> None:
    store, index = Store(4), ThresholdIndex(1.25, FEW)
    holdings, account = account_with(store, 2)
    index.items[0] = (0, 0, -3.0, 0.0, 1)
    assert index.put_unit(holdings, 1, (0, account, CROSS)) == 3
    assert index.measures([0])[0].tolist() == [-1.0, 0.0, 5.0]


def test_room_is_made_for_units_and_rows() -> None:
    store, index = Store(4), ThresholdIndex(1.25, FEW)
    slot = index.add_price(2.0)
    holdings, account = account_with(store, 500)
    for number in range(500):
        store.asset_meanings.tell(number, 0.01, IN_FULL, slot)
    for unit in (0, 1, 40):
        assert index.put_unit(holdings, 0, (unit, account, CROSS)) == 0
        assert index.measures([unit])[0, 0] == pytest.approx(1_000.0)
    assert index.sums().counts.tolist() == [3, 0, 0, 0, 0, 0]


def test_more_items_than_one_unit_may_have_are_refused() -> None:
    store, index = Store(4), ThresholdIndex(1.25, FEW)
    holdings, account = account_with(store, UNIT_ITEMS_MAX + 1)
    with pytest.raises(ValueError, match=f"at most {UNIT_ITEMS_MAX} items"):
        index.put_unit(holdings, 0, (0, account, CROSS))
    assert not index.holds(0)
