"""`session-profit-minimum-rate`: at least a flat part of every profit; the fund keeps the excess.

While the flat `minimum_rate` on session profits covers the loss, every profit pays it (rounded
down to the minor unit) and the surplus goes to the fund; beyond that everybody pays in proportion,
by the largest remainder. 5 on profits of 300 and 700 at 1 %: 3 and 7, surplus 5.
Source: Crypto.com, older form (1 % of profit, what is over is kept).
"""

from monitor.core.socialization.loss import Burden, Loss, Method, charge_in_proportion


def share(loss: Loss) -> Burden:
    """Return who bears a loss."""
    rate = loss.minimum_rate if loss.amount else 0
    flat = {
        bearer.account: charge
        for bearer in loss.bearers
        if (charge := int(max(0, bearer.session_profit) * rate))
    }
    if sum(flat.values()) >= loss.amount:
        return Burden(charges=flat)
    charges = charge_in_proportion(loss.amount, loss.bearers, lambda one: one.session_profit)
    return Burden(charges=charges)


METHOD = Method(
    "session-profit-minimum-rate",
    needs=("session_profit",),
    fields=("minimum_rate",),
    share=share,
)
