"""Circuit breakers: one file a rule, one line here for each."""

from typing import TypeAlias

from monitor.core.breakers.fund_below_mean import FundBelowMean
from monitor.core.breakers.fund_drawdown import FundDrawdown
from monitor.core.breakers.price_velocity import PriceVelocity
from monitor.core.settings import (
    FundBelowMeanSettings,
    FundDrawdownSettings,
    PriceVelocitySettings,
)

PriceRule: TypeAlias = PriceVelocity  # sees marks
FundRule: TypeAlias = FundDrawdown | FundBelowMean  # sees balances of an insurance fund

FUND_RULES = {FundDrawdownSettings: FundDrawdown, FundBelowMeanSettings: FundBelowMean}
RULES = {PriceVelocitySettings: PriceVelocity, **FUND_RULES}
