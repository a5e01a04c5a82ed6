"""The rarer parts of a float measure: closing fees, the larger of two legs, end of liquidation.

Bounds as in `measure.py`: how far a part can move while every price stays within a factor e^r.
"""

import math
from typing import NamedTuple, Protocol

from monitor.core.instruments import Instrument
from monitor.core.ledger import Position

# A net position this small beside a leg has no bankruptcy price that floats could tell.
_NET_MIN = 1e-9


class Extra(NamedTuple):
    """A position whose instrument has rarer rules; amounts in its settlement currency.

    `reach` bounds the change of its notional, valued, per unit of log price; `value` is what a
    unit of the settlement currency is worth, and `moves` whether that may change.
    """

    position: Position
    requirement: float
    notional: float
    reach: float
    value: float
    moves: bool


class Sums(Protocol):
    """The sums of a measure that the rarer rules add to."""

    equity: float
    maintenance: float
    gross: float
    sensitivity: float
    sensitivity_of_requirement: float
    buffer: float
    sensitivity_of_buffer: float


def estimate_at_entry(
    instrument: Instrument, size: float, entry: float
) -> tuple[float, float, float]:
    """Return (requirement, gross, how fast it grows): at the entry price it moves with no mark.

    The last is 0, or infinite where floats cannot tell on which side of a jump the entry is.
    """
    notional = size / entry if instrument.inverse else size * entry
    base = None if instrument.inverse else size
    requirement, charged, steepest = instrument.model.estimate(notional, base, 1.0)
    return requirement, charged, math.inf if steepest == math.inf else 0.0


def add_extras(sums: Sums, extras: list[Extra]) -> None:
    """Add closing fees and buffers, and take back the smaller of two legs."""
    net: dict[str, float] = {}
    for extra in extras:
        name = extra.position.instrument.name
        net[name] = net.get(name, 0.0) + extra.position.quantity
    # Fees at the bankruptcy price follow from what the equity was before any of them.
    equity, gross, sensitivity = sums.equity, sums.gross, sums.sensitivity
    sides: dict[str, list[float]] = {}
    for extra in extras:
        instrument = extra.position.instrument
        twice = 2.0 if extra.moves else 1.0
        fee = 0.0
        if instrument.fee_at_mark:
            fee = instrument.float_fee_rate * extra.notional * extra.value
            sums.gross += fee
            sums.sensitivity_of_requirement += instrument.float_fee_rate * extra.reach * twice
        elif instrument.fee_at_bankruptcy:
            fee, share = _bankruptcy_fee(extra, net[instrument.name], equity)
            reach = extra.reach * twice * _ratio(net[instrument.name], extra.position.quantity)
            sums.gross += share * (reach + gross) if share else 0.0
            sums.sensitivity_of_requirement += share * (reach + sensitivity) if share else 0.0
        sums.maintenance += fee
        sums.buffer += instrument.float_buffer_rate * extra.notional * extra.value
        sums.sensitivity_of_buffer += instrument.float_buffer_rate * extra.reach * twice
        if instrument.larger_leg:
            both = sides.setdefault(instrument.name, [0.0, 0.0])
            both[extra.position.size < 0] += extra.requirement * extra.value + fee
    for both in sides.values():
        sums.maintenance -= min(both)


def _ratio(net: float, quantity: float) -> float:
    return abs(net / quantity)


def _bankruptcy_fee(extra: Extra, net: float, equity: float) -> tuple[float, float]:
    """Return the closing fee at the bankruptcy price, valued, and its share of an equity change.

    Linear and quanto: with others held, equity + net x value x (K - mark) = 0, or what the fee
    takes where it is counted. The share is infinite where floats cannot bound the fee: the coin
    of an inverse instrument may be valued at the tested price too.
    """
    position, value = extra.position, extra.value
    instrument = position.instrument
    size = abs(position.quantity)
    rate = instrument.float_fee_rate
    divisor = net
    if instrument.definition.bankruptcy_price_after_fee:
        divisor -= rate * size
    if abs(divisor) <= _NET_MIN * size:
        return 0.0, math.inf
    if instrument.inverse:
        left = extra.notional / size * value + equity / divisor
        return rate * size * max(0.0, left), math.inf
    mark = extra.notional / size
    price_times_value = (net * value * mark - equity) / divisor
    return rate * size * max(0.0, price_times_value), rate * size / abs(divisor)
