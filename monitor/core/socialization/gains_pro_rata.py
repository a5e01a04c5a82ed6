"""`gains-pro-rata`: a loss is charged to unrealized gains, in proportion, never beyond them.

The base is each account's unrealized gain in the instrument, what deleveraging already takes
from it deducted. Charges are whole minor units: floors first, then the largest remainders (ties
by account), so that they add up to the loss exactly. A loss of 10 on gains of 30 and 10 charges
7.5 and 2.5. Source: variation-margin gains haircutting (Elliott 2013); Vega's loss socialization.
"""

from collections.abc import Mapping

from monitor.core.apportionment import apportion
from monitor.core.socialization.loss import Burden, Loss, Rule, charge_in_proportion


def gains_pro_rata(loss: int, gains: Mapping[str, int]) -> dict[str, int]:
    """Return each account's charge in minor units (> 0), by account in UTF-8 order.

    `gains` are non-negative minor units. When they do not suffice everybody pays the whole gain.
    """
    assert loss >= 0
    names = sorted(gains, key=str.encode)
    amounts = [gains[name] for name in names]
    charges = apportion(loss, amounts, amounts, names)
    return {name: charge for name, charge in zip(names, charges, strict=True) if charge}


def share(loss: Loss) -> Burden:
    """Return who bears a loss."""
    charges = charge_in_proportion(loss.amount, loss.bearers, lambda one: one.unrealized_pnl)
    return Burden(charges=charges)


RULE = Rule("gains-pro-rata", needs=("unrealized_pnl",), fields=(), share=share)
