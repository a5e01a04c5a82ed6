"""Circuit breakers: one file a rule, one line here for each."""

from collections.abc import Callable
from typing import Any, TypeAlias

from monitor.core.breaker_settings import (
    DepthCollapseSettings,
    FeedOutageSettings,
    FundBelowMeanSettings,
    FundDrawdownSettings,
    FundingExtremeSettings,
    FundSpeedSettings,
    LiquidationBacklogSettings,
    LiquidationRateSettings,
    MarkIndexDivergenceSettings,
    OpenInterestSettings,
    OracleDisagreementSettings,
    PriceBandLogNormalSettings,
    PriceBandSettings,
    PriceVelocitySettings,
    ShortfallSettings,
)
from monitor.core.breakers.depth_collapse import DepthCollapse
from monitor.core.breakers.feed_outage import FeedOutage
from monitor.core.breakers.fund_below_mean import FundBelowMean
from monitor.core.breakers.fund_drawdown import FundDrawdown
from monitor.core.breakers.fund_speed import FundSpeed
from monitor.core.breakers.funding_extreme import FundingExtreme
from monitor.core.breakers.liquidation_backlog import LiquidationBacklog
from monitor.core.breakers.liquidation_rate import LiquidationRate
from monitor.core.breakers.mark_index_divergence import MarkIndexDivergence
from monitor.core.breakers.open_interest import OpenInterest
from monitor.core.breakers.oracle_disagreement import OracleDisagreement
from monitor.core.breakers.price_band import PriceBand
from monitor.core.breakers.price_band_log_normal import PriceBandLogNormal
from monitor.core.breakers.price_velocity import PriceVelocity
from monitor.core.breakers.shortfall import ShortfallSum

TradeRule: TypeAlias = PriceBandLogNormal  # sees trades, and marks
IndexRule: TypeAlias = MarkIndexDivergence  # sees indices, and marks
PriceRule: TypeAlias = PriceVelocity | PriceBand | TradeRule | IndexRule  # sees marks
FundRule: TypeAlias = FundDrawdown | FundBelowMean | FundSpeed  # sees balances of a fund
AnyRule: TypeAlias = (
    PriceRule
    | FundRule
    | FundingExtreme
    | ShortfallSum
    | LiquidationRate
    | LiquidationBacklog
    | DepthCollapse
    | FeedOutage
    | OpenInterest
    | OracleDisagreement
)

_Make: TypeAlias = Callable[[Any], AnyRule]
TRADE_RULES: dict[type, _Make] = {PriceBandLogNormalSettings: PriceBandLogNormal}
INDEX_RULES: dict[type, _Make] = {MarkIndexDivergenceSettings: MarkIndexDivergence}
PRICE_RULES: dict[type, _Make] = {
    PriceVelocitySettings: PriceVelocity,
    PriceBandSettings: PriceBand,
    **TRADE_RULES,
    **INDEX_RULES,
}
FUND_RULES: dict[type, _Make] = {
    FundDrawdownSettings: FundDrawdown,
    FundBelowMeanSettings: FundBelowMean,
    FundSpeedSettings: FundSpeed,
}
FUNDING_RULES: dict[type, _Make] = {FundingExtremeSettings: FundingExtreme}
SHORTFALL_RULES: dict[type, _Make] = {ShortfallSettings: ShortfallSum}
LIQUIDATION_RULES: dict[type, _Make] = {LiquidationRateSettings: LiquidationRate}
BACKLOG_RULES: dict[type, _Make] = {LiquidationBacklogSettings: LiquidationBacklog}
DEPTH_RULES: dict[type, _Make] = {DepthCollapseSettings: DepthCollapse}
FEED_RULES: dict[type, _Make] = {FeedOutageSettings: FeedOutage}
ORACLE_RULES: dict[type, _Make] = {OracleDisagreementSettings: OracleDisagreement}
INTEREST_RULES: dict[type, _Make] = {OpenInterestSettings: OpenInterest}
RULES: dict[type, _Make] = {
    **PRICE_RULES,
    **FUND_RULES,
    **FUNDING_RULES,
    **SHORTFALL_RULES,
    **LIQUIDATION_RULES,
    **BACKLOG_RULES,
    **DEPTH_RULES,
    **FEED_RULES,
    **ORACLE_RULES,
    **INTEREST_RULES,
}
