"""What came into a fund and what went out, by cause."""

from monitor.core.engine import RiskEngine
from tests.builders import Journal
from tests.core.liquidation_watch.watching import engine_with


def test_flows_are_the_differences_of_balances_by_cause() -> None:
    engine, journal = engine_with(), Journal()
    journal.list_collateral("BTC", index="BTC", minor_unit="0.01")
    journal.index("BTC", "50")
    journal.fund("main", "1000")
    journal.fund("main", "1100", reason="fee")
    journal.fund("main", "900", reason="liquidation")
    journal.fund("main", "950", reason="liquidation")
    journal.fund("coins", "2", asset="BTC")
    journal.fund("coins", "1.5", asset="BTC", reason="withdrawal")
    engine.apply(journal.take())
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    view = restored.view().liquidations
    assert [(one.fund, one.cause, one.inflow, one.outflow) for one in view.fund_flows] == [
        ("coins", "withdrawal", "0", "0.5"),
        ("main", "fee", "100", "0"),
        ("main", "liquidation", "50", "200"),
    ]
    flowed = {key: amount for key, amount in view.fund_usd.items() if amount}
    assert flowed == {
        ("inflow", "fee"): 100.0,
        ("inflow", "liquidation"): 50.0,
        ("outflow", "liquidation"): 200.0,
        ("outflow", "withdrawal"): 25.0,
    }
