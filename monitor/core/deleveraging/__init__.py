"""Deleveraging: one file a policy, one line here for each."""

from monitor.core.deleveraging import (
    minimax_leverage,
    minimax_leverage_factor,
    minmax_fraction,
    pro_rata_contracts,
    pro_rata_pnl,
    pro_rata_pnl_capped,
    queue_binance,
    queue_bitmex,
    queue_hyperliquid,
    random_walk,
    risk_aware_pro_rata,
    severity_learner,
)
from monitor.core.deleveraging.policy import Policy

POLICIES: dict[str, Policy] = {
    policy.name: policy
    for policy in (
        queue_bitmex.POLICY,
        queue_binance.POLICY,
        queue_hyperliquid.POLICY,
        random_walk.POLICY,
        pro_rata_contracts.POLICY,
        pro_rata_pnl.POLICY,
        pro_rata_pnl_capped.POLICY,
        risk_aware_pro_rata.POLICY,
        minimax_leverage.POLICY,
        minimax_leverage_factor.POLICY,
        minmax_fraction.POLICY,
        severity_learner.POLICY,
    )
}
