"""Circuit breakers: one file a rule, one line here for each."""

from collections.abc import Callable
from typing import Any, TypeAlias

from monitor.core.breaker_settings import (
    FundBelowMeanSettings,
    FundDrawdownSettings,
    PriceBandLogNormalSettings,
    PriceBandSettings,
    PriceVelocitySettings,
)
from monitor.core.breakers.fund_below_mean import FundBelowMean
from monitor.core.breakers.fund_drawdown import FundDrawdown
from monitor.core.breakers.price_band import PriceBand
from monitor.core.breakers.price_band_log_normal import PriceBandLogNormal
from monitor.core.breakers.price_velocity import PriceVelocity

TradeRule: TypeAlias = PriceBandLogNormal  # sees trades, and marks
PriceRule: TypeAlias = PriceVelocity | PriceBand | TradeRule  # sees marks
FundRule: TypeAlias = FundDrawdown | FundBelowMean  # sees balances of an insurance fund

_Make: TypeAlias = Callable[[Any], PriceRule | FundRule]
TRADE_RULES: dict[type, _Make] = {PriceBandLogNormalSettings: PriceBandLogNormal}
FUND_RULES: dict[type, _Make] = {
    FundDrawdownSettings: FundDrawdown,
    FundBelowMeanSettings: FundBelowMean,
}
RULES: dict[type, _Make] = {
    PriceVelocitySettings: PriceVelocity,
    PriceBandSettings: PriceBand,
    **TRADE_RULES,
    **FUND_RULES,
}
