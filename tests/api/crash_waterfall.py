"""A bankruptcy that every layer of the waterfall pays for, as a real engine keeps it.

lea is long 20 at 100 with 50 of cash: bankrupt at 97.5. At 80 she owes 350. The market's fund pays
its cap of 30, the global one its 40; sue and tom are deleveraged at 97.5, 17.5 a contract: 10
contracts collect 175; sue's and tom's gains beyond that are charged. What they cannot bear
stays uncovered. ivy has the same on an isolated position. The venue then takes 7 from tom at 98:
one more than the rule, at a price that is worse for tom by 0.5, and nothing from sue.
"""

from functools import cache

from monitor.core.decisions import Cause, Decision
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.identity import stamp
from monitor.core.settings import EngineSettings, FundSettings
from tests.builders import Journal

EPISODE, ISOLATED = "lea:1", "ivy/ETH-PERP/net:1"
FUNDS = (
    FundSettings(name="market", asset="USD", parent="all", payout_cap=30.0),
    FundSettings(name="all", asset="USD"),
)


@cache
def story() -> tuple[AnyEvent, ...]:
    """Return the events."""
    journal = Journal()
    journal.list_instrument("ETH-PERP", fund="market")
    journal.mark("ETH-PERP", "100")
    journal.fund("market", "1000")
    journal.fund("all", "40")
    for name, size, balance in (("sue", "-4", "20"), ("tom", "-6", "100")):
        journal.balance(name, balance)
        journal.position(name, "ETH-PERP", size, "100")
    journal.balance("lea", "50")
    journal.position("lea", "ETH-PERP", "20", "100")
    isolated = {"margin_mode": "isolated", "isolated_margin": "2"}
    journal.position("ivy", "ETH-PERP", "1", "100", **isolated)
    for name, size, liquidation_id in (("lea", "-20", "L1"), ("ivy", "-1", "L2")):
        journal.liquidation("started", name, "ETH-PERP", size, liquidation_id=liquidation_id)
    journal.wait(1).mark("ETH-PERP", "80")
    for name, size, liquidation_id in (("lea", "-20", "L1"), ("ivy", "-1", "L2")):
        journal.wait(1).liquidation("finished", name, "ETH-PERP", size, "80", liquidation_id)
    journal.wait(1).balance("lea", "1000", reason="insurance")
    journal.deleveraging("tom", "ETH-PERP", "7", "98", "lea")
    return tuple(journal.events)


def told_engine() -> tuple[RiskEngine, list[Decision]]:
    """Return a new engine that has heard the story, and its decisions, stamped by their place."""
    engine = RiskEngine(EngineSettings(funds=FUNDS))
    decisions: list[tuple[Decision, Cause]] = [
        (decision, {"topic": "accounts", "partition": 0, "offset": index})
        for index, decision in engine.apply(story())
    ]
    return engine, stamp(decisions, configuration_hash="c0ffee", epoch=3)


@cache
def bankrupt_engine() -> RiskEngine:
    """Return one such engine; nobody changes it."""
    return told_engine()[0]
