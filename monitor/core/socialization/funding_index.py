"""`funding-index`: every open position pays the same per unit of size, through the funding index.

The index of longs rises by x, that of shorts falls by x; a position pays size x its side's change,
so both sides pay. x = loss / (long + short open interest: each contract counts twice), rounded up
to `index_tick`; each charge is rounded up to the minor unit; what is over stays with the fund as
surplus. Without open interest nobody can pay: all of it is left. 10 on a long of 30 and a short of
20 with a tick of 0.01: x = 0.2, charges 6 and 4. Source: Drift (ceil), Mango (both indices).
"""

from fractions import Fraction

from monitor.core.amounts import ceil_units
from monitor.core.socialization.loss import Burden, Loss, Method


def share(loss: Loss) -> Burden:
    """Return who bears a loss."""
    open_interest = sum((abs(bearer.size) for bearer in loss.bearers), Fraction(0))
    if not open_interest:
        return Burden(charges={})
    per_unit = loss.amount * loss.minor_unit / open_interest
    change = ceil_units(per_unit, loss.index_tick) * loss.index_tick
    charges = {
        bearer.account: ceil_units(abs(bearer.size) * change, loss.minor_unit)
        for bearer in loss.bearers
        if bearer.size and change
    }
    return Burden(charges=charges, index_change=change)


METHOD = Method("funding-index", needs=("size",), fields=("index_tick",), share=share)
