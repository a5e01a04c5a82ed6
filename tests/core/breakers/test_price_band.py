"""A mark against the mean of the marks before it: against all marks kept."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.amounts import to_fraction
from monitor.core.breaker_settings import PriceBandSettings
from monitor.core.breakers.breaker import SECOND_NS, Breaker
from monitor.core.breakers.price_band import PriceBand

LOOKBACK_S = 10
Mark = tuple[int, str, str | None, str | None]  # second, price, high, low


def breaker(**changes: Any) -> Breaker:
    own = {"name": "b", "lookback_s": LOOKBACK_S, "limit_ratio": 0.1, "cool_off_s": 30, **changes}
    settings = PriceBandSettings(**own)
    return Breaker(settings, "X", PriceBand(settings))


def see(watch: Breaker, second: float, price: str, **extremes: str) -> list[str]:
    now_ns = round(second * SECOND_NS)
    assert isinstance(watch.rule, PriceBand)
    watch.rule.observe(now_ns, price, extremes.get("high"), extremes.get("low"))
    return [decision.kind for decision in watch.look(now_ns)]


def measured(marks: list[Mark], now_s: int) -> Fraction:
    """Return the distance from all marks up to now, the newest against those before it."""
    *before, (told_s, price, high, low) = marks
    points = [to_fraction(each) for second, each, *_ in before if second >= told_s - LOOKBACK_S]
    if not points or now_s > told_s + LOOKBACK_S:
        return Fraction(0)
    mean = sum(points, Fraction(0)) / len(points)
    mark = to_fraction(price)
    distances = [abs(mark / mean - 1)]
    distances += [to_fraction(high) / mean - 1] if high else []
    distances += [1 - to_fraction(low) / mean] if low else []
    return max(distances)


PRICES = st.sampled_from(["80", "95.5", "100", "104.25", "120"])
EXTREMES = st.one_of(st.none(), PRICES)
MARKS = st.lists(st.tuples(st.integers(0, 40), PRICES, EXTREMES, EXTREMES), min_size=1).map(
    lambda marks: sorted(marks, key=lambda mark: mark[0])
)


@given(MARKS, st.integers(0, 15))
def test_the_measure_is_that_of_all_marks(marks: list[Mark], later_s: int) -> None:
    rule = PriceBand(PriceBandSettings(name="b", lookback_s=LOOKBACK_S, limit_ratio=0.1))
    for number, (second, price, high, low) in enumerate(marks, start=1):
        rule.observe(second * SECOND_NS, price, high, low)
        assert rule.measure(second * SECOND_NS).value == measured(marks[:number], second)
    now_s = marks[-1][0] + later_s
    assert rule.measure(now_s * SECOND_NS).value == measured(marks, now_s)


@given(MARKS, st.data())
def test_a_restored_rule_goes_on_as_the_steady_one(marks: list[Mark], data: st.DataObject) -> None:
    saved = data.draw(st.integers(0, len(marks)))
    settings = PriceBandSettings(name="b", lookback_s=LOOKBACK_S, limit_ratio=0.1)
    steady, restored = PriceBand(settings), PriceBand(settings)
    for number, (second, price, high, low) in enumerate(marks):
        if number == saved:
            restored.restore(steady.export_state())
        steady.observe(second * SECOND_NS, price, high, low)
        if number >= saved:
            restored.observe(second * SECOND_NS, price, high, low)
            assert restored.measure(second * SECOND_NS) == steady.measure(second * SECOND_NS)
            assert restored.export_state() == steady.export_state()


def test_it_trips_strictly_beyond_the_limit() -> None:
    watch = breaker()
    assert see(watch, 0, "99") == []
    assert see(watch, 1, "101") == []
    assert see(watch, 2, "110") == []  # 0.1 from 100
    assert see(watch, 3, "113.7") == ["breaker_tripped"]  # the mean is 103.33


def test_nothing_trips_on_a_first_mark_with_wide_extremes() -> None:
    assert see(breaker(), 0, "100", high="150", low="50") == []


def test_a_spike_between_two_samples_is_seen() -> None:
    watch = breaker()
    see(watch, 0, "100")
    assert see(watch, 1, "100", low="89") == ["breaker_tripped"]


def test_a_slow_drift_does_not_trip_it() -> None:
    watch = breaker()
    tripped = [see(watch, second, str(100 + second)) for second in range(200)]
    assert tripped == [[]] * 200


def test_without_marks_it_cools_when_the_lookback_has_passed() -> None:
    watch = breaker()
    see(watch, 0, "100")
    assert see(watch, 1, "80") == ["breaker_tripped"]
    due_ns = watch.status.due_ns
    assert due_ns == (1 + LOOKBACK_S) * SECOND_NS + 1
    watch.rule.pass_time()
    assert [decision.kind for decision in watch.look(due_ns)] == ["breaker_cooling"]


def test_armed_again_it_measures_against_the_present_mark() -> None:
    watch = breaker(cool_off_s=0)
    see(watch, 0, "100")
    assert see(watch, 1, "80") == ["breaker_tripped"]
    assert see(watch, 2, "85") == ["breaker_cooling", "breaker_rearmed"]
    assert see(watch, 3, "93") == []
    assert see(watch, 4, "98") == ["breaker_tripped"]  # the mean is 89
