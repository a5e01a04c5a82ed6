"""The end of a liquidation: its shortfall, its execution gain or loss, and who bears it."""

from fractions import Fraction

from monitor.core.accounts import AccountEngine
from monitor.core.amounts import ceil_units
from monitor.core.decisions import Decision, ShortfallIncurred
from monitor.core.events import LiquidationFinished
from monitor.core.liquidation import Liquidation
from monitor.core.margin.book import MarginUnit
from monitor.core.market import Market
from monitor.core.shards import Shards
from monitor.core.venue import VenueEngine
from monitor.core.waterfall import Shortfall


def settle(
    event: LiquidationFinished, shards: Shards, venue: VenueEngine, now_ns: int
) -> list[Decision]:
    """Close a liquidation; return its shortfall and what every layer decides about it.

    The shortfall is the unit's deficit less what its episode has incurred already, so one stay
    under water through nine liquidations is one deficit.
    """
    engine = shards.of(event.account)
    market = engine.market
    liquidation = engine.liquidations.finish(event)
    account = engine.ledger.accounts.get(event.account)
    if account is None:
        return []
    instrument = market.instruments[event.instrument]
    unit = engine.unit_of(account, (event.instrument, event.leg))
    loss = liquidation.execution_loss(instrument)
    decisions: list[Decision] = []
    if loss is not None and loss < 0:
        decisions += venue.credit(instrument, event.liquidation_id, -loss, now_ns)
    amount = _incur(engine, unit, instrument.settlement)
    if amount:
        decisions.append(_incurred(event, unit, market, (amount, loss), now_ns))
        shortfall = _shortfall(event, liquidation, instrument.settlement, amount)
        decisions += venue.bear(shortfall, shards, now_ns)
    return decisions


def _incur(engine: AccountEngine, unit: MarginUnit, asset: str) -> int:
    """Return the part of a unit's deficit that its episode had not incurred, in minor units."""
    market = engine.market
    deficit = engine.deficit(unit)
    value = market.exact_value(asset)
    if not deficit or not value or unit.episode is None:
        return 0
    incurred = unit.episode.incurred
    for paid_asset, units in incurred.items():
        paid_value = market.exact_value(paid_asset) or Fraction(0)
        deficit -= units * market.unit(paid_asset).value * paid_value
    amount = max(0, ceil_units(deficit / value, market.unit(asset).value))
    if amount:
        incurred[asset] = incurred.get(asset, 0) + amount
    return amount


def _incurred(
    event: LiquidationFinished,
    unit: MarginUnit,
    market: Market,
    amounts: tuple[int, Fraction | None],
    now_ns: int,
) -> ShortfallIncurred:
    amount, loss = amounts
    asset = market.instruments[event.instrument].settlement
    minor_unit = market.unit(asset)
    assert unit.episode is not None
    return ShortfallIncurred(
        event_ns=now_ns,
        rule="waterfall",
        suspect=unit.account.is_suspect,
        account=event.account,
        instrument=event.instrument,
        leg=event.leg,
        liquidation_id=event.liquidation_id,
        episode_id=unit.episode.identity,
        asset=asset,
        amount=minor_unit.text_of(amount),
        execution_loss=None if loss is None else minor_unit.text_of(round(loss / minor_unit.value)),
    )


def _shortfall(
    event: LiquidationFinished, liquidation: Liquidation, asset: str, amount: int
) -> Shortfall:
    return Shortfall(
        event_ns=event.event_ns,
        account=event.account,
        instrument=event.instrument,
        leg=event.leg,
        liquidation_id=event.liquidation_id,
        asset=asset,
        amount=amount,
        closed_side=liquidation.closed_side,
        bankruptcy_price=liquidation.bankruptcy_price,
    )
