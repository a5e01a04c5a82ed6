"""Contract mathematics: one formula for a scalar, an exact rational and an array.

`quantity` is size x contract_size, signed (> 0 long): base units (linear), quote units (inverse),
settlement units per price point (quanto). Results are in the settlement currency.
Source of the formulas: the contract guides of BitMEX (inverse, quanto) and Bybit (linear).
"""

from fractions import Fraction
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", float, Fraction, NDArray[np.float64])


def unrealized_pnl(kind: str, quantity: Real, entry: Real, mark: Real) -> Real:
    """Return the gain (> 0) or loss of a position at `mark`.

    Linear and quanto: quantity x (mark - entry). Inverse: quantity x (1/entry - 1/mark).
    A long of 2 BTC entered at 100 and marked at 110 gains 20.
    """
    if kind == "inverse":
        return quantity / entry - quantity / mark
    return quantity * (mark - entry)


def notional(kind: str, quantity: Real, mark: Real) -> Real:
    """Return the magnitude of the position's value at `mark`.

    Linear and quanto: |quantity| x mark. Inverse: |quantity| / mark (in the coin).
    """
    return abs(quantity) / mark if kind == "inverse" else abs(quantity) * mark


def funding_owed(kind: str, quantity: Real, price: Real, rate: Real) -> Real:
    """Return what a position owes (> 0) or receives (< 0) in one funding payment.

    The position's signed value at `price` x rate: at rate > 0 longs pay shorts.
    """
    return (quantity / price if kind == "inverse" else quantity * price) * rate


def price_at_cost(kind: str, quantity: Fraction, mark: Fraction, cost: Fraction) -> Fraction | None:
    """Return the price at which closing costs `cost` against `mark`, None if not positive.

    `cost` is in the settlement currency. Linear: mark - cost / quantity.
    """
    if kind != "inverse":
        price = mark - cost / quantity
        return price if price > 0 else None
    inverse = 1 / mark + cost / quantity
    return 1 / inverse if inverse > 0 else None
