"""A mark against its index: what counts, when, and that a breaker on it does not flap."""

from typing import Any

from monitor.core.breaker_settings import MarkIndexDivergenceSettings
from monitor.core.breakers.breaker import Breaker
from monitor.core.breakers.mark_index_divergence import MarkIndexDivergence

SECOND_NS = 10**9
MILLISECOND_NS = 10**6


def breaker(**changes: Any) -> Breaker:
    settings = MarkIndexDivergenceSettings(name="d", **{"limit_ratio": 0.03, **changes})
    return Breaker(settings, "X", MarkIndexDivergence(settings))


def see(
    watch: Breaker, now_ns: int, mark: str, high: str | None = None, low: str | None = None
) -> list[str]:
    """Return the kinds that a mark makes, timers before it included."""
    rule = watch.rule
    assert isinstance(rule, MarkIndexDivergence)
    kinds = []
    while (due_ns := watch.status.due_ns) is not None and due_ns <= now_ns:
        watch.status.due_ns = None if watch.status.state == "tripped" else due_ns
        rule.pass_time()
        kinds += [decision.kind for decision in watch.look(due_ns)]
    rule.observe(now_ns, mark, high, low)
    return kinds + [decision.kind for decision in watch.look(now_ns)]


def with_index(price: str, **changes: Any) -> Breaker:
    watch = breaker(**changes)
    rule = watch.rule
    assert isinstance(rule, MarkIndexDivergence)
    rule.observe_index(price)
    return watch


def test_it_trips_strictly_beyond_the_limit_up_and_down() -> None:
    for at, beyond in (("103", "103.01"), ("97", "96.99")):
        watch = with_index("100")
        assert see(watch, 0, "100") == []
        assert see(watch, 1, at) == []
        assert see(watch, 2, beyond) == ["breaker_tripped"]


def test_nothing_trips_on_the_first_tick_or_without_the_other_price() -> None:
    assert see(with_index("100"), 0, "150") == []
    silent = breaker()
    assert [see(silent, second, "150") for second in range(3)] == [[], [], []]


def test_silence_alone_neither_trips_nor_disarms_and_a_price_holds() -> None:
    watch = with_index("100")
    for second in range(1_000):
        assert see(watch, second * SECOND_NS, "102") == []
    assert see(watch, 1_000 * SECOND_NS, "104") == ["breaker_tripped"]
    assert see(watch, 1_001 * SECOND_NS, "104") == []  # still beyond: stays tripped


def test_a_crossing_inside_a_coalesced_mark_is_caught_and_counted_once() -> None:
    watch = with_index("100", cool_off_s=0)
    see(watch, 0, "100")
    assert see(watch, 1, "100", high="103.5") == ["breaker_tripped"]
    assert see(watch, 2, "100") == ["breaker_cooling", "breaker_rearmed"]


def test_a_mark_that_oscillates_at_1_khz_trips_once_in_a_cool_off() -> None:
    watch = with_index("100", cool_off_s=5, release_ratio=0.02)
    kinds = []
    for step in range(20_000):  # 20 s
        kinds += see(watch, step * MILLISECOND_NS, "103.01" if step % 2 else "100")
    assert kinds.count("breaker_tripped") == 4  # at 0, 5, 10 and 15 s
    assert kinds.count("breaker_rearmed") == 3


def test_reset_by_hand_it_takes_the_present_pair_as_a_first_one() -> None:
    watch = with_index("100")
    see(watch, 0, "100")
    assert see(watch, 1, "110") == ["breaker_tripped"]
    assert [one.kind for one in watch.reset(2, "me")] == ["breaker_rearmed"]
    assert watch.status.estimate == 0.0
    assert see(watch, 3, "110") == ["breaker_tripped"]


def test_a_restored_rule_goes_on() -> None:
    steady, restored = with_index("100").rule, breaker().rule
    assert isinstance(steady, MarkIndexDivergence)
    steady.observe(0, "100", None, None)
    steady.observe(1, "101", "102.5", "99")
    restored.restore(steady.export_state())
    assert restored.measure(1) == steady.measure(1)
    assert restored.export_state() == steady.export_state()
