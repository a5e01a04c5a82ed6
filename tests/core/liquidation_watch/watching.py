"""An engine with limits, and what it finds."""

from typing import Any

from monitor.core import events
from monitor.core.decisions import (
    Decision,
    LiquidationDecision,
    LiquidationEngineDecision,
)
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings, LiquidationWatchSettings
from tests.builders import Amount, Journal, text, tier

Level = tuple[Amount, Amount]


def engine_with(**limits: Any) -> RiskEngine:
    """Return an engine under `[liquidation_watch]` settings."""
    return RiskEngine(EngineSettings(liquidation_watch=LiquidationWatchSettings(**limits)))


def findings(
    engine: RiskEngine, journal: Journal
) -> list[LiquidationDecision | LiquidationEngineDecision]:
    """Apply what is written, none of it refused; return what is found about liquidations."""
    made: list[Decision] = [decision for _, decision in engine.apply(journal.take())]
    assert engine.take_refused() == []
    kinds = (LiquidationDecision, LiquidationEngineDecision)
    return [one for one in made if isinstance(one, kinds)]


def kinds_of(engine: RiskEngine, journal: Journal) -> list[str]:
    """Return the kinds of what is found."""
    return [one.kind for one in findings(engine, journal)]


def long_of(size: int, balance: str, **listing: Any) -> Journal:
    """Return the opening: a long entered at 100 that keeps 5 %."""
    journal = Journal()
    journal.list_instrument("X", risk_tiers=[tier(None, "0.1", "0.05")], **listing)
    journal.mark("X", "100")
    journal.balance("ann", balance)
    journal.position("ann", "X", size, "100")
    return journal


def depth(journal: Journal, bids: list[Level], asks: list[Level]) -> None:
    """Show the whole visible book of X."""
    journal.add(
        events.DepthChanged(
            event_ns=journal.now_ns,
            instrument="X",
            bids=[(text(price), text(size)) for price, size in bids],
            asks=[(text(price), text(size)) for price, size in asks],
        )
    )


def trade(journal: Journal, size: Amount, aggressor: str, price: Amount = "96") -> None:
    """Print a trade in X."""
    journal.add(
        events.TradePrinted(
            event_ns=journal.now_ns,
            instrument="X",
            price=text(price),
            size=text(size),
            aggressor=aggressor,
        )
    )
