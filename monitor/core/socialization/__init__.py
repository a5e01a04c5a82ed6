"""Socialized loss: one file a method, one line here for each."""

from monitor.core.socialization import (
    funding_index,
    gains_pro_rata,
    session_profit,
    session_profit_minimum_rate,
    settlement_ratio,
    three_stage,
    withdrawal_factor,
)
from monitor.core.socialization.loss import Method

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        gains_pro_rata.METHOD,
        session_profit.METHOD,
        session_profit_minimum_rate.METHOD,
        settlement_ratio.METHOD,
        funding_index.METHOD,
        withdrawal_factor.METHOD,
        three_stage.METHOD,
    )
}
