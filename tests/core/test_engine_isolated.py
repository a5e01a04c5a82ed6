"""An isolated position is a unit of its own, until the end of its liquidation and beyond."""

from typing import Any

import pytest

from monitor.core import events
from monitor.core.decisions import Decision, ShortfallIncurred
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import Journal
from tests.core.comparison import assert_same
from tests.reference.naive import NaiveEngine


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


@pytest.mark.parametrize(
    "margin",
    [
        {"margin_mode": "isolated", "isolated_margin": None},
        {"margin_mode": "cross", "isolated_margin": "0.000000001"},  # ignored, so never counted
    ],
)
def test_a_snapshot_reads_a_margin_as_a_position_does(margin: dict[str, Any]) -> None:
    reports = []
    for is_snapshot in (False, True):
        journal = opened(balance="1", margin="10")
        if is_snapshot:
            record = events.PositionRecord(instrument="X", size="1", entry_price="100", **margin)
            journal.snapshot("ann", balances={"USD": "1"}, positions=[record])
        else:
            journal.position("ann", "X", "1", "100", **margin)
        reports.append(decided(journal)[0].account_report("ann"))
    assert reports[0] == reports[1]


def test_its_pending_funding_goes_with_it() -> None:
    journal = opened(balance="1", margin="10")
    journal.funding("X", rate="0.05", price="100")
    closed(journal)
    engine, made = decided(journal)
    report = engine.account_report("ann")
    assert report is not None
    assert (report["state"], report["equity"]) == ("healthy", "1")
    assert "account_bankrupt" not in [decision.kind for decision in made]


def test_a_payment_told_twice_is_owed_once() -> None:
    journal = opened(balance="1", margin="10")
    for _ in range(2):
        journal.funding("X", rate="0.05", price="100", funding_id="F")
    engine, _ = decided(journal)
    report = engine.account_report("ann")
    assert report is not None
    assert report["positions"][0]["equity"] == "5"


def liquidate(journal: Journal, *, price: str, fee: str = "0") -> None:
    """Liquidate the position in one fill, which closes it."""
    journal.liquidation("started", "ann", "X", size="-1")
    journal.liquidation("filled", "ann", "X", size="-1", price=price, fee=fee)
    closed(journal)
    journal.liquidation("finished", "ann", "X", size="-1", price=price)


def test_what_its_margin_does_not_pay_is_a_shortfall_of_fills_and_fees() -> None:
    journal = opened(balance="1", margin="10")
    journal.mark("X", "92")
    liquidate(journal, price="80", fee="1")
    _, made = decided(journal)
    (shortfall,) = [one for one in made if one.kind == "shortfall_incurred"]
    assert (shortfall.amount, shortfall.episode_id) == ("11", "ann/X/net:1")  # type: ignore[attr-defined]
    assert shortfall.execution_loss == "10"  # type: ignore[attr-defined]
    (drawn,) = [one for one in made if one.kind == "insurance_fund_drawn"]
    assert drawn.paid == "11"  # type: ignore[attr-defined]


def test_one_stay_under_water_is_one_deficit_when_it_is_closed() -> None:
    journal = opened(balance="1", margin="10")
    journal.mark("X", "85")
    liquidate(journal, price="85")
    engine, made = decided(journal)
    (shortfall,) = [one for one in made if one.kind == "shortfall_incurred"]
    assert (shortfall.amount, shortfall.episode_id) == ("5", "ann/X/net:1")  # type: ignore[attr-defined]
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()


def test_it_never_charges_the_debt_of_the_cross_unit() -> None:
    journal = opened(balance="-50", margin="10")
    liquidate(journal, price="101")
    _, made = decided(journal)
    assert [one.kind for one in made if one.kind.startswith(("short", "insurance"))] == [
        "insurance_fund_credited"
    ]


def test_a_position_opened_again_does_not_hide_the_loss_of_the_closed_one() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "92")
    isolated = {"margin_mode": "isolated", "isolated_margin": "10"}
    journal.position("ann", "X", "1", "100", **isolated)
    journal.funding("X", rate="0.02", price="100")  # owes 2
    journal.liquidation("started", "ann", "X", "-1", None)
    journal.liquidation("filled", "ann", "X", "-1", "80")
    journal.position("ann", "X", "0", None, more=True)
    journal.position("ann", "X", "1", "92", **isolated)
    journal.liquidation("finished", "ann", "X", "-1", "80")
    assert_same(RiskEngine(EngineSettings()), NaiveEngine(EngineSettings()), journal.events)
    _, made = decided(journal)
    (shortfall,) = [one for one in made if isinstance(one, ShortfallIncurred)]
    assert shortfall.amount == "12"  # 10 + (80 - 100) - 2


def test_a_position_that_a_snapshot_names_twice_is_the_last_one() -> None:
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "100")

    def record(size: str, margin: str | None) -> events.PositionRecord:
        return events.PositionRecord(
            instrument="X-PERP",
            leg="net",
            size=size,
            entry_price="100",
            margin_mode="isolated",
            isolated_margin=margin,
        )

    journal.snapshot("ann", balances={"USD": "50"}, positions=[record("1", "5"), record("0", None)])
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    (shard,) = engine.shards.engines
    assert [unit.key for unit in shard.units()] == [None]
    assert shard.ledger.accounts["ann"].positions == {}


def test_a_liquidation_in_the_step_that_makes_a_position_cross_is_of_the_cross_unit() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "8")
    journal.balance("bob", "1")
    journal.position("bob", "X", "1", "8", margin_mode="isolated", isolated_margin="0")
    journal.position("bob", "X", "-3", "8", more=True)
    journal.liquidation("started", "bob", "X", "3")
    engine, twin = RiskEngine(EngineSettings()), NaiveEngine(EngineSettings())
    assert_same(engine, twin, journal.events)
    report = engine.account_report("bob")
    assert report is not None
    assert (report["state"], report["flags"]) == ("liquidatable", ["liquidating"])
