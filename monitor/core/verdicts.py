"""The decisions about accounts: a unit changed its state, or stands in one."""

from typing import cast

from monitor.core.accounts import AccountEngine, Transition
from monitor.core.amounts import rounded_text, rounded_text_or_none
from monitor.core.decisions import (
    AccountBankrupt,
    AccountDecision,
    AccountLiquidatable,
    AccountMarginCalled,
    AccountRecovered,
    Decision,
    State,
)
from monitor.core.events import Leg
from monitor.core.margin.totals import unit_totals
from monitor.core.shards import Shards

_KINDS: dict[State, type[AccountDecision]] = {
    "healthy": AccountRecovered,
    "margin_call": AccountMarginCalled,
    "liquidatable": AccountLiquidatable,
    "bankrupt": AccountBankrupt,
}


def account_decision(
    transition: Transition, engine: AccountEngine, now_ns: int, *, caught_up: bool = False
) -> Decision:
    """Return the decision for a unit's new state, with its exact amounts at this moment."""
    unit = transition.unit
    totals = unit_totals(unit, engine.market, engine.rules)
    assert totals is not None
    return _KINDS[transition.after](
        event_ns=now_ns,
        rule="margin",
        suspect=unit.account.is_suspect,
        caught_up=caught_up,
        account=unit.account.name,
        instrument=None if unit.key is None else unit.key[0],
        leg=None if unit.key is None else cast("Leg", unit.key[1]),
        equity=rounded_text(totals.equity),
        maintenance_margin=rounded_text(totals.maintenance_margin),
        margin_ratio=rounded_text_or_none(totals.margin_ratio),
        state_before=transition.before,
    )


def standing_decisions(shards: Shards, now_ns: int) -> list[Decision]:
    """Return a decision for every unit that is neither healthy nor unknown now."""
    return [
        account_decision(Transition(unit, "healthy", unit.state), engine, now_ns, caught_up=True)
        for engine in shards.engines
        for unit in engine.units()
        if unit.state not in ("healthy", "unknown")
        and unit_totals(unit, engine.market, engine.rules)
        is not None  # an open change's state may be older
    ]
