"""The engine's whole state as plain values, and back."""

import hashlib
from typing import Any

import msgspec

from monitor.core.account_state import export_accounts, restore_accounts
from monitor.core.audit import Audit
from monitor.core.changes import OpenChanges
from monitor.core.facts import MarketFacts
from monitor.core.market import Market
from monitor.core.parts import EngineParts
from monitor.core.sessions import Sessions
from monitor.core.shards import Shards
from monitor.core.venue import VenueEngine

STATE_FORMAT = 15


def export_engine(engine: EngineParts) -> dict[str, Any]:
    """Return everything that a restart needs, in a canonical order; no floats, no guards."""
    return {
        "format": STATE_FORMAT,
        "engine_ns": engine.engine_ns,
        "ordinal": engine.ordinal,
        "caught_up": engine.caught_up,
        "bootstrapping": engine.bootstrapping,
        "accounts_expected": engine.accounts_expected,
        "events_applied": engine.events_applied,
        "event_counts": sorted(engine.event_counts.items()),
        "ignored_counts": sorted(engine.ignored_counts.items()),
        "decision_counts": sorted(engine.decision_counts.items()),
        "feeds": [[name, *status] for name, status in sorted(engine.feeds.items())],
        "market": engine.market.export_state(),
        "venue": engine.venue.export_state(),
        "accounts": [export_accounts(part) for part in engine.shards.engines],
        "sessions": engine.shards.sessions.export_state(),
        "watch": engine.watch.export_state(),
        "audit": engine.audit.export_state(),
        "recount": [engine.recount.due_ns, engine.recount.done, engine.recount.violations],
        "changes": engine.changes.export_state(),
        "held": engine.held.export_state(),
    }


def make_audit(engine: EngineParts) -> Audit:
    """Return an audit of an engine's parts as they are."""
    shards, venue = engine.shards, engine.venue
    return Audit(
        engine.market,
        engine.settings.audit,
        is_suspect=lambda name: name in shards.of(name).ledger.suspects,
        fund_asset=lambda name: venue.funds[name].asset,
    )


def hash_of(state: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) of what `export_engine` returned: the state hash."""
    return hashlib.sha256(msgspec.msgpack.encode(state)).hexdigest()


def restore_engine(engine: EngineParts, state: dict[str, Any]) -> None:
    """Give a new engine the state that `export_engine` described.

    Raises ValueError if the state has another format.
    """
    if state.get("format") != STATE_FORMAT:
        raise ValueError(
            f"expected engine state of format {STATE_FORMAT}, received {state.get('format')}"
        )
    engine.engine_ns = state["engine_ns"]
    engine.ordinal = state["ordinal"]
    engine.caught_up = state["caught_up"]
    engine.bootstrapping = state["bootstrapping"]
    engine.accounts_expected = state["accounts_expected"]
    engine.events_applied = state["events_applied"]
    engine.event_counts = dict(state["event_counts"])
    engine.ignored_counts = dict(state["ignored_counts"])
    engine.decision_counts = dict(state["decision_counts"])
    engine.feeds = {name: (lost, ns) for name, lost, ns in state["feeds"]}
    engine.market = Market.from_state(state["market"])
    engine.venue = VenueEngine(engine.market, engine.settings)
    engine.venue.restore(state["venue"])
    parts = [
        restore_accounts(
            part, engine.market, engine.rules, accounts_reserved=engine.settings.accounts_reserved
        )
        for part in state["accounts"]
    ]
    sessions = Sessions(engine.settings.waterfall)
    sessions.restore(state["sessions"])
    engine.shards = Shards(parts, engine.venue.policy, sessions)
    engine.audit = make_audit(engine)
    engine.audit.restore(state["audit"])
    engine.recount.due_ns, engine.recount.done, engine.recount.violations = state["recount"]
    engine.facts = MarketFacts(engine.market, engine.shards, engine.venue, engine.audit)
    engine.changes = OpenChanges.from_state(state["changes"])
    engine.held.restore(state["held"])
    engine.watch.restore(state["watch"])
    for name in engine.changes.buffers:
        part = engine.shards.of(name)
        part.wait(name, waiting=True)
        part.touch(part.ledger.accounts[name])
