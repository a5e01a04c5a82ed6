"""From the engine's views to records."""

import msgspec
import pytest

from monitor.api.decision_ring import DecisionRing
from monitor.api.presenting import GROUPED_FROM, account_record, decision_lines, ranked_accounts
from monitor.api.records import decimal_text
from monitor.core.decisions import BreakerRearmed, Decision
from monitor.core.view import RiskView
from tests.api.crash import END, view_at


def rearmed(second: int) -> Decision:
    return BreakerRearmed(event_ns=second * 10**9, rule="r", breaker="b", scope="BTC")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (1e-9, "0.000000001"),
        (1.5e20, "150000000000000000000"),
        (-12345.678912, "-12345.678912"),
        (None, None),
        (float("inf"), None),
        (float("nan"), None),
    ],
)
def test_numbers_are_decimal_strings_without_exponent(
    value: float | None, text: str | None
) -> None:
    assert decimal_text(value) == text


def test_many_of_one_kind_in_one_second_are_one_line() -> None:
    ring = DecisionRing()
    ring.extend([rearmed(1)] * GROUPED_FROM)
    ring.extend([rearmed(2)] * (GROUPED_FROM - 1))
    lines = decision_lines(ring.after(0, limit=100), limit=100)
    assert [(line.number, line.count) for line in lines] == [(7, 1), (6, 1), (5, 1), (4, 4)]
    assert [line.number for line in decision_lines(ring.after(0, limit=100), limit=2)] == [7, 6]


def test_accounts_are_ranked_by_what_they_are_now_and_unknown_ones_come_last() -> None:
    first, second, *others = view_at(END).worst
    unknown = msgspec.structs.replace(first, equity=None)
    healthy = msgspec.structs.replace(second, equity=1e9)
    view = RiskView(worst=(unknown, healthy, *others))
    ranked = ranked_accounts(view)
    assert ranked[0] == (1, others[0])
    assert ranked[-1] == (60, unknown)
    assert ranked[-2] == (59, healthy)


def test_an_account_without_equity_has_no_margin_ratio() -> None:
    record = account_record(1, view_at(END).worst[0])
    assert record.margin_ratio is None
    assert record.margin_shortfall == "60400"
