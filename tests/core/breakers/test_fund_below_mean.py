"""A fund below its mean: against every nanosecond added up, and looked at in every one."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.breaker_settings import FundBelowMeanSettings
from monitor.core.breakers.breaker import Breaker, Measure
from monitor.core.breakers.fund_below_mean import FundBelowMean
from tests.core.breakers.fund_worlds import (
    END_NS,
    LOOKBACK_NS,
    LOOKBACK_S,
    REPORTS,
    Report,
    assert_restored_goes_on,
    balance_at,
    observe,
    play,
)


def settings(**changes: Any) -> FundBelowMeanSettings:
    own = {"name": "m", "fund": "main", "lookback_s": LOOKBACK_S, "cool_off_s": 0, **changes}
    return FundBelowMeanSettings(**own)


def breaker(**changes: Any) -> Breaker:
    own = settings(**changes)
    return Breaker(own, "main", FundBelowMean(own))


def naive_mean(reports: list[Report], now_ns: int) -> Fraction:
    """Return the mean over every nanosecond of the window that is known."""
    since = max(reports[0].at_ns, now_ns - LOOKBACK_NS)
    held = [balance_at(reports, each) for each in range(since, now_ns)]
    return Fraction(sum(held), len(held)) if held else Fraction(balance_at(reports, now_ns))


@given(REPORTS, st.sampled_from([0.0, 0.25]), st.sampled_from([0.0, 3.0]))
def test_the_limit_is_that_of_all_reports(
    reports: list[Report], drop_ratio: float, drop_min: float
) -> None:
    rule = FundBelowMean(settings(drop_ratio=drop_ratio, drop_min=drop_min))
    for now_ns in range(reports[0].at_ns, END_NS):
        for report in reports:
            if report.at_ns == now_ns:
                observe(rule, report)
        mean = naive_mean(reports, now_ns)
        limit = mean - max(Fraction(drop_ratio) * mean, Fraction(drop_min))
        balance = balance_at(reports, now_ns)
        expected = Measure(Fraction(balance), limit, balance < limit, balance >= limit)
        assert rule.measure(now_ns) == expected


@given(REPORTS, st.sampled_from([0.0, 0.25, 0.5]), st.sampled_from([0.0, 2.0]))
def test_its_timers_miss_nothing(reports: list[Report], drop_ratio: float, drop_min: float) -> None:
    rules = {"drop_ratio": drop_ratio, "drop_min": drop_min}
    expected = play(breaker(**rules), reports, by_timers=False)
    assert play(breaker(**rules), reports, by_timers=True) == expected


@given(REPORTS, st.integers(0, END_NS))
def test_a_restored_rule_goes_on(reports: list[Report], saved_ns: int) -> None:
    assert_restored_goes_on(lambda: FundBelowMean(settings()), reports, saved_ns)


def test_a_worked_fund() -> None:
    rule = FundBelowMean(settings(lookback_s=28_800, drop_ratio=0.3))
    hour_ns = 3_600 * 10**9
    rule.observe(0, Fraction(1_000), is_own_profit=True)
    rule.observe(6 * hour_ns, Fraction(700), is_own_profit=True)
    measure = rule.measure(8 * hour_ns)
    assert measure.value == 700
    assert measure.limit == Fraction("647.5")
    assert not measure.is_beyond


def test_nothing_is_measured_before_a_report() -> None:
    rule = FundBelowMean(settings())
    assert rule.next_change_ns(5) is None
    assert not rule.measure(5).is_beyond
