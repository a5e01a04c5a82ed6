"""Makes the immutable view of the engine that outsiders read."""

import heapq
import math
from typing import Any

import numpy as np

from monitor.core.accounts import AccountEngine
from monitor.core.audit import CHECKS
from monitor.core.breaker_overview import breaker_views
from monitor.core.inventory import Inventory
from monitor.core.margin.book import STATES
from monitor.core.open_interest import Concentration
from monitor.core.oracle_overview import index_views, oracle_views
from monitor.core.parts import EngineParts
from monitor.core.report import account_view, notional_usd
from monitor.core.view import (
    AccountView,
    ConcentrationView,
    FeedView,
    FundView,
    InstrumentView,
    RiskView,
)
from monitor.core.watchlist import worst_accounts

WORST_ACCOUNTS = 100


def build_view(engine: EngineParts) -> RiskView:
    """Return the state of the whole exchange as of the engine's time.

    `worst`: every amount and the order are of now. Which accounts are looked at: all, where no
    images of the book are taken; else the 1,000 worst of the newest image and those whose state
    changed since, at most 4,096 a shard. So an account that came near to liquidation without a
    change of state is missing for at most the age of that image.
    """
    states: dict[str, int] = {}
    parts = engine.shards.engines
    for part in parts:
        for state, count in part.state_counts.items():
            states[state] = states.get(state, 0) + count
    return RiskView(
        engine_ns=engine.engine_ns,
        events_applied=dict(engine.event_counts),
        events_ignored=dict(engine.ignored_counts),
        decisions=dict(engine.decision_counts),
        accounts=states,
        suspect_accounts=sum(len(part.ledger.suspects) for part in parts),
        liquidating_accounts=sum(len(part.watchlist.liquidating) for part in parts),
        liquidations_overdue=engine.watch.overdue_count,
        liquidations=engine.watch.view(engine.market, engine.engine_ns),
        margin_shortfall_usd=_margin_shortfall(parts),
        exact_verdicts=sum(part.thresholds.exact_verdicts for part in parts),
        **_class_one(parts),
        audit_sums_off=_sums_off(engine),
        ledgers_forgotten={
            "deleveraging": engine.venue.deleveragings.forgotten,
            "waterfall": engine.venue.ledger.forgotten,
            "waves": engine.venue.waves.forgotten,
        },
        worst=_worst(engine),
        instruments=tuple(_instrument(engine, name) for name in sorted(engine.market.instruments)),
        funds=_funds(engine),
        waves=engine.venue.waves.shown(),
        pools=engine.venue.withdrawals.views(engine.engine_ns),
        breakers=breaker_views(engine),
        oracles=oracle_views(engine),
        indices=index_views(engine),
        feeds=tuple(
            FeedView(feed=name, lost=lost, changed_ns=changed_ns)
            for name, (lost, changed_ns) in sorted(engine.feeds.items())
        ),
        configuration_hash=engine.configuration_hash,
        ready=engine.caught_up and not engine.bootstrapping,
    )


def _margin_shortfall(parts: list[AccountEngine]) -> float:
    """Return the sum of max(0, maintenance - equity) at the present prices, where all are known."""
    return math.fsum(  # the same in any order
        max(0.0, maintenance - equity)
        for part in parts
        for equity, maintenance, _ in part.thresholds.index.measures(
            list(part.watchlist.short_of_margin)
        ).tolist()
        if not math.isnan(equity - maintenance)
    )


def _class_one(parts: list[AccountEngine]) -> dict[str, Any]:
    """Return equity by state and what the units under water are short of, by differences."""
    sums = [part.thresholds.index.sums() for part in parts]
    equity = {
        state: math.fsum(float(each.equity[number]) for each in sums)
        for number, state in enumerate(STATES)
        if state != "unknown"
    }
    # Of all shards at once: one that gained while its change is open counts against the others.
    return {"equity_usd": equity, "deficit_usd": max(-equity["bankrupt"], 0.0)}


def _worst(engine: EngineParts) -> tuple[AccountView, ...]:
    """Return the accounts nearest to liquidation, worst first."""
    scored = ((*found, part) for part in engine.shards.engines for found in _worst_of(part))
    worst = heapq.nlargest(WORST_ACCOUNTS, scored, key=lambda entry: entry[:2])
    views = [account_view(engine.shards, part, name, engine.engine_ns) for _, name, part in worst]
    views.sort(key=lambda view: -(view.risk_score or 0.0))
    return tuple(views)


def _worst_of(part: AccountEngine) -> list[tuple[float, str]]:
    """Return (maintenance / equity, account) of a shard's worst."""
    candidates = part.watchlist.candidates()
    units = part.margin_units.cross_units()
    if candidates is not None:
        units = np.array(candidates, np.int32)
    return worst_accounts(part.thresholds, units, WORST_ACCOUNTS)


def _instrument(engine: EngineParts, name: str) -> InstrumentView:
    market = engine.market
    instrument = market.instruments[name]
    quote = market.marks.get(name)
    index = market.indices.get(instrument.index) if instrument.index else None
    status = market.statuses.get(name)
    rate = market.funding_rates.get(name)
    long_units, short_units = engine.shards.open_interest(name)
    worth = notional_usd(engine, name, max(long_units, short_units))
    concentrations = engine.shards.concentrations(name)
    return InstrumentView(
        instrument=name,
        kind=instrument.kind,
        status="open" if status is None else status.status,
        mark_price=None if quote is None else quote.number,
        mark_price_ns=0 if quote is None else quote.event_ns,
        index_price=None if index is None else index.number,
        funding_rate=None if rate is None else float(rate.rate),
        open_interest_long_contracts=float(instrument.contracts(long_units)),
        open_interest_short_contracts=float(instrument.contracts(short_units)),
        open_interest_usd=None if worth is None else float(worth),
        concentration_long=_concentration(concentrations[0]),
        concentration_short=_concentration(concentrations[1]),
    )


def _concentration(side: Concentration) -> ConcentrationView:
    return ConcentrationView(
        largest_share=float(side.largest_share),
        top_share=float(side.top_share),
        herfindahl=float(side.herfindahl),
    )


def _funds(engine: EngineParts) -> tuple[FundView, ...]:
    """Return the funds that were mentioned, and those for whose instruments a vault holds some."""
    inventories, funds = engine.shards.inventories(), engine.venue.funds
    return tuple(
        _fund(engine, name, inventories.get(name) or Inventory(funds[name].asset))
        for name in sorted(funds.keys() | inventories.keys())
    )


def _fund(engine: EngineParts, name: str, inventory: Inventory) -> FundView:
    fund = engine.venue.look_at_fund(name, inventory.asset)
    unit = float(engine.market.unit(fund.asset).value)
    value = engine.market.value(fund.asset)
    balance = fund.available * unit if name in engine.venue.funds else None
    return FundView(
        fund=name,
        asset=fund.asset,
        balance=balance,
        balance_usd=None if value is None or balance is None else balance * value,
        drawn=fund.drawn * unit,
        credited=fund.credited * unit,
        uncovered=fund.uncovered * unit,
        shortfall_usd=float(engine.venue.shortfall_usd.get(name, 0)),
        socialized_loss_usd=float(engine.venue.socialized_usd.get(name, 0)),
        inventory_loss_usd=inventory.known(inventory.losses),
        inventory_gain_usd=inventory.known(inventory.gains),
        inventory_notional_usd=inventory.known(inventory.notional),
        inventory_positions=inventory.positions,
        updated_ns=fund.reported_ns,
    )


def _sums_off(engine: EngineParts) -> dict[str, int]:
    """Return how many sums that should be 0 are not now, by check."""
    counts = dict.fromkeys(CHECKS, 0)
    for (check, _), watched in engine.audit.sums.items():
        counts[check] += watched.since_ns is not None
    return counts
