"""Why a margin unit is unknown: which of the prices that it needs is missing or may not be used."""

from typing import NamedTuple

from monitor.core.instruments import mark_key
from monitor.core.margin.book import MarginUnit, owns_payment
from monitor.core.market import FIT, Market


class MissingPrice(NamedTuple):
    """A price that a unit waits for: `mark:X`, `index:X`, or `listing:X` of an asset.

    `reason`: `missing`, or why the price that there is may not be used; then since when.
    """

    price: str
    reason: str
    since_ns: int | None


def missing_prices(unit: MarginUnit, market: Market) -> list[MissingPrice]:
    """Return the prices that a unit waits for, in the order of their names; none if it is known."""
    assets, keys = set(), set()
    for position in unit.positions():
        assets.add(position.instrument.settlement)
        if position.instrument.name not in market.marks:
            keys.add(mark_key(position.instrument.name))
    if unit.key is None:
        assets |= {
            asset
            for asset, units in unit.account.balances.items()
            if units < 0 or (units and market.counts(asset))
        }
    assets |= {
        payment.asset for payment in unit.account.pending_funding if owns_payment(unit, payment)
    }
    keys |= {market.missing_key(asset) for asset in assets if market.value(asset) is None}
    return [_missing(key, market) for key in sorted(keys)]


def unknown_since_ns(missing: list[MissingPrice]) -> int | None:
    """Return since when the first of the prices may not be used; None if they are just missing."""
    return min((one.since_ns for one in missing if one.since_ns is not None), default=None)


def _missing(key: str, market: Market) -> MissingPrice:
    kind, _, name = key.partition(":")
    unfit = market.unfit.get(name, FIT) if kind == "index" else FIT
    if unfit.reason is None:
        return MissingPrice(key, "missing", None)
    return MissingPrice(key, unfit.reason, unfit.since_ns)
