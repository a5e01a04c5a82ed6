"""What a timeline keeps: bounded, with every extreme, and spans that end."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.decisions import BreakerCooling, BreakerTripped, ShortfallIncurred
from monitor.replay.timeline import BUCKETS_MAX, NOTABLE_MAX, Series, Timeline
from tests.builders import Journal


@given(st.lists(st.tuples(st.integers(0, 10**14), st.integers(-99, 99)), min_size=1, max_size=200))
def test_a_series_keeps_extremes_sums_and_the_last_value(points: list[tuple[int, int]]) -> None:
    series = Series()
    for at, value in sorted(points):
        series.add(at, float(value))
    values = [value for _, value in sorted(points)]
    assert min(one.low for one in series.buckets) == min(values)
    assert max(one.high for one in series.buckets) == max(values)
    assert sum(one.total for one in series.buckets) == sum(values)
    assert series.buckets[-1].last == values[-1]
    begins = [one.begin_ns for one in series.buckets]
    assert begins == sorted(set(begins))


def test_a_long_series_is_bounded_and_as_fine_everywhere() -> None:
    series = Series()
    for second in range(50_000):
        series.add(second * 10**9, float(second % 77))
    assert BUCKETS_MAX // 4 < len(series.buckets) <= BUCKETS_MAX
    widths = {
        after.begin_ns - one.begin_ns
        for one, after in zip(series.buckets, series.buckets[1:], strict=False)
    }
    assert max(widths) < 3 * min(widths)
    assert sum(one.total for one in series.buckets) == sum(second % 77 for second in range(50_000))


def tripped(at: int, scope: str = "X") -> BreakerTripped:
    return BreakerTripped(
        event_ns=at, rule="r", breaker="b", scope=scope, measured="2", limit="1", action="halt"
    )


def test_a_trip_lasts_until_its_own_breaker_cools() -> None:
    timeline = Timeline()
    cooling = BreakerCooling(event_ns=5, rule="r", breaker="b", scope="X", extended=0)
    timeline.see([], [tripped(1), tripped(2, "Y"), cooling])
    assert [(one.tripped.scope, one.ended_ns) for one in timeline.spans] == [("X", 5), ("Y", None)]
    assert timeline.kinds["breaker_tripped"].first_ns == 1
    assert timeline.kinds["breaker_tripped"].count == 2


def test_what_does_not_fit_is_counted() -> None:
    timeline = Timeline()
    short = ShortfallIncurred(
        event_ns=1, rule="r", account="a", instrument="X", leg="net", liquidation_id="L",
        episode_id="a:1", asset="USD", amount="5", execution_loss="0",
    )  # fmt: skip
    timeline.see([], [short] * (NOTABLE_MAX + 3))
    assert (len(timeline.notable), timeline.notable_left_out) == (NOTABLE_MAX, 3)


def test_events_are_followed_by_what_they_are_about() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.wait(1).mark("X", "90", high="101", low="88")
    journal.fund("main", "50")
    journal.balance("ann", "10")
    journal.position("ann", "X", "1", "100")
    journal.liquidation("started", "ann", "X", "-1")
    timeline = Timeline()
    timeline.see(journal.events, [])
    (before, after) = timeline.marks["X"].buckets
    assert (before.last, after.low, after.high, after.last) == (100.0, 88.0, 101.0, 90.0)
    assert timeline.funds["main"].buckets[0].last == 50.0
    assert timeline.liquidations.buckets[0].total == 1.0
    assert (timeline.first_ns, timeline.last_ns) == (
        journal.events[0].event_ns,
        journal.events[-1].event_ns,
    )
