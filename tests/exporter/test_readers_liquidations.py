"""Metrics of liquidations, read from the view of an engine."""

from monitor.core.view import RiskView
from monitor.exporter.collector import RiskCollector
from monitor.runtime.measurements import Measurements
from tests.core.liquidation_watch.test_execution import sold
from tests.core.liquidation_watch.watching import engine_with, findings


def samples(view: RiskView) -> dict[tuple[str, tuple[str, ...]], float]:
    collector = RiskCollector(lambda: view, Measurements())
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in collector.collect()
        for sample in family.samples
    }


def test_a_liquidation_stands_in_every_distribution() -> None:
    engine = engine_with()
    journal = sold("93", bids=[("96", 5), ("95", 10)])
    journal.fund("main", "1000")
    journal.fund("main", "990", reason="liquidation")
    findings(engine, journal)
    found = samples(engine.view())
    name = "loss_monitor_liquidation_cost_ratio"
    assert found[f"{name}_sum", ()] == 0.03125
    assert found[f"{name}_bucket", ("0.025",)] == 0
    assert found[f"{name}_bucket", ("0.05",)] == 1
    assert found["loss_monitor_liquidation_beyond_ideal_ratio_count", ()] == 1
    assert found["loss_monitor_liquidations_waiting", ("0",)] == 1
    assert found["loss_monitor_liquidations_waiting_usd", ("0",)] == 960
    flows = "loss_monitor_insurance_fund_flow_usd_total"
    assert found[flows, ("outflow", "liquidation")] == 10
    assert found["loss_monitor_liquidation_pace_ratio", ("safe",)] == 2.22222222222
    assert ("loss_monitor_liquidation_pace_ratio", ("volume",)) not in found


def test_before_anything_happens_nothing_is_claimed() -> None:
    found = samples(RiskView())
    assert found["loss_monitor_liquidation_engine_silent", ()] == 0
    assert not [name for name, _ in found if "_pace_" in name]
