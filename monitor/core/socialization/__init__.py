"""Socialized loss: one file a method, one line here for each.

`RULES` are all methods, for a file of candidates; `METHODS` those that the engine plans with.
"""

from collections.abc import Callable, Mapping

from monitor.core.socialization import (
    funding_index,
    gains_pro_rata,
    session_profit,
    session_profit_minimum_rate,
    settlement_ratio,
    three_stage,
    withdrawal_factor,
)
from monitor.core.socialization.loss import Rule

METHODS: dict[str, Callable[[int, Mapping[str, int]], dict[str, int]]] = {
    "gains-pro-rata": gains_pro_rata.gains_pro_rata
}

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        gains_pro_rata.RULE,
        session_profit.RULE,
        session_profit_minimum_rate.RULE,
        settlement_ratio.RULE,
        funding_index.RULE,
        withdrawal_factor.RULE,
        three_stage.RULE,
    )
}
