"""The engine is asked what it uses: the table of what it does not use yet is true."""

import ast
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.config import parse_configuration
from monitor.core import events
from monitor.core.breaker_settings import PriceBandLogNormalSettings, PriceVelocitySettings
from monitor.core.decisions import DECISIONS
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings, FundSettings
from tools.type_names import tag_of
from tools.unused import UNUSED_DECISIONS, UNUSED_EVENTS, UNUSED_FIELDS, UNUSED_RECORDS

CORE = Path(__file__).parents[2] / "monitor" / "core"
EVENTS = (*events.ACCOUNT_EVENTS, *events.MARKET_EVENTS, *events.LOCAL_EVENTS)
NOW_NS = 10_000_000_000
SETTINGS = EngineSettings(
    breakers=(
        PriceVelocitySettings(name="fast", lookback_s=60.0, limit_ratio=0.01),
        PriceBandLogNormalSettings(name="far", horizon_s=60.0, probability=0.99, sigma=1.0),
    ),
    funds=(FundSettings(name="fund", asset="USD"),),
)
LIQUIDATION = {"instrument": "X", "liquidation_id": "l"}
NEXT = {"account": "a", "seq": 4}
LISTED = {
    "instrument": "Y", "kind": "linear", "base": "Y", "quote": "USD", "settlement_currency": "USD",
    "contract_size": "1", "lot_size": "1", "tick_size": "0.1", "fund": "fund", "index": "X",
    "risk_tiers": [{"initial_margin_rate": "0.1", "maintenance_margin_rate": "0.05"}],
}  # fmt: skip
# One event of each type that has something to say in the world below.
EXAMPLES: dict[str, dict[str, Any]] = {
    "account_opened": {"account": "b"},
    "account_closed": NEXT,
    "account_snapshot": {**NEXT, "balances": {"USD": "1"}},
    "balance_changed": {**NEXT, "asset": "USD", "balance": "5", "reason": "deposit"},
    "withdrawal_requested": {**NEXT, "asset": "USD", "amount": "1", "request_id": "r"},
    "position_changed": {**NEXT, "instrument": "X", "size": "2", "entry_price": "100"},
    "margin_orders_changed": {**NEXT, "instrument": "X", "bids_size": "1", "asks_size": "1",
                              "bids_value": "100", "asks_value": "100"},
    "liquidation_started": {**NEXT, **LIQUIDATION, "size": "-1"},
    "liquidation_filled": {**NEXT, **LIQUIDATION, "size": "-1", "price": "80"},
    "liquidation_finished": {**NEXT, **LIQUIDATION, "size": "-1", "price": "80"},
    "deleveraging_filled": {**NEXT, "instrument": "X", "size": "-1", "price": "90",
                            "counterparty": "b", "liquidation_id": "l"},
    "instrument_listed": LISTED,
    "instrument_delisted": {"instrument": "X"},
    "trading_status_changed": {"instrument": "X", "status": "halted"},
    "bootstrap_finished": {"accounts": 1},
    "collateral_listed": {"asset": "USD", "haircut": "0.5"},
    "mark_price_changed": {"instrument": "X", "price": "90"},
    "mark_prices_changed": {"prices": {"X": "90"}},
    "index_price_changed": {"index": "X", "price": "90"},
    "oracle_reported": {"oracle": "o", "index": "X", "price": "90", "published_ns": 1},
    "funding_rate_changed": {"instrument": "X", "rate": "0.1", "next_funding_ns": 1},
    "funding_paid": {"instrument": "X", "rate": "0.1", "price": "100"},
    "depth_changed": {"instrument": "X", "bids": [["99", "1"]], "asks": [["101", "1"]]},
    "trade_printed": {"instrument": "X", "price": "120", "size": "1", "aggressor": "buy"},
    "insurance_fund_changed": {"fund": "fund", "asset": "USD", "balance": "5",
                               "reason": "deposit"},
    "audit_point": {"accounts_position": {"0": 1}},
    "clock_ticked": {},
    "feed_lost": {"feed": "f", "reason": "silence"},
    "feed_restored": {"feed": "f"},
    "breaker_reset": {"breaker": "fast", "reason": "test", "by": "me"},
    "configuration_changed": {"hash": "h", "text": "[margin]\nmargin_call_ratio = 0.5"},
    "forecast_finished": {"name": "n", "as_of": {}, "seed": 1, "values": {}, "model_hash": "m"},
}  # fmt: skip


def event(kind: str, at_ns: int = NOW_NS, /, **fields: object) -> events.AnyEvent:
    """Return an event of a type."""
    made: events.AnyEvent = msgspec.convert(
        {"type": kind, "event_ns": at_ns, **fields}, events.AnyEvent
    )
    return made


def world(kind: str) -> RiskEngine:
    """Return an engine that knows an instrument, an account with a position, and a lost feed."""
    bootstrap = kind == "bootstrap_finished"
    engine = RiskEngine(
        msgspec.structs.replace(SETTINGS, bootstrap=bootstrap),
        parse_settings=lambda text: parse_configuration(text, where="test").engine_settings(),
    )
    account = {"account": "a"}
    history = [
        event("instrument_listed", 1, **{**LISTED, "instrument": "X"}),
        event("mark_price_changed", 2, instrument="X", price="100"),
        event("account_opened", 3, **account),
        event("balance_changed", 4, **account, seq=1, asset="USD", balance="10", reason="deposit"),
        event("position_changed", 5, **account, seq=2, instrument="X", size="1", entry_price="100"),
        event("feed_lost", 6, feed="f", reason="silence"),
    ]
    engine.apply(history)
    if kind == "breaker_reset":
        engine.apply([event("mark_price_changed", NOW_NS - 1, instrument="X", price="110")])
    if kind == "withdrawal_requested":
        charges = {"a": Fraction(5)}
        engine.venue.withdrawals.haircut_looms("USD", Fraction(5), charges, 9)
    started = {"account": "a", "seq": 3, "instrument": "X", "liquidation_id": "l", "size": "-1"}
    if kind == "liquidation_finished":
        engine.apply([event("mark_price_changed", 7, instrument="X", price="80")])
    if kind in ("liquidation_filled", "liquidation_finished"):
        engine.apply([event("liquidation_started", 8, **started)])
    elif kind in EXAMPLES and EXAMPLES[kind].get("seq") == 4:
        filler = {"asset": "USD", "balance": "10", "reason": "adjustment"}
        engine.apply([event("balance_changed", 8, account="a", seq=3, **filler)])
    return engine


def outcome(kind: str, *, with_event: bool) -> object:
    """Return what can be seen from outside after the example, or without it."""
    engine = world(kind)
    given = event(kind, **EXAMPLES[kind]) if with_event else event("clock_ticked")
    decisions = engine.apply([given])
    if kind == "liquidation_filled":  # what a fill cost is told at the end
        decisions += engine.apply(
            [event("liquidation_finished", NOW_NS, account="a", seq=5, size="-1", **LIQUIDATION)]
        )
    if kind == "depth_changed":  # the depth stands beside what liquidations take of it
        step = {"account": "a", "size": "-1", **LIQUIDATION}
        started = event("liquidation_started", NOW_NS, seq=3, **step)
        filled = event("liquidation_filled", NOW_NS, seq=4, price="99", **step)
        decisions += engine.apply([started, filled])
    view = msgspec.structs.replace(engine.view(), engine_ns=0, events_applied={})
    reports = [
        {key: value for key, value in report.items() if key != "updated_ns"}
        for report in engine.account_reports()
    ]
    worst = [msgspec.structs.replace(account, updated_ns=0) for account in view.worst]
    return (
        [decision for _, decision in decisions],
        reports,
        msgspec.structs.replace(view, worst=tuple(worst)),
        engine.deleveragings("l"),
    )


def test_every_event_has_an_example() -> None:
    assert {tag_of(kind) for kind in EVENTS} == set(EXAMPLES)


@pytest.mark.parametrize("kind", sorted(set(EXAMPLES) - {"clock_ticked"}))  # it moves time only
def test_something_follows_from_an_event_unless_it_is_called_unused(kind: str) -> None:
    followed = outcome(kind, with_event=True) != outcome(kind, with_event=False)
    assert followed != (kind in UNUSED_EVENTS), "tools/unused.py: add it, or take it out"


def test_a_field_that_the_core_does_not_read_is_called_unused() -> None:
    read = {
        node.attr
        for path in CORE.rglob("*.py")
        if path.name not in ("events.py", "gate.py", "decisions.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    silent = {
        (tag_of(kind), name)
        for kind in EVENTS
        for name in kind.__struct_fields__
        if name not in read and tag_of(kind) not in UNUSED_EVENTS
    }
    told = {(kind, name) for kind, names in UNUSED_FIELDS.items() for name in names}
    assert silent - told == set(), "tools/unused.py: these fields are not read by the core"


def test_the_table_names_only_what_exists() -> None:
    fields = {tag_of(kind): kind.__struct_fields__ for kind in EVENTS}
    for kind, names in UNUSED_FIELDS.items():
        assert set(names) <= set(fields[kind]), kind
        assert kind not in UNUSED_EVENTS, kind
    records = {tag_of(value) for value in vars(events).values() if isinstance(value, type)
               and issubclass(value, events.Record)}  # fmt: skip
    assert records >= UNUSED_RECORDS


def test_a_decision_is_called_unused_exactly_while_the_core_never_makes_it() -> None:
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted(CORE.rglob("*.py"))
        if path.name != "decisions.py"
    )
    never = {tag_of(kind) for kind in DECISIONS if kind.__name__ not in text}
    assert never == UNUSED_DECISIONS
