"""Whose turn it is when an instrument is relisted, and how many come at once."""

import pytest

from monitor.core.ledger import Ledger
from monitor.core.ledger.relisting import BUCKETS, bucket_of, stride_for
from tests.core.ledger.books import instrument


@pytest.mark.parametrize(
    ("holders", "stride"),
    [(0, BUCKETS), (1_000, BUCKETS), (1_001, 65_470), (200_000, 327), (10**9, 1)],
)
def test_an_event_does_about_a_thousand_positions(holders: int, stride: int) -> None:
    assert stride_for(holders) == stride


def test_turns_are_spread_over_names_as_they_come() -> None:
    turns = [bucket_of(f"account-{number}") for number in range(10_000)]
    per_sixteenth = [sum(turn * 16 // BUCKETS == part for turn in turns) for part in range(16)]
    assert min(turns) >= 0
    assert max(turns) < BUCKETS
    assert all(500 < count < 750 for count in per_sixteenth)


def test_holders_are_counted_and_found_under_both_definitions() -> None:
    ledger, old, new = Ledger(), instrument("A-PERP"), instrument("A-PERP")
    for number in range(100):
        account = ledger.open_account(f"account-{number}")
        ledger.set_position(account, old, "net", size=4, entry="10")
    store = ledger.store
    store.relist(old, new, BUCKETS // 4)
    seen = []
    while "A-PERP" in store.relistings:
        assert store.count_holders("A-PERP") == len([*store.holders("A-PERP")]) == 100
        moved = ledger.relist_slice("A-PERP")
        assert {position.instrument for own in moved for position in own.list_positions()} == {new}
        seen += [bucket_of(account.name) for account in moved]
    assert len(seen) == 100
    assert [turn * 4 // BUCKETS for turn in seen] == sorted(turn * 4 // BUCKETS for turn in seen)
    assert store.numbers_of("A-PERP") == [1]
    ledger.set_position(ledger.open_account("new"), instrument("B-PERP"), "net", size=1, entry="1")
    assert store.numbers_of("B-PERP") == [0]  # the old definition's number, used again
