"""Shortfalls of a lookback, against every shortfall kept."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.breaker_settings import ShortfallSettings
from monitor.core.breakers.breaker import Breaker
from monitor.core.breakers.shortfall import ShortfallSum

LOOKBACK_NS = 10
AMOUNTS = st.lists(
    st.tuples(st.integers(0, 40), st.fractions(Fraction(1, 7), 9, max_denominator=7)), max_size=12
).map(sorted)


def breaker(**changes: Any) -> Breaker:
    own = {"lookback_s": 1e-8, "limit_usd": 10.0, "cool_off_s": 0, **changes}
    settings = ShortfallSettings(name="s", **own)
    return Breaker(settings, "venue", ShortfallSum(settings))


def see(watch: Breaker, now_ns: int, amount: int | Fraction) -> list[str]:
    rule = watch.rule
    assert isinstance(rule, ShortfallSum)
    rule.observe(now_ns, Fraction(amount))
    return [decision.kind for decision in watch.look(now_ns)]


def at_timer(watch: Breaker, due_ns: int) -> list[str]:
    assert watch.status.due_ns == due_ns
    watch.status.due_ns = None
    return [decision.kind for decision in watch.look(due_ns)]


@given(AMOUNTS)
def test_the_measure_is_that_of_all_shortfalls(amounts: list[tuple[int, Fraction]]) -> None:
    watch, restored = breaker(), breaker()
    for now_ns in range(60):
        for at_ns, amount in amounts:
            if at_ns == now_ns:
                see(watch, now_ns, amount)
        held = [amount for at_ns, amount in amounts if now_ns - LOOKBACK_NS <= at_ns <= now_ns]
        assert watch.rule.measure(now_ns).value == sum(held)
        restored.rule.restore(watch.rule.export_state())
        assert restored.rule.measure(now_ns) == watch.rule.measure(now_ns)


def test_it_trips_beyond_the_limit_and_cools_when_they_leave_the_window() -> None:
    watch = breaker(release_usd=4.0)
    assert see(watch, 0, 6) == []
    assert see(watch, 1, 4) == []  # at the limit
    assert see(watch, 2, 1) == ["breaker_tripped"]
    assert at_timer(watch, 11) == []  # the first one has left: 5 remain
    assert at_timer(watch, 12) == ["breaker_cooling", "breaker_rearmed"]


def test_by_hand_it_forgets_them() -> None:
    watch = breaker()
    assert see(watch, 0, 11) == ["breaker_tripped"]
    watch.reset(1, "me")
    assert see(watch, 2, 10) == []
