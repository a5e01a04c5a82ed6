"""`gains-pro-rata`: a loss is charged to unrealized gains, in proportion, never beyond them.

The base is each account's unrealized gain in the instrument, what deleveraging already takes
from it deducted. Charges are whole minor units: floors first, then the largest remainders (ties
by account), so that they add up to the loss exactly. A loss of 10 on gains of 30 and 10 charges
7.5 and 2.5. Source: variation-margin gains haircutting (Elliott 2013); Vega's loss socialization.
"""

from monitor.core.socialization.loss import Burden, Loss, Method, charge_in_proportion


def share(loss: Loss) -> Burden:
    """Return who bears a loss; when the gains do not suffice everybody pays the whole gain."""
    charges = charge_in_proportion(loss.amount, loss.bearers, lambda one: one.unrealized_pnl)
    return Burden(charges=charges)


METHOD = Method("gains-pro-rata", needs=("unrealized_pnl",), fields=(), share=share)
