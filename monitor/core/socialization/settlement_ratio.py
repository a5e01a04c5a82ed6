"""`settlement-ratio`: gains are paid out at one ratio, rounded down; one payee gets the rest.

ratio = (gains - loss) / gains. Each payout is rounded down to the minor unit, so a few units stay
over: they belong to `payee_of_remainder`. If that is one of the accounts its charge is smaller by
them (below 0: it receives), else they are a surplus. A loss of 10 on gains of 3 x 10 pays 6 each
and 2 to the payee. Source: Vega (`simple_distributor.go`).
"""

from monitor.core.socialization.loss import Burden, Loss, Method


def share(loss: Loss) -> Burden:
    """Return who bears a loss."""
    gains = {bearer.account: max(0, bearer.unrealized_pnl) for bearer in loss.bearers}
    total = sum(gains.values())
    taken = min(loss.amount, total)
    charges = {
        account: gain - gain * (total - taken) // total for account, gain in gains.items() if gain
    }
    remainder = sum(charges.values()) - taken
    if loss.payee_of_remainder in gains and remainder:
        payee = loss.payee_of_remainder
        charges[payee] = charges.get(payee, 0) - remainder
    return Burden(charges={account: charge for account, charge in charges.items() if charge})


METHOD = Method(
    "settlement-ratio",
    needs=("unrealized_pnl",),
    fields=("payee_of_remainder",),
    share=share,
)
