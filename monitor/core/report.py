"""What is told about one account, and about a whole run: exact amounts as decimal text."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from monitor.core.accounts import AccountEngine
from monitor.core.amounts import REPORT_DIGITS, exact_text, rounded_text, rounded_text_or_none
from monitor.core.decisions import Side
from monitor.core.deleveraging.policy import light
from monitor.core.ledger import Position
from monitor.core.margin.book import MarginUnit
from monitor.core.margin.exact import (
    UnitTotals,
    collateral_value,
    position_amounts,
    unit_equity,
)
from monitor.core.margin.prices import bankruptcy_price, fillable_price, liquidation_price
from monitor.core.margin.totals import (
    free_collateral,
    initial_margin,
    position_initial_margin,
    unit_totals,
    withdrawable,
)
from monitor.core.market import Market
from monitor.core.missing_prices import missing_prices, unknown_since_ns
from monitor.core.parts import EngineParts
from monitor.core.shards import Shards
from monitor.core.view import AccountView
from monitor.core.winners import Standing

# The queues of whole sides, made once for a collection of reports.
Standings = dict[tuple[str, Side], dict[tuple[str, str], Standing]]


def _text(value: Fraction | None) -> str | None:
    return rounded_text_or_none(value, REPORT_DIGITS)


def account_flags(engine: AccountEngine, name: str) -> list[str]:
    """Return the flags beside the state, sorted."""
    flags = []
    if any(unit.liquidating for unit in engine.units_of(name)):
        flags.append("liquidating")
    if engine.ledger.accounts[name].is_suspect:
        flags.append("suspect")
    return flags


def account_report(
    shards: Shards, engine: AccountEngine, name: str, standings: Standings | None = None
) -> dict[str, Any]:
    """Return one account with its positions, in the form of `accounts.ndjson`.

    With `standings` whole queues are ranked, and kept there for the next report.
    """
    account = engine.ledger.accounts[name]
    unit = engine.cross[name]
    market = engine.market
    totals_of = {
        each: None if each.state == "unknown" else unit_totals(each, market, engine.rules)
        for each in engine.units_of(name)
    }
    totals = totals_of[unit]
    known = totals is not None
    initial = free = None
    waits_for = [] if known else missing_prices(unit, market)
    if totals is not None:
        initial = initial_margin(unit, market, shards.open_interest)
        free = free_collateral(unit, totals.equity, initial, market, engine.rules)
    return {
        "account": name,
        "state": unit.state,
        "equity": _text(totals.equity) if totals else None,
        "initial_margin": _text(initial),
        "maintenance_margin": _text(totals.maintenance_margin) if totals else None,
        "margin_ratio": _text(totals.margin_ratio) if totals else None,
        "collateral_value": _text(collateral_value(account, market)) if known else None,
        "free_collateral": _text(free),
        "withdrawable": _text(withdrawable(unit, market, free)),
        "missing_prices": [missing._asdict() for missing in waits_for],
        "unknown_since_ns": unknown_since_ns(waits_for),
        "flags": account_flags(engine, name),
        "owner": account.owner,
        "role": account.role,
        "balances": {
            asset: engine.market.unit(asset).text_of(units)
            for asset, units in sorted(account.balances.items())
            if units
        },
        "positions": [
            position_report(
                shards,
                engine.unit_of(account, key),
                position,
                totals_of[engine.unit_of(account, key)],
                _standing(shards, name, position, standings),
            )
            for key, position in sorted(account.positions.items())
        ],
    }


def _standing(
    shards: Shards, name: str, position: Position, standings: Standings | None
) -> Standing | None:
    """Return a position's place in its queue of deleveraging."""
    if standings is None:
        return shards.standing(name, position)
    side: Side = "long" if position.size > 0 else "short"
    queue = (position.instrument.name, side)
    if queue not in standings:
        standings[queue] = shards.standings(*queue)
    return standings[queue].get((name, position.leg))


def position_report(
    shards: Shards,
    unit: MarginUnit,
    position: Position,
    totals: UnitTotals | None,
    rank: Standing | None,
) -> dict[str, Any]:
    """Return one position of a unit; an isolated one has its own state, equity and margin ratio.

    `totals` are the unit's, None if unknown; `rank` is its place in the queue of deleveraging.
    """
    instrument = position.instrument
    engine = shards.of(unit.account.name)
    market, rules = engine.market, engine.rules
    quote = market.marks.get(instrument.name)
    report: dict[str, Any] = {
        "instrument": instrument.name,
        "leg": position.leg,
        "size": exact_text(instrument.contracts(position.size)),
        "entry_price": position.entry_text,
        "mark_price": None if quote is None else quote.text,
        "margin_mode": position.margin_mode,
        "settlement_currency": instrument.settlement,
        **_position_amounts_report(shards, position, totals, market),
        "liquidation_price": None,
        "bankruptcy_price": None,
        "fillable_price": None,
        "deleveraging_rank": None if rank is None else rank.rank,
        "deleveraging_light": None if rank is None else light(*rank),
    }
    if position.size and totals is not None:
        report["liquidation_price"] = _text(
            liquidation_price(unit, position, totals, market, rules)
        )
        report["bankruptcy_price"] = _text(bankruptcy_price(unit, position, totals, market, rules))
        report["fillable_price"] = _text(fillable_price(position, totals, market, rules))
    if position.margin_mode == "isolated":
        margin = market.unit(instrument.settlement).text_of(position.isolated_margin)
        report |= {
            "isolated_margin": margin,
            "state": unit.state,
            "equity": None if totals is None else _text(totals.equity),
            "margin_ratio": None if totals is None else _text(totals.margin_ratio),
        }
    return report


def _position_amounts_report(
    shards: Shards, position: Position, totals: UnitTotals | None, market: Market
) -> dict[str, str | None]:
    amounts = position_amounts(position, market) if position.size else None
    if amounts is None:
        gains = ("unrealized_pnl", "unrealized_pnl_settlement")
        return dict.fromkeys(("notional", *gains, "initial_margin", "maintenance_margin"))
    initial = position_initial_margin(position, market, shards.open_interest)
    maintenance = amounts.maintenance_margin
    if totals is not None:
        maintenance += totals.fees.get(position.key, Fraction(0))
    return {
        "notional": _text(amounts.notional * amounts.value),
        "unrealized_pnl": _text(amounts.unrealized_pnl * amounts.value),
        "unrealized_pnl_settlement": _text(amounts.unrealized_pnl),
        "initial_margin": None if initial is None else _text(initial * amounts.value),
        "maintenance_margin": _text(maintenance * amounts.value),
    }


def account_view(shards: Shards, engine: AccountEngine, name: str, now_ns: int) -> AccountView:
    """Return one account in floats as of now, for views and the mirror."""
    account = engine.ledger.accounts[name]
    unit = engine.cross[name]
    market = engine.market
    amounts = engine.thresholds.amounts(unit)
    equity = maintenance = initial = free = None
    if amounts is not None:
        equity, maintenance = amounts
        initial = initial_margin(unit, market, shards.open_interest)
        exact = unit_equity(unit, market)
        assert exact is not None, "measured in floats but not in rationals"
        free = free_collateral(unit, exact, initial, market, engine.rules)
    return AccountView(
        account=name,
        owner=account.owner,
        role=account.role,
        state=unit.state,
        equity=equity,
        initial_margin=_number(initial),
        maintenance_margin=maintenance,
        margin_ratio=maintenance / equity
        if maintenance is not None and equity and equity > 0
        else None,
        free_collateral=_number(free),
        withdrawable=_number(withdrawable(unit, market, free)),
        flags=tuple(account_flags(engine, name)),
        has_position=bool(unit.positions()),
        updated_ns=now_ns,
    )


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def summary(engine: EngineParts) -> dict[str, Any]:
    """Return the totals of a run, in the form of `summary.json`."""
    market = engine.market
    states: dict[str, int] = dict.fromkeys(
        ("healthy", "margin_call", "liquidatable", "bankrupt", "unknown"), 0
    )
    for part in engine.shards.engines:
        for state, count in part.state_counts.items():
            states[state] += count
    shortfall = sum(engine.venue.shortfall_usd.values(), Fraction(0))
    return {
        "events": {
            "applied": engine.events_applied,
            "ignored": sum(engine.ignored_counts.values()),
            "by_type": dict(sorted(engine.event_counts.items())),
        },
        "accounts": states,
        "open_interest": {
            name: open_interest_report(engine, name) for name in sorted(market.instruments)
        },
        "indices": {
            name: {"price": quote.text, "stable_price": engine.venue.oracles.stable_price(name)}
            for name, quote in sorted(market.indices.items())
        },
        "funds": {
            name: {
                "asset": fund.asset,
                "balance": market.unit(fund.asset).text_of(fund.available),
                "drawn": market.unit(fund.asset).text_of(fund.drawn),
                "credited": market.unit(fund.asset).text_of(fund.credited),
                "uncovered": market.unit(fund.asset).text_of(fund.uncovered),
            }
            for name, fund in sorted(engine.venue.funds.items())
        },
        "shortfall_usd": rounded_text(shortfall, REPORT_DIGITS),
        "decisions": dict(sorted(engine.decision_counts.items())),
        "last_event_ns": engine.engine_ns,
        "state_hash": engine.state_hash(),
    }


def open_interest_report(engine: EngineParts, name: str) -> Mapping[str, str | None]:
    """Return long and short contracts as magnitudes, and the larger side's value."""
    instrument = engine.market.instruments[name]
    long_units, short_units = engine.shards.open_interest(name)
    worth = notional_usd(engine, name, max(long_units, short_units))
    return {
        "long": exact_text(instrument.contracts(long_units)),
        "short": exact_text(instrument.contracts(short_units)),
        "notional_usd": _text(worth),
    }


def fund_usd(engine: EngineParts, name: str) -> Fraction | None:
    """Return what is in an insurance fund, None where nobody has told or nothing values it."""
    fund, market = engine.venue.funds.get(name), engine.market
    value = None if fund is None else market.exact_value(fund.asset)
    if fund is None or value is None:
        return None
    return fund.available * market.unit(fund.asset).value * value


def notional_usd(engine: EngineParts, name: str, units: int) -> Fraction | None:
    """Return the value of so many size units at the mark, None without a price."""
    market = engine.market
    instrument = market.instruments[name]
    quote = market.marks.get(name)
    value = market.exact_value(instrument.settlement)
    if quote is None or value is None:
        return None
    quantity = units * instrument.quantity_per_unit
    size = quantity / quote.exact if instrument.inverse else quantity * quote.exact
    return size * value
