"""What an event has moved in the ledger: for whoever holds the sums of all accounts together."""

from fractions import Fraction
from typing import NamedTuple, TypeAlias

from monitor.core.amounts import to_fraction
from monitor.core.ledger.entries import TEXT_ENTRY
from monitor.core.ledger.store import Store

FINEST = 10**18


class CashMove(NamedTuple):
    """A balance changed by so many minor units, for a reason; `instrument` where the venue says."""

    asset: str
    units: int
    reason: str
    instrument: str | None


class SizeMove(NamedTuple):
    """A position changed: its size (units, > 0 long), its entry value, its isolated margin (units).

    `entry_value`: size x entry price for linear and quanto, size / entry price for inverse, in
    1 / FINEST of a size unit; its sum over all accounts is what unrealized pnl is short of 0.
    """

    instrument: str
    units: int
    entry_value: int
    margin_units: int


Move: TypeAlias = CashMove | SizeMove


class Held(NamedTuple):
    """What a position holds: size (units), entry value, isolated margin (units)."""

    units: int
    entry_value: int
    margin_units: int


FLAT = Held(0, 0, 0)


def held_in(store: Store, row: int, *, is_inverse: bool) -> Held:
    """Return what the position in a row holds."""
    table = store.positions
    units = table.size[row]
    value = _entry_value(store, row, units, is_inverse=is_inverse) if units else 0
    return Held(units, value, table.isolated_margin[row])


def _entry_value(store: Store, row: int, units: int, *, is_inverse: bool) -> int:
    table = store.positions
    exponent = table.exponent[row]
    if exponent >= 0:
        mantissa, power = table.mantissa[row], 10**exponent
    else:
        price = to_fraction(store.entry_texts[row]) if exponent == TEXT_ENTRY else Fraction(0)
        mantissa, power = price.numerator, price.denominator
    if not mantissa:
        return 0
    if is_inverse:
        return int(units * FINEST * power // mantissa)
    return int(units * FINEST * mantissa // power)


def size_move(instrument: str, before: Held, after: Held) -> list[SizeMove]:
    """Return what a position's change has moved: one move, or none."""
    if before == after:
        return []
    units, value, margin = (now - last for last, now in zip(before, after, strict=True))
    return [SizeMove(instrument, units, value, margin)]
