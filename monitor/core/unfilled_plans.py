"""The plan for what a liquidation has not closed in time: winners are asked before it is lost."""

from fractions import Fraction

from monitor.core.amounts import ceil_units, exact_text, floor_units, rounded_text_or_none
from monitor.core.decisions import Decision, DeleveragingPlanned, Side
from monitor.core.deleveraging_watch import Closing, Moment, left_to_close
from monitor.core.live_plans import Close
from monitor.core.settings import LIQUIDATION_UNFILLED
from monitor.core.shards import Shards
from monitor.core.unfilled import LiquidationKey
from monitor.core.venue import VenueEngine


def plan_unfilled(
    key: LiquidationKey, shards: Shards, venue: VenueEngine, moment: Moment
) -> list[Decision]:
    """Plan who closes what a liquidation has left open; nothing where nothing is open.

    Its fills, at whatever price, are closed; what they lost is no matter of this plan. What is
    collected is not taken off any loss: none has been incurred yet.
    """
    account, identity = key
    liquidation = shards.of(account).liquidations.open.get(key)
    if liquidation is None or liquidation.instrument not in venue.market.instruments:
        return []
    closing = shards.closing(account, liquidation.instrument, identity)
    side = liquidation.closed_side
    contracts = None if side is None else _open_contracts(closing, side)
    if side is None or not contracts:
        return []
    winning: Side = "short" if side == "long" else "long"
    price = liquidation.bankruptcy_price
    close = Close(liquidation.instrument, winning, account, identity, price)
    planner, market = venue.planner, venue.market
    made = planner.for_contracts(close, contracts, shards)
    venue.deleveraging_watch.note_unfilled(close, made, planner, moment)
    asset = market.instruments[close.instrument].settlement
    value, unit = market.exact_value(asset), market.unit(asset)
    asked = collected = 0
    if value:
        asked = ceil_units(planner.collects(close, contracts) / value, unit.value)
        parts = () if made.plan is None else made.plan.reductions
        given = sum((part.amount or Fraction(0) for part in parts), Fraction(0))
        collected = min(asked, max(0, floor_units(given / value, unit.value)))
    told = [] if made.plan is None else [planner.told(part) for part in made.plan.reductions]
    return [
        DeleveragingPlanned(
            event_ns=moment.engine_ns,
            rule=planner.policy.name,
            instrument=close.instrument,
            side=winning,
            policy=planner.policy.name,
            asset=asset,
            amount=unit.text_of(asked),
            taken=unit.text_of(collected),
            left=unit.text_of(asked - collected),
            price=rounded_text_or_none(made.price),
            reductions=told,
            liquidation_id=identity,
            trigger=LIQUIDATION_UNFILLED,
            contracts=exact_text(contracts),
        )
    ]


def _open_contracts(closing: Closing, side: Side) -> Fraction:
    """Return what is left of a liquidation, as far as the account still has such a position."""
    held = closing.contracts.get(side, Fraction(0))
    left = left_to_close(closing, side)
    return held if left is None else min(held, left)
