"""Deleveraging: one file a policy, one line here for each.

`RULES` are all policies, for a file of candidates; `POLICIES` those that the engine plans with.
"""

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
from monitor.core.deleveraging.round import Rule

POLICIES: dict[str, Policy] = {policy.name: policy for policy in (queue_bitmex.QueueBitmex(),)}

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        queue_bitmex.RULE,
        queue_binance.RULE,
        queue_hyperliquid.RULE,
        random_walk.RULE,
        pro_rata_contracts.RULE,
        pro_rata_pnl.RULE,
        pro_rata_pnl_capped.RULE,
        risk_aware_pro_rata.RULE,
        minimax_leverage.RULE,
        minimax_leverage_factor.RULE,
        minmax_fraction.RULE,
        severity_learner.RULE,
    )
}
