"""`withdrawal-factor`: while the venue is short, who withdraws leaves a part behind.

factor = (loss - fund) / all positive equity. The charges are what each account would leave if all
withdrew everything now, in whole minor units by the largest remainder; who stays pays nothing.
100 with a fund of 40 on equities of 200 and 100: factor 0.2, charges 40 and 20.
Source: Paradex (socialized loss factor on withdrawals).
"""

from monitor.core.socialization.loss import Burden, Loss, Method, charge_in_proportion


def share(loss: Loss) -> Burden:
    """Return who bears a loss."""
    fund_used = min(loss.amount, loss.fund_balance)
    rest = loss.amount - fund_used
    charges = charge_in_proportion(rest, loss.bearers, lambda one: one.equity)
    return Burden(charges=charges, fund_used=fund_used)


METHOD = Method("withdrawal-factor", needs=("equity",), fields=("fund_balance",), share=share)
