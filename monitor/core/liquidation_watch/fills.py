"""One fill against the rules: its price, the depth there was, and its fee."""

from monitor.core.amounts import float_setting, rounded_text, to_fraction
from monitor.core.contracts import notional
from monitor.core.decisions import (
    Decision,
    LiquidationDecision,
    LiquidationFeeExcessive,
    LiquidationMispriced,
)
from monitor.core.events import LiquidationEvent, LiquidationFilled
from monitor.core.instruments import Instrument
from monitor.core.liquidation import Liquidation
from monitor.core.liquidation_watch.execution import Execution
from monitor.core.liquidation_watch.visible_book import Levels, sweep
from monitor.core.margin.book import MarginUnit
from monitor.core.settings import LiquidationWatchSettings


def mispriced(
    event: LiquidationFilled,
    unit: MarginUnit,
    liquidation: Liquidation,
    settings: LiquidationWatchSettings,
    now_ns: int,
) -> list[Decision]:
    """Return the finding about a fill beyond the limit price; the first of a liquidation."""
    assert event.price is not None
    name = settings.fill_limit
    limit = {
        "none": None,
        "bankruptcy_price": liquidation.bankruptcy_price,
        "fillable_price": liquidation.fillable_price,
    }[name]
    if limit is None or liquidation.mispriced:
        return []
    price, buys = to_fraction(event.price), to_fraction(event.size) > 0
    if not (price > limit if buys else price < limit):
        return []
    liquidation.mispriced = True
    side = "at most" if buys else "at least"
    reason = f"filled at {event.price}; {name} when it began: {side} {rounded_text(limit)}"
    return [about(LiquidationMispriced, event, unit, reason, now_ns)]


def outside_the_depth(
    event: LiquidationFilled,
    unit: MarginUnit,
    liquidation: Liquidation,
    depth: tuple[Levels | None, float | None],
    now_ns: int,
) -> list[Decision]:
    """Return the finding about a fill beyond the band around the newest visible book.

    The band ends a share of the price beyond the last level that the fill needs; of a fill larger
    than all that is visible, beyond the last visible level.
    """
    levels, beyond = depth
    if beyond is None or not levels or liquidation.mispriced:
        return []
    assert event.price is not None
    size = to_fraction(event.size)
    price = to_fraction(event.price)
    needed = (sweep(levels, abs(size)) or levels)[-1][0]
    limit = needed * (1 + float_setting(beyond) * (1 if size > 0 else -1))
    if not (price > limit if size > 0 else price < limit):
        return []
    liquidation.mispriced = True
    side = "at most" if size > 0 else "at least"
    reason = (
        f"filled at {event.price}; the visible book held this size to {rounded_text(needed)}: "
        f"{side} {rounded_text(limit)}"
    )
    return [about(LiquidationMispriced, event, unit, reason, now_ns)]


def fee_beyond_cap(
    event: LiquidationFilled,
    unit: MarginUnit,
    terms: tuple[Instrument, Execution | None],
    ratio_max: float | None,
    now_ns: int,
) -> list[Decision]:
    """Return the finding about a fee above its share of the fill's notional; once each."""
    instrument, execution = terms
    if ratio_max is None or execution is None or execution.fee_told:
        return []
    assert event.price is not None
    quantity = abs(to_fraction(event.size)) * instrument.contract_size
    cap = float_setting(ratio_max) * notional(instrument.kind, quantity, to_fraction(event.price))
    if to_fraction(event.fee) <= cap:
        return []
    execution.fee_told = True
    reason = f"fee of {event.fee} {instrument.settlement}; at most {rounded_text(cap)}"
    return [about(LiquidationFeeExcessive, event, unit, reason, now_ns)]


def about(
    kind: type[LiquidationDecision],
    event: LiquidationEvent,
    unit: MarginUnit,
    reason: str,
    now_ns: int,
) -> Decision:
    """Return a finding about a step of a liquidation."""
    return kind(
        event_ns=now_ns,
        rule="liquidation_watch",
        suspect=unit.account.is_suspect,
        account=event.account,
        instrument=event.instrument,
        leg=event.leg,
        liquidation_id=event.liquidation_id,
        reason=reason,
    )
