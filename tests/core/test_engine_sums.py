"""Sums are wider than amounts: a total beyond 64 bits is kept, saved and told."""

from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import Journal

LARGEST = "46116860184.27387904"  # 2**62 units of 0.00000001


def test_a_total_beyond_64_bits_is_hashed_and_restored() -> None:
    engine = RiskEngine(EngineSettings())
    journal = Journal()
    for number in range(5):
        journal.balance(f"account-{number}", LARGEST, asset="SHIB")
    engine.apply(journal.events)
    assert engine.take_refused() == []
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()
    assert restored.summary() == engine.summary()


def test_a_restored_engine_notes_funding_in_the_same_order() -> None:
    engine = RiskEngine(EngineSettings())
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.position("ann", "X", "2", "100")
    journal.position("ann", "X", "1", "100", leg="long")
    engine.apply(journal.take())
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    journal.funding("X", rate="0.01", price="100")
    payment = journal.take()
    engine.apply(payment)
    restored.apply(payment)
    assert restored.state_hash() == engine.state_hash()


def test_a_restored_account_says_when_it_was_measured() -> None:
    engine = RiskEngine(EngineSettings())
    journal = Journal()
    journal.balance("ann", "10")
    engine.apply(journal.events)
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    view = restored.account_view("ann")
    assert view is not None
    assert view.updated_ns == engine.engine_ns
