"""`session-profit`: a loss is charged to the profits of the session, in proportion.

The base is each account's profit since the session began, realized and not; losers pay nothing.
Whole minor units by the largest remainder, nobody more than its profit. 10 on profits of 30 and
10: 7.5 and 2.5. Source: Crypto.com (loss = profit / all profits x shortfall); OKX until 2019.
"""

from monitor.core.socialization.loss import Burden, Loss, Method, charge_in_proportion


def share(loss: Loss) -> Burden:
    """Return who bears a loss."""
    charges = charge_in_proportion(loss.amount, loss.bearers, lambda one: one.session_profit)
    return Burden(charges=charges)


METHOD = Method("session-profit", needs=("session_profit",), fields=(), share=share)
