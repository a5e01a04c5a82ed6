"""How soon a fund is empty: against every report kept, and looked at in every nanosecond."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.breaker_settings import FundSpeedSettings
from monitor.core.breakers.breaker import Breaker
from monitor.core.breakers.fund_speed import LONGEST_S, FundSpeed
from tests.core.breakers.fund_worlds import (
    END_NS,
    LOOKBACK_NS,
    LOOKBACK_S,
    REPORTS,
    Report,
    assert_restored_goes_on,
    observe,
    play,
)


def settings(**changes: Any) -> FundSpeedSettings:
    own = {"lookback_s": LOOKBACK_S, "limit_s": 2e-8, "cool_off_s": 0, **changes}
    return FundSpeedSettings(name="s", fund="main", **own)


def breaker(**changes: Any) -> Breaker:
    own = settings(**changes)
    return Breaker(own, "main", FundSpeed(own))


def naive(reports: list[Report], now_ns: int) -> Fraction:
    told = [one for one in reports if one.at_ns <= now_ns]
    lost = sum(
        before.balance - one.balance
        for before, one in pairwise(told)
        if one.is_profit and one.at_ns >= now_ns - LOOKBACK_NS
    )
    return told[-1].balance * Fraction(LOOKBACK_NS, 10**9) / lost if lost > 0 else LONGEST_S


@given(REPORTS)
def test_the_measure_is_that_of_all_reports(reports: list[Report]) -> None:
    rule = FundSpeed(settings())
    for now_ns in range(END_NS):
        for report in reports:
            if report.at_ns == now_ns:
                observe(rule, report)
        assert rule.measure(now_ns).value == naive(reports, now_ns)


@given(REPORTS, st.sampled_from([5e-9, 2e-8, 1e-7]))
def test_its_timers_miss_nothing(reports: list[Report], limit_s: float) -> None:
    expected = play(breaker(limit_s=limit_s), reports, by_timers=False)
    assert play(breaker(limit_s=limit_s), reports, by_timers=True) == expected


@given(REPORTS, st.integers(0, END_NS))
def test_a_restored_rule_goes_on(reports: list[Report], saved_ns: int) -> None:
    assert_restored_goes_on(lambda: FundSpeed(settings()), reports, saved_ns)


def test_it_trips_strictly_below_the_limit_and_a_withdrawal_is_no_loss() -> None:
    watch = breaker(lookback_s=3_600, limit_s=9 * 3_600)
    rule = watch.rule
    assert isinstance(rule, FundSpeed)
    made = []
    for second, (balance, is_profit) in enumerate(
        [(1_000, True), (900, True), (850, False), (849, True)]
    ):
        rule.observe(second * 10**9, Fraction(balance), is_own_profit=is_profit)
        made.append([one.kind for one in watch.look(second * 10**9)])
    assert made == [[], [], ["breaker_tripped"], []]  # 900: 9 h exactly; 850: 8.5 h
