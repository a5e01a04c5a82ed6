"""A fund pays what it has, once, and a report says what it already includes."""

from monitor.core.events import InsuranceFundChanged
from monitor.core.waterfall import Fund


def report(event_ns: int, **changes: object) -> InsuranceFundChanged:
    return InsuranceFundChanged(
        event_ns=event_ns,
        fund="main",
        asset="USDT",
        balance="0",
        reason="liquidation",
        **changes,  # type: ignore[arg-type]
    )


def test_a_draw_lowers_what_the_next_one_finds() -> None:
    fund = Fund("main", "USDT", reported=300)
    assert fund.draw(200, "L1", 1) == 200
    assert fund.draw(200, "L2", 2) == 100
    assert (fund.available, fund.drawn, fund.uncovered) == (0, 300, 100)


def test_a_report_includes_what_is_not_later_than_it() -> None:
    fund = Fund("main", "USDT", reported=300)
    fund.draw(50, "L1", 5)
    fund.draw(20, "L2", 9)
    fund.report(report(5), 250)
    assert fund.available == 230


def test_a_report_with_liquidations_includes_only_those() -> None:
    fund = Fund("main", "USDT", reported=300)
    fund.draw(50, "L1", 5)
    fund.draw(20, "L2", 6)
    fund.report(report(9, liquidation_ids=["L2"]), 280)
    assert fund.available == 230


def test_an_overdrawn_report_is_never_paid_out() -> None:
    fund = Fund("main", "USDT", reported=-10)
    assert fund.draw(5, "L1", 1) == 0
    assert fund.available == 0
