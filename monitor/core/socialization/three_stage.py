"""`three-stage`: unvested gains burn first, then the fund pays, then equity is cut.

Each stage takes what it can before the next: unvested gains in proportion, the fund up to its
balance (credited in full against the loss), equity without the unvested gains in proportion.
Whole minor units by the largest remainder. 100 with unvested gains of 30, a fund of 50 and equity
of 40 beside the unvested gains: 30, 50, 20. Source: Percolator (`haircut.rs`).
"""

from monitor.core.socialization.loss import Bearer, Burden, Loss, Method, charge_in_proportion


def _vested(bearer: Bearer) -> int:
    return bearer.equity - max(0, bearer.unvested_pnl)


def share(loss: Loss) -> Burden:
    """Return who bears a loss."""
    unvested = charge_in_proportion(loss.amount, loss.bearers, lambda one: one.unvested_pnl)
    rest = loss.amount - sum(unvested.values())
    fund_used = min(rest, loss.fund_balance)
    equity = charge_in_proportion(rest - fund_used, loss.bearers, _vested)
    charges = {
        bearer.account: charge
        for bearer in loss.bearers
        if (charge := unvested.get(bearer.account, 0) + equity.get(bearer.account, 0))
    }
    stages = {
        "unvested": sum(unvested.values()),
        "fund": fund_used,
        "equity": sum(equity.values()),
    }
    return Burden(charges=charges, fund_used=fund_used, stages=stages)


METHOD = Method(
    "three-stage",
    needs=("unvested_pnl", "equity"),
    fields=("fund_balance",),
    share=share,
)
