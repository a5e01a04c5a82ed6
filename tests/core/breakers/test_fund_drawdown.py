"""The drawdown of a fund: against every step kept, and looked at in every nanosecond."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.breaker_settings import FundDrawdownSettings
from monitor.core.breakers.breaker import Breaker
from monitor.core.breakers.fund_drawdown import FundDrawdown
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


def settings(**changes: Any) -> FundDrawdownSettings:
    own = {"name": "d", "fund": "main", "lookback_s": LOOKBACK_S, "cool_off_s": 0, **changes}
    return FundDrawdownSettings(**own)


def breaker(**changes: Any) -> Breaker:
    own = settings(**changes)
    return Breaker(own, "main", FundDrawdown(own))


def naive(reports: list[Report], now_ns: int) -> Fraction:
    """Return the drawdown from all reports up to now; each value holds until the next one."""
    told = [one for one in reports if one.at_ns <= now_ns]
    if not told:
        return Fraction(0)
    profit, profits, balances = 0, [0], [0]
    for before, one in zip([None, *told[:-1]], told, strict=True):
        profit += one.balance - before.balance if before and one.is_profit else 0
        profits.append(profit)
        balances.append(one.balance)
    since = now_ns - LOOKBACK_NS
    ends = [*(one.at_ns for one in told), now_ns]
    held = [number for number, end in enumerate(ends) if end >= since]
    highest = max(balances[number] for number in held)
    lost = max(profits[number] for number in held) - profit
    return Fraction(lost, highest) if highest else Fraction(0)


@given(REPORTS)
def test_the_measure_is_that_of_all_reports(reports: list[Report]) -> None:
    rule = FundDrawdown(settings())
    for now_ns in range(END_NS):
        for report in reports:
            if report.at_ns == now_ns:
                observe(rule, report)
        assert rule.measure(now_ns).value == naive(reports, now_ns)


@given(REPORTS, st.sampled_from([0.2, 0.5]), st.sampled_from([None, 0.1]), st.integers(0, 6))
def test_its_timers_miss_nothing(
    reports: list[Report], limit: float, release: float | None, balance_min: int
) -> None:
    rules = {"limit_ratio": limit, "release_ratio": release, "balance_min": float(balance_min)}
    expected = play(breaker(**rules), reports, by_timers=False)
    assert play(breaker(**rules), reports, by_timers=True) == expected


@given(REPORTS, st.integers(0, END_NS))
def test_a_restored_rule_goes_on(reports: list[Report], saved_ns: int) -> None:
    assert_restored_goes_on(lambda: FundDrawdown(settings()), reports, saved_ns)


def see(watch: Breaker, second: int, balance: int, *, is_profit: bool = True) -> list[str]:
    rule = watch.rule
    assert isinstance(rule, FundDrawdown)
    rule.observe(second * 10**9, Fraction(balance), is_own_profit=is_profit)
    return [decision.kind for decision in watch.look(second * 10**9)]


def test_it_trips_beyond_the_limit_and_is_armed_below_the_release() -> None:
    watch = breaker(lookback_s=28_800, limit_ratio=0.3, release_ratio=0.25)
    assert see(watch, 0, 1_000) == []
    assert see(watch, 1, 700) == []  # at the limit
    assert see(watch, 2, 699) == ["breaker_tripped"]
    assert see(watch, 3, 750) == []  # at the release
    assert see(watch, 4, 751) == ["breaker_cooling", "breaker_rearmed"]
    assert see(watch, 5, 690) == ["breaker_tripped"]  # the peak stays the peak


def test_a_withdrawal_is_no_loss_and_an_empty_fund_has_other_guards() -> None:
    watch = breaker(lookback_s=28_800, balance_min=100)
    see(watch, 0, 1_000)
    assert see(watch, 1, 500, is_profit=False) == []
    assert see(watch, 2, 100) == []  # not above balance_min
    assert watch.status.estimate == 0.4


def test_by_hand_it_forgets_the_peak() -> None:
    watch = breaker(lookback_s=28_800)
    see(watch, 0, 1_000)
    see(watch, 1, 600)
    assert [one.kind for one in watch.reset(2 * 10**9, "me")] == ["breaker_rearmed"]
    assert see(watch, 3, 500) == []
    assert see(watch, 4, 400) == ["breaker_tripped"]  # 200 of 600
