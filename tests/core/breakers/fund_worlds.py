"""Random reports of a fund in a world of single nanoseconds, and breakers that see them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

from monitor.core.breakers import FundRule
from monitor.core.breakers.breaker import Breaker
from monitor.core.decisions import Decision

LOOKBACK_NS = 10
LOOKBACK_S = 1e-8
END_NS = 60


@dataclass(frozen=True)
class Report:
    """A balance from a moment on; `is_profit`: what moved it counts as profit of the scope."""

    at_ns: int
    balance: int
    is_profit: bool


REPORTS = st.lists(
    st.builds(Report, st.integers(0, END_NS - 20), st.integers(1, 12), st.booleans()),
    min_size=1,
    max_size=12,
).map(lambda reports: sorted(reports, key=lambda one: one.at_ns))


def balance_at(reports: Sequence[Report], now_ns: int) -> int:
    """Return the balance that holds at a moment (the first one before any)."""
    told = [one.balance for one in reports if one.at_ns <= now_ns]
    return told[-1] if told else reports[0].balance


def observe(rule: FundRule, report: Report) -> None:
    """Tell a rule a report."""
    rule.observe(report.at_ns, Fraction(report.balance), is_own_profit=report.is_profit)


def assert_restored_goes_on(
    make_rule: Callable[[], FundRule], reports: Sequence[Report], saved_ns: int
) -> None:
    """Assert that a rule restored at a moment measures what the steady one does."""
    steady, restored = make_rule(), make_rule()
    for report in reports:
        if report.at_ns > saved_ns:
            break
        observe(steady, report)
        steady.measure(report.at_ns)
    restored.restore(steady.export_state())
    for report in [one for one in reports if one.at_ns > saved_ns]:
        observe(steady, report)
        observe(restored, report)
        assert restored.measure(report.at_ns) == steady.measure(report.at_ns)
    assert restored.export_state() == steady.export_state()


def play(watch: Breaker, reports: Sequence[Report], *, by_timers: bool) -> list[Decision]:
    """Return what a breaker decides, looked at on its timers, or in every nanosecond."""
    made: list[Decision] = []
    rule = watch.rule
    for now_ns in range(END_NS + 1):
        due_ns = watch.status.due_ns
        if by_timers:
            assert due_ns is None or due_ns >= now_ns
        if due_ns == now_ns or not by_timers:
            if watch.status.state == "tripped" and due_ns == now_ns:
                watch.status.due_ns = None
            made += watch.look(now_ns)
        for report in reports:
            if report.at_ns == now_ns:
                observe(rule, report)  # type: ignore[arg-type]
                made += watch.look(now_ns)
    return made
