"""What an event has moved in the ledger: for whoever holds the sums of all accounts together."""

from fractions import Fraction
from typing import TypeAlias

from monitor.core.amounts import to_fraction
from monitor.core.ledger.entries import TEXT_ENTRY
from monitor.core.ledger.store import Store

FINEST_DIGITS = 18
FINEST = 10**FINEST_DIGITS
_POWERS = tuple(10 ** (FINEST_DIGITS - digits) for digits in range(FINEST_DIGITS + 1))

# Plain tuples: one is made for every change of a balance or a position.
# (asset, minor units, reason, instrument where the venue says).
CashMove: TypeAlias = tuple[str, int, str, str | None]
# (instrument, size units, entry value, isolated margin in minor units).
SizeMove: TypeAlias = tuple[str, int, int, int]
Move: TypeAlias = CashMove | SizeMove


def entry_value(store: Store, row: int, *, is_inverse: bool) -> int:
    """Return size x entry price, size / entry price for inverse, in 1 / FINEST of a size unit.

    Its sum over all accounts is what unrealized pnl is short of 0. 0 when flat.
    """
    table = store.positions
    units, exponent = table.size[row], table.exponent[row]
    if not units:
        return 0
    if exponent >= 0 and not is_inverse:
        return int(units * table.mantissa[row] * _POWERS[exponent])
    if exponent >= 0:
        price = Fraction(table.mantissa[row], 10**exponent)
    else:
        price = to_fraction(store.entry_texts[row]) if exponent == TEXT_ENTRY else Fraction(0)
    if not price:
        return 0
    worth = Fraction(units * FINEST) / price if is_inverse else units * FINEST * price
    return worth.numerator // worth.denominator
