"""Floats preselect the queue; they never decide who is in it."""

from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings, MarginSettings
from tests.builders import Journal


def test_an_equity_that_floats_take_for_negative_still_goes_first() -> None:
    journal = Journal()
    journal.list_instrument("X", risk_tiers=[], fund="main")
    journal.fund("main", "0")
    journal.mark("X", "700000000.7")
    journal.balance("ann", "-299999999.6")
    journal.position("ann", "X", "-1", "1000000000.3")
    journal.balance("bob", "1000000")
    journal.position("bob", "X", "-1", "1000000000")
    journal.balance("lost", "100000000")
    journal.position("lost", "X", "1", "900000000")
    journal.liquidation("started", "lost", "X", size="-1")
    journal.liquidation("filled", "lost", "X", size="-1", price="700000000.7")
    journal.liquidation("finished", "lost", "X", size="-1", price="700000000.7")
    engine = RiskEngine(EngineSettings(margin=MarginSettings(liquidatable_when="below")))
    made = [decision for _, decision in engine.apply(journal.events)]
    (plan,) = [decision for decision in made if decision.kind == "deleveraging_planned"]
    report = engine.account_report("ann")
    assert report is not None
    assert report["equity"] == "0"
    assert report["positions"][0]["deleveraging_rank"] == 1
    assert [one.account for one in plan.reductions] == ["ann"]  # type: ignore[attr-defined]
