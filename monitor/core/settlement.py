"""The end of a liquidation: its shortfall, its execution gain or loss, and who bears it."""

from fractions import Fraction
from typing import NamedTuple

from monitor.core.accounts import AccountEngine
from monitor.core.amounts import ceil_units, floor_units
from monitor.core.decisions import Decision, ShortfallIncurred
from monitor.core.deleveraging_watch import Moment
from monitor.core.events import LiquidationFinished
from monitor.core.instruments import Instrument
from monitor.core.ledger import Account
from monitor.core.liquidation import Liquidation
from monitor.core.margin.book import Episode, MarginUnit, unit_name
from monitor.core.market import Market
from monitor.core.shards import Shards
from monitor.core.venue import VenueEngine
from monitor.core.waterfall import Shortfall


class Incurred(NamedTuple):
    """What a liquidation adds to its episode, in minor units; `is_open`: the unit still has it."""

    amount: int
    episode: Episode | None
    is_open: bool


NOTHING = Incurred(0, None, is_open=False)


def settle(
    event: LiquidationFinished, shards: Shards, venue: VenueEngine, moment: Moment
) -> list[Decision]:
    """Close a liquidation; return its shortfall and what every layer decides about it.

    The shortfall is the unit's deficit less what its episode has incurred already, so one stay
    under water through nine liquidations is one deficit.
    """
    now_ns = moment.engine_ns
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
        decisions += venue.credit(instrument, liquidation, -loss, now_ns)
    amount, episode, is_open = _incur(engine, account, liquidation, instrument)
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
        shortfall = _shortfall(market, event, liquidation, episode, amount)
        decisions += venue.bear(shortfall, shards, moment)
        if not is_open:
            venue.ledger.close(episode.identity, now_ns)
    return decisions


def _incur(
    engine: AccountEngine, account: Account, liquidation: Liquidation, instrument: Instrument
) -> Incurred:
    """Return what a liquidation adds to the deficit of its unit's episode."""
    market = engine.market
    asset = instrument.settlement
    value = market.exact_value(asset)
    unit = _unit(engine, account, liquidation)
    if not value:
        return NOTHING
    if unit is not None:
        deficit, episode = engine.deficit(unit), unit.episode
    elif not liquidation.closed and account.position(liquidation.key) is not None:
        return NOTHING  # it has become a part of the cross unit, which is not in liquidation
    else:
        unit_value = market.unit(asset).value
        deficit = liquidation.closed_deficit(instrument, unit_value) * value
        episode = liquidation.episode
        if deficit and episode is None:
            name = unit_name(account.name, liquidation.key)
            episode = engine.new_episode(account.name, name)
    if not deficit or episode is None:
        return NOTHING
    for paid_asset, units in episode.incurred.items():
        paid_value = market.exact_value(paid_asset) or Fraction(0)
        deficit -= units * market.unit(paid_asset).value * paid_value
    amount = max(0, ceil_units(deficit / value, market.unit(asset).value))
    if amount:
        episode.incurred[asset] = episode.incurred.get(asset, 0) + amount
    return Incurred(amount, episode, unit is not None)


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
    market: Market,
    event: LiquidationFinished,
    liquidation: Liquidation,
    episode: Episode,
    amount: int,
) -> Shortfall:
    asset = market.instruments[event.instrument].settlement
    is_first = episode.incurred == {asset: amount}
    return Shortfall(
        event_ns=event.event_ns,
        account=event.account,
        instrument=event.instrument,
        leg=event.leg,
        liquidation_id=event.liquidation_id,
        episode_id=episode.identity,
        is_first=is_first,
        asset=asset,
        account_margin=_account_margin(market, liquidation, asset) if is_first else 0,
        amount=amount,
        closed_side=liquidation.closed_side,
        bankruptcy_price=liquidation.bankruptcy_price,
    )


def _account_margin(market: Market, liquidation: Liquidation, asset: str) -> int | None:
    """Return the equity that was left when a liquidation began, in minor units, rounded down."""
    value = market.exact_value(asset)
    assert value  # the shortfall rests on it
    if liquidation.equity is None:
        return None
    return floor_units(max(Fraction(0), liquidation.equity) / value, market.unit(asset).value)
