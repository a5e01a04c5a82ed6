"""Tells the breakers what a step has changed: what is open, and which liquidations wait.

What is open changes with positions; what it is worth with marks, too. While the accounts of a
backlog are still missing nothing is told: they are not growth.
"""

from monitor.core.breakers.open_interest import Interest
from monitor.core.decisions import Decision
from monitor.core.parts import EngineParts
from monitor.core.report import fund_usd, notional_usd


def look_at_breakers(parts: EngineParts) -> list[Decision]:
    """Let the breakers see what has changed in this step; return what they decide."""
    board, waits = parts.venue.board, parts.watch.waits
    moved = board.take_interest_moved()
    if parts.bootstrapping:
        return []
    listed, now_ns = parts.market.instruments, parts.engine_ns
    found = [
        decision
        for name in moved
        if name in listed
        for decision in board.interest_changed(name, _interest(parts, name), now_ns)
    ]
    return found + board.backlog_changed(waits.idle_count, waits.idle_notional, now_ns)


def _interest(parts: EngineParts, name: str) -> Interest:
    instrument, measures = parts.market.instruments[name], parts.venue.board.interest_measures
    units = min(parts.shards.open_interest(name))
    share = None
    if "largest_share" in measures:
        share = max(side.largest_share for side in parts.shards.concentrations(name))
    return Interest(
        contracts=instrument.contracts(units),
        notional_usd=notional_usd(parts, name, units),
        fund_usd=None if instrument.fund is None else fund_usd(parts, instrument.fund),
        largest_share=share,
    )
