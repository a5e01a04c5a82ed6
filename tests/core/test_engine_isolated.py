"""An isolated position is a unit of its own, until the end of its liquidation and beyond."""

from monitor.core.decisions import Decision
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import Journal


def opened(*, balance: str, margin: str, price: str = "100") -> Journal:
    """Return a journal with an isolated long of 1 at 100."""
    journal = Journal()
    journal.list_instrument("X", fund="main")
    journal.fund("main", "1000")
    journal.mark("X", price)
    journal.balance("ann", balance)
    journal.position("ann", "X", "1", "100", margin_mode="isolated", isolated_margin=margin)
    return journal


def closed(journal: Journal) -> None:
    """Close the isolated position as venues report it: no size, no margin."""
    journal.position("ann", "X", "0", margin_mode="isolated", isolated_margin="0")


def decided(journal: Journal) -> tuple[RiskEngine, list[Decision]]:
    engine = RiskEngine(EngineSettings())
    made = [decision for _, decision in engine.apply(journal.events)]
    assert engine.take_refused() == []
    return engine, made


def test_its_pending_funding_goes_with_it() -> None:
    journal = opened(balance="1", margin="10")
    journal.funding("X", rate="0.05", price="100")
    closed(journal)
    engine, made = decided(journal)
    report = engine.account_report("ann")
    assert report is not None
    assert (report["state"], report["equity"]) == ("healthy", "1")
    assert "account_bankrupt" not in [decision.kind for decision in made if decision.kind]


def test_a_payment_told_twice_is_owed_once() -> None:
    journal = opened(balance="1", margin="10")
    for _ in range(2):
        journal.funding("X", rate="0.05", price="100", funding_id="F")
    engine, _ = decided(journal)
    report = engine.account_report("ann")
    assert report is not None
    assert report["positions"][0]["equity"] == "5"
