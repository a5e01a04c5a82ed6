"""The window of newest decisions."""

from monitor.api.decision_ring import DecisionRing
from monitor.core.decisions import BreakerRearmed, Decision, OracleRestored


def decision(name: str) -> Decision:
    return BreakerRearmed(event_ns=1, rule="r", breaker=name, scope="BTC")


def test_only_the_newest_are_kept_and_numbers_go_on() -> None:
    ring = DecisionRing(kept=3)
    ring.extend(decision(str(number)) for number in range(5))
    assert [one.number for one in ring.newest(limit=10)] == [5, 4, 3]
    assert ring.last_number == 5


def test_a_page_goes_on_below_a_number() -> None:
    ring = DecisionRing()
    ring.extend(decision(str(number)) for number in range(5))
    assert [one.number for one in ring.newest(limit=2, before=4)] == [3, 2]


def test_one_kind_only() -> None:
    ring = DecisionRing()
    ring.extend([decision("a"), OracleRestored(event_ns=1, rule="r", oracle="o", index="i")])
    ring.extend([decision("b")])
    assert [one.number for one in ring.newest(limit=9, kind="breaker_rearmed")] == [3, 1]


def test_what_is_newer_comes_oldest_first_and_is_bounded() -> None:
    ring = DecisionRing()
    ring.extend(decision(str(number)) for number in range(6))
    assert [one.number for one in ring.after(3, limit=9)] == [4, 5, 6]
    assert [one.number for one in ring.after(0, limit=2)] == [5, 6]
    assert ring.after(6, limit=2) == []
