"""The velocity breaker: when it trips, cools and is armed again."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.breaker_settings import PriceVelocitySettings
from monitor.core.breakers.breaker import SECOND_NS, Breaker
from monitor.core.breakers.price_velocity import PriceVelocity


def breaker(**changes: object) -> Breaker:
    settings = {"name": "v", "lookback_s": 60, "limit_ratio": 0.1, "cool_off_s": 30, **changes}
    own = PriceVelocitySettings(**settings)  # type: ignore[arg-type]
    return Breaker(own, "X", PriceVelocity(own))


def see(watch: Breaker, second: float, price: str, **extremes: str) -> list[str]:
    now_ns = round(second * SECOND_NS)
    assert isinstance(watch.rule, PriceVelocity)
    watch.rule.observe(now_ns, price, extremes.get("high"), extremes.get("low"))
    return [decision.kind for decision in watch.look(now_ns)]


def test_it_does_not_trip_at_the_limit_itself() -> None:
    watch = breaker()
    assert see(watch, 0, "100") == []
    assert see(watch, 1, "90") == []
    assert see(watch, 2, "89.99") == ["breaker_tripped"]


def test_a_limit_in_the_currency_of_the_price_is_one_of_differences() -> None:
    """docs/model/breakers.md."""
    watch = breaker(limit_ratio=None, limit_quote=11)
    see(watch, 0, "100")
    see(watch, 1, "104")
    assert see(watch, 2, "93") == []
    assert watch.rule.measure(2 * SECOND_NS).value == 11
    assert see(watch, 3, "92.9999999999") == ["breaker_tripped"]
    rising = breaker(limit_ratio=None, limit_quote=5, release_quote=2, direction="up")
    see(rising, 0, "1000000")
    assert see(rising, 1, "999000") == []
    assert see(rising, 2, "999005") == []
    assert see(rising, 3, "999005.0000000001") == ["breaker_tripped"]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 10**6)), min_size=1, max_size=30),
    st.sampled_from(["up", "down", "both"]),
)
def test_a_difference_is_that_of_all_marks(steps: list[tuple[int, int]], direction: str) -> None:
    watch, now_ns, points = breaker(limit_ratio=None, limit_quote=1, direction=direction), 0, []
    assert isinstance(watch.rule, PriceVelocity)
    for waited_s, scaled in steps:
        now_ns += waited_s * 10 * SECOND_NS
        price = f"{scaled // 1000}.{scaled % 1000:03d}".rstrip("0").rstrip(".")
        watch.rule.observe(now_ns, price, None, None)
        points.append((now_ns, Fraction(scaled, 1000)))
        held = [one for at, one in points if at >= now_ns - 60 * SECOND_NS]
        up, down = held[-1] - min(held), max(held) - held[-1]
        moves = {"up": up, "down": down, "both": max(up, down)}
        is_first = len(held) == 1
        assert watch.rule.measure(now_ns).value == (0 if is_first else moves[direction])
        estimate = watch.rule.estimate(now_ns)
        assert not (estimate.is_clear and watch.rule.measure(now_ns).is_beyond)


def test_it_does_not_trip_on_a_first_tick_with_wide_extremes() -> None:
    assert see(breaker(), 0, "100", high="150", low="50") == []


@pytest.mark.parametrize(
    ("direction", "price", "expected"),
    [
        ("up", "120", ["breaker_tripped"]),
        ("up", "80", []),
        ("down", "80", ["breaker_tripped"]),
        ("down", "120", []),
        ("both", "80", ["breaker_tripped"]),
    ],
)
def test_it_watches_the_direction_it_was_told(
    direction: str, price: str, expected: list[str]
) -> None:
    watch = breaker(direction=direction)
    see(watch, 0, "100")
    assert see(watch, 1, price) == expected


def test_it_catches_a_spike_between_two_samples() -> None:
    watch = breaker()
    see(watch, 0, "100")
    assert see(watch, 1, "100", low="89") == ["breaker_tripped"]


def test_it_forgets_what_is_older_than_the_lookback() -> None:
    watch = breaker()
    see(watch, 0, "100")
    assert see(watch, 61, "80") == []


def test_an_oscillation_around_the_limit_trips_once_in_a_cool_off() -> None:
    watch = breaker(cool_off_s=10)
    see(watch, 0, "100")
    tripped = []
    for step in range(20_000):
        now_ns = round((1 + step / 1_000) * SECOND_NS)
        due_ns = watch.status.due_ns
        if watch.status.state != "armed" and due_ns is not None and due_ns <= now_ns:
            watch.rule.pass_time()
            watch.look(due_ns)
        assert isinstance(watch.rule, PriceVelocity)
        watch.rule.observe(now_ns, "89.9" if step % 2 else "90.1", None, None)
        tripped += [now_ns for d in watch.look(now_ns) if d.kind == "breaker_tripped"]
    assert all(after - before >= 10 * SECOND_NS for before, after in pairwise(tripped))
    assert len(tripped) >= 1


def test_it_cools_when_the_move_is_over_and_is_armed_with_a_fresh_reference() -> None:
    watch = breaker(direction="down")
    see(watch, 0, "100")
    assert see(watch, 1, "80") == ["breaker_tripped"]
    assert see(watch, 2, "95") == ["breaker_cooling"]
    assert watch.status.due_ns == 32 * SECOND_NS
    watch.rule.pass_time()
    assert [d.kind for d in watch.look(32 * SECOND_NS)] == ["breaker_rearmed"]
    assert see(watch, 33, "86") == []
    assert see(watch, 34, "85.49") == ["breaker_tripped"]


def test_a_halt_is_extended_while_the_move_stands() -> None:
    watch = breaker(halt_s=5)
    see(watch, 0, "100")
    see(watch, 1, "80")
    watch.rule.pass_time()
    assert watch.look(6 * SECOND_NS) == []
    assert (watch.status.extended, watch.status.due_ns) == (1, 11 * SECOND_NS)


def test_a_manual_reset_arms_it_and_says_who() -> None:
    watch = breaker()
    see(watch, 0, "100")
    see(watch, 1, "80")
    (decision,) = watch.reset(2 * SECOND_NS, "ann")
    assert (decision.kind, decision.by) == ("breaker_rearmed", "ann")  # type: ignore[attr-defined]
    assert watch.reset(3 * SECOND_NS, "ann") == []
