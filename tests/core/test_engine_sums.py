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


def test_a_late_liquidation_is_in_the_report_that_came_after_it() -> None:
    journal = Journal()
    journal.list_instrument("X", fund="main")
    journal.fund("main", "1000")
    journal.balance("ann", "-45")
    journal.now_ns += 200
    journal.mark("X", "100")
    journal.now_ns -= 100
    journal.liquidation("finished", "ann", "X", size="-1", liquidation_id="L")
    journal.now_ns += 50
    journal.fund("main", "955", reason="liquidation")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.events)
    assert engine.summary()["funds"]["main"] == {
        "asset": "USD",
        "balance": "955",
        "drawn": "45",
        "credited": "0",
        "uncovered": "0",
    }


def test_a_fund_in_another_asset_is_refused() -> None:
    journal = Journal()
    journal.fund("main", "1000")
    journal.fund("main", "5", asset="BTC")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.events)
    (refused,) = engine.take_refused()
    assert refused.reason == "invalid_field"
    assert "expected the balance of fund main in USD, received BTC" in refused.detail
    assert engine.summary()["funds"]["main"]["balance"] == "1000"


def test_the_unit_of_an_asset_is_fixed_by_a_fund_or_an_isolated_margin() -> None:
    for fill in ("fund", "margin"):
        journal = Journal()
        journal.list_instrument("X")
        if fill == "fund":
            journal.fund("main", "1000")
        else:
            journal.position("ann", "X", "1", "100", margin_mode="isolated", isolated_margin="50")
        journal.list_collateral("USD", minor_unit="0.01")
        engine = RiskEngine(EngineSettings())
        engine.apply(journal.events)
        assert [one.reason for one in engine.take_refused()] == ["unit_is_fixed"]
