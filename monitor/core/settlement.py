"""The end of a liquidation: its shortfall, its execution gain or loss, and who bears it."""

from fractions import Fraction

from monitor.core.accounts import AccountEngine
from monitor.core.amounts import ceil_units
from monitor.core.decisions import Decision, ShortfallIncurred
from monitor.core.events import LiquidationFinished
from monitor.core.instruments import Instrument
from monitor.core.ledger import Account
from monitor.core.liquidation import Liquidation
from monitor.core.margin.book import Episode, MarginUnit, unit_name
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
    loss = liquidation.execution_loss(instrument)
    decisions: list[Decision] = []
    if loss is not None and loss < 0:
        decisions += venue.credit(instrument, event.liquidation_id, -loss, now_ns)
    amount, episode = _incur(engine, account, liquidation, instrument)
    if amount and episode is not None:
        minor_unit = market.unit(instrument.settlement)
        decisions.append(
            ShortfallIncurred(
                event_ns=now_ns,
                rule="waterfall",
                suspect=account.is_suspect,
                account=event.account,
                instrument=event.instrument,
                leg=event.leg,
                liquidation_id=event.liquidation_id,
                episode_id=episode.identity,
                asset=instrument.settlement,
                amount=minor_unit.text_of(amount),
                execution_loss=None
                if loss is None
                else minor_unit.text_of(round(loss / minor_unit.value)),
            )
        )
        shortfall = _shortfall(event, liquidation, instrument.settlement, amount)
        decisions += venue.bear(shortfall, shards, now_ns)
    return decisions


def _incur(
    engine: AccountEngine, account: Account, liquidation: Liquidation, instrument: Instrument
) -> tuple[int, Episode | None]:
    """Return what a liquidation adds to the deficit of its unit's episode, in minor units."""
    market = engine.market
    asset = instrument.settlement
    value = market.exact_value(asset)
    unit = _unit(engine, account, liquidation)
    if not value:
        return 0, None
    if unit is not None:
        deficit, episode = engine.deficit(unit), unit.episode
    elif not liquidation.closed and account.position(liquidation.key) is not None:
        return 0, None  # it has become a part of the cross unit, which is not in liquidation
    else:
        unit_value = market.unit(asset).value
        deficit = liquidation.closed_deficit(instrument, unit_value) * value
        episode = liquidation.episode
        if deficit and episode is None:
            name = unit_name(account.name, liquidation.key)
            episode = engine.new_episode(account.name, name)
    if not deficit or episode is None:
        return 0, None
    for paid_asset, units in episode.incurred.items():
        paid_value = market.exact_value(paid_asset) or Fraction(0)
        deficit -= units * market.unit(paid_asset).value * paid_value
    amount = max(0, ceil_units(deficit / value, market.unit(asset).value))
    if amount:
        episode.incurred[asset] = episode.incurred.get(asset, 0) + amount
    return amount, episode


def _unit(engine: AccountEngine, account: Account, liquidation: Liquidation) -> MarginUnit | None:
    """Return the unit that a liquidation began on, None for an isolated one that is closed."""
    if liquidation.closed:
        return None
    if liquidation.isolated is not None:
        units = engine.margin_units
        number = units.isolated.get(account.number, {}).get(liquidation.key)
        return None if number is None else units.look(number)
    if liquidation.started:
        return engine.cross[account.name]
    return engine.unit_of(account, liquidation.key)


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
