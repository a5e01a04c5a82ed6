"""What a type alone cannot say about an event; each check returns the problem, or None."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from monitor.core import events
from monitor.core.amounts import to_fraction


def _check_position(
    event: events.PositionChanged | events.PositionRecord,
) -> str | None:
    if event.leg != "net" and (problem := _leg_problem(event)) is not None:
        return problem
    entry = event.entry_price
    if (entry is not None and entry[0] in "123456789") or not event.size.strip("-0."):
        return None
    if entry is None or entry.startswith("-") or not entry.strip("0."):
        return (
            f"expected entry_price > 0 for a position of size {event.size}, "
            f"received {event.entry_price} - at `$.entry_price`"
        )
    return None


def _leg_problem(event: events.PositionChanged | events.PositionRecord) -> str | None:
    """Return why the size contradicts its leg: sizes are signed on a leg too, > 0 is long."""
    if not event.size.strip("-0."):
        return None
    if (event.leg == "short") == event.size.startswith("-"):
        return None
    bound = "<= 0" if event.leg == "short" else ">= 0"
    return f"expected size {bound} on the {event.leg} leg, received {event.size} - at `$.size`"


def _check_snapshot(event: events.AccountSnapshot) -> str | None:
    return next((p for p in map(_check_position, event.positions) if p is not None), None)


def _check_fill(event: events.LiquidationFilled | events.DeleveragingFilled) -> str | None:
    if to_fraction(event.size) == 0:
        return f"expected size != 0 of a fill, received {event.size} - at `$.size`"
    if event.price is None:
        return "expected a price of a fill, received null - at `$.price`"
    return None


def _check_instrument(event: events.InstrumentListed) -> str | None:
    bounds = [tier.notional_max for tier in event.risk_tiers]
    if any(bound is None for bound in bounds[:-1]):
        return "expected only the last risk tier without notional_max - at `$.risk_tiers`"
    known = [to_fraction(bound) for bound in bounds if bound is not None]
    if any(after <= before for before, after in pairwise(known)):
        return f"expected ascending notional_max, received {bounds} - at `$.risk_tiers`"
    for name in ("initial_margin_rate", "maintenance_margin_rate"):
        rates = [getattr(tier, name) for tier in event.risk_tiers]
        values = [to_fraction(rate) for rate in rates]
        if any(value > 1 for value in values):
            return f"expected rates from 0 to 1, received {rates} - at `$.risk_tiers.{name}`"
        if any(after < before for before, after in pairwise(values)):
            return f"expected rates that do not fall, received {rates} - at `$.risk_tiers.{name}`"
    return _check_margin_rules(event)


def _check_margin_rules(event: events.InstrumentListed) -> str | None:
    rates = {
        "closing_fee_rate": event.closing_fee_rate,
        "liquidation_buffer_rate": event.liquidation_buffer_rate,
    }
    model = event.margin_model
    if isinstance(model, events.SizeLinear):
        for name in ("initial_margin_rate", "maintenance_margin_rate"):
            rates[f"margin_model.{name}"] = getattr(model, name)
    for name, rate in rates.items():
        if to_fraction(rate) > 1:
            return f"expected a rate from 0 to 1, received {rate} - at `$.{name}`"
    if isinstance(model, events.OpenInterestScaled):
        lower, upper = to_fraction(model.lower), to_fraction(model.upper)
        if upper and lower >= upper:
            return (
                f"expected lower < upper, or upper 0 for no scaling, received {model.lower} and "
                f"{model.upper} - at `$.margin_model`"
            )
    return None


def _check_collateral(event: events.CollateralListed) -> str | None:
    rates = [tier.haircut for tier in event.haircut_tiers]
    if event.haircut is not None:
        rates.append(event.haircut)
    if any(to_fraction(rate) > 1 for rate in rates):
        return f"expected haircuts from 0 to 1, received {rates} - at `$.haircut_tiers`"
    bounds = [tier.value_max for tier in event.haircut_tiers]
    if any(bound is None for bound in bounds[:-1]):
        return "expected only the last haircut tier without value_max - at `$.haircut_tiers`"
    known = [to_fraction(bound) for bound in bounds if bound is not None]
    if any(after <= before for before, after in pairwise(known)):
        return f"expected ascending value_max, received {bounds} - at `$.haircut_tiers`"
    return None


def _check_mark(event: events.MarkPriceChanged) -> str | None:
    if event.high is None and event.low is None:
        return None
    price = to_fraction(event.price)
    if event.high is not None and to_fraction(event.high) < price:
        return f"expected high >= price {event.price}, received {event.high} - at `$.high`"
    if event.low is not None and to_fraction(event.low) > price:
        return f"expected low <= price {event.price}, received {event.low} - at `$.low`"
    return None


CHECKS: dict[type, Callable[[Any], str | None]] = {
    events.PositionChanged: _check_position,
    events.AccountSnapshot: _check_snapshot,
    events.LiquidationFilled: _check_fill,
    events.DeleveragingFilled: _check_fill,
    events.InstrumentListed: _check_instrument,
    events.CollateralListed: _check_collateral,
    events.MarkPriceChanged: _check_mark,
}
