"""A fund pays what it has, once, and a report says what it already includes."""

from monitor.core.decisions import DeleveragingPlanned, InsuranceFundDrawn
from monitor.core.engine import RiskEngine
from monitor.core.events import InsuranceFundChanged
from monitor.core.settings import EngineSettings, FundSettings
from monitor.core.waterfall import PAYOUTS_MAX, Fund
from tests.builders import Journal


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


def test_a_cap_for_a_window_counts_what_was_paid_within_it() -> None:
    """At most 12 in 60 s: 10 for the first, 2 of the next, and 9 when 60 s have passed."""
    journal = Journal()
    journal.list_instrument("X", fund="market")
    journal.mark("X", "100")
    journal.fund("market", "50")
    for number, (owed, seconds) in enumerate((("10", 0.0), ("5", 20.0), ("9", 40.0))):
        journal.wait(seconds).balance(f"lost {number}", f"-{owed}")
        journal.liquidation("finished", f"lost {number}", "X", "-1", "80", f"L{number}")
    market = FundSettings(name="market", asset="USD", payout_window_cap=12.0, payout_window_s=60.0)
    engine = RiskEngine(EngineSettings(funds=(market,)))
    made = [decision for _, decision in engine.apply(journal.events)]
    draws = [one for one in made if isinstance(one, InsuranceFundDrawn)]
    assert [(one.amount, one.paid) for one in draws] == [("10", "10"), ("5", "2"), ("9", "9")]


def test_of_very_many_payouts_the_oldest_count_as_one_at_the_later_time() -> None:
    fund = Fund("main", "USDT")
    for second in range(PAYOUTS_MAX + 2):
        fund.note_payout(second, 1)
    assert len(fund.payouts) == PAYOUTS_MAX
    assert fund.paid_since(1) == PAYOUTS_MAX + 2  # never less than was paid
    assert fund.paid_since(2) == PAYOUTS_MAX - 1
    restored = Fund.from_state(fund.export_state())
    assert restored.paid_since(2) == PAYOUTS_MAX - 1


def test_what_a_fund_may_not_pay_its_parent_is_asked_for() -> None:
    """A shortfall of 10: the market's fund pays its cap of 4, the global one the 3 that it has."""
    journal = Journal()
    journal.list_instrument("X", fund="market")
    journal.mark("X", "100")
    journal.fund("market", "50")
    journal.fund("all", "3")
    journal.balance("ann", "10")
    journal.position("ann", "X", "1", "100")
    journal.mark("X", "80")
    journal.liquidation("started", "ann", "X", "-1")
    journal.liquidation("finished", "ann", "X", "0")
    funds = (
        FundSettings(name="market", asset="USD", parent="all", payout_cap=4.0),
        FundSettings(name="all", asset="USD"),
    )
    engine = RiskEngine(EngineSettings(funds=funds))
    made = [decision for _, decision in engine.apply(journal.events)]
    draws = [one for one in made if isinstance(one, InsuranceFundDrawn)]
    assert [(one.fund, one.amount, one.paid, one.uncovered) for one in draws] == [
        ("market", "10", "4", "6"),
        ("all", "6", "3", "3"),
    ]
    (planned,) = [one for one in made if isinstance(one, DeleveragingPlanned)]
    assert planned.amount == "3"
    assert engine.summary()["funds"]["market"]["uncovered"] == "6"
