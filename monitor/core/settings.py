"""What the engine can be configured with: frozen records, declared beside what they configure.

`monitor.config` composes them into the file that an operator writes; the core only reads them.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec

from monitor.core.breaker_settings import BreakerSettings
from monitor.core.setting_records import NonNegativeFloat, PositiveFloat, Ratio, Settings


class MarginSettings(Settings, frozen=True, kw_only=True):
    """`[margin]`: when a unit changes state, and how prices are solved for.

    `liquidatable_when`: `at_or_below` (equity <= maintenance_margin) or `below` (strictly).
    `moves_with_index`: an inverse instrument's coin is valued at the tested price.
    `liquidation_end_ratio`: a liquidation goes on until the margin ratio is below it. Of each
    position's unrealized gain, min(gain_cap, gain_weight x gain) counts for free collateral and
    withdrawals (`gain_cap` in the valuation currency, null: none).
    """

    margin_call_ratio: Annotated[float, msgspec.Meta(ge=0.001, le=1)] = 0.8
    liquidatable_when: Literal["at_or_below", "below"] = "at_or_below"
    bankruptcy_price: Literal["account_zero", "maintenance_share"] = "account_zero"
    moves_with_index: bool = True
    liquidation_end_ratio: Annotated[float, msgspec.Meta(ge=0.001, le=1)] = 1.0
    gain_cap: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None = None
    gain_weight: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0


class FundSettings(Settings, frozen=True, kw_only=True):
    """`[[funds]]`: an insurance fund and the asset it is kept in.

    What a fund does not pay, its `parent` is asked for, and so on: a market's fund, its group's,
    the global one. `payout_cap`: the most that it pays for one shortfall, in its asset.
    `payout_window_cap`: the most that it pays within any `payout_window_s`; both, or none.
    """

    name: str
    asset: str
    parent: str | None = None
    payout_cap: Annotated[float, msgspec.Meta(ge=0, le=1e15)] | None = None
    payout_window_cap: Annotated[float, msgspec.Meta(ge=0, le=1e15)] | None = None
    payout_window_s: PositiveFloat | None = None


LossLayer: TypeAlias = Literal["insurance_fund", "deleveraging", "socialized_loss"]
LOSS_LAYERS: tuple[LossLayer, ...] = ("insurance_fund", "deleveraging", "socialized_loss")


class WaterfallSettings(Settings, frozen=True, kw_only=True):
    """`[waterfall]`: who bears a shortfall, in order, after the account's own margin.

    The order is fixed, the fund first: `layers` may leave some out, and names none twice.
    """

    layers: tuple[LossLayer, ...] = LOSS_LAYERS
    socialized_loss: Literal["gains-pro-rata"] = "gains-pro-rata"


PolicyName: TypeAlias = Literal[
    "queue-bitmex",
    "queue-binance",
    "queue-hyperliquid",
    "random-walk",
    "pro-rata-contracts",
    "pro-rata-pnl",
    "pro-rata-pnl-capped",
    "risk-aware-pro-rata",
    "minimax-leverage",
    "minimax-leverage-factor",
    "minmax-fraction",
    "severity-learner",
]


class DeleveragingSettings(Settings, frozen=True, kw_only=True):
    """`[deleveraging]`: the policy that chooses who is deleveraged, and the closing price."""

    policy: PolicyName = "queue-bitmex"
    price: Literal["bankruptcy", "mark"] = "bankruptcy"


class LiquidationWatchSettings(Settings, frozen=True, kw_only=True):
    """`[liquidation_watch]`: what the exchange's liquidation engine is held to.

    Each check is off until its limit is set. `overdue_after_s`: a unit that stays liquidatable so
    long without a liquidation is overdue. `unjustified_beyond_ratio`: a liquidation is unjustified
    if the unit was not liquidatable in the last `unjustified_beyond_s`, and is not at any mark
    within this share of the present one. `fill_limit`: a fill beyond this price is mispriced.
    `bankruptcy_adjustment` (BA) and `spread_to_maintenance_ratio` (S), both or none, give each
    position its fillable price: mark - clamp(BA x (1 - equity / maintenance), 0, 1) x S x the
    position's maintenance / size.
    """

    overdue_after_s: PositiveFloat | None = None
    unjustified_beyond_ratio: Ratio | None = None
    unjustified_beyond_s: NonNegativeFloat = 1.0
    fill_limit: Literal["none", "bankruptcy_price", "fillable_price"] = "none"
    bankruptcy_adjustment: PositiveFloat | None = None
    spread_to_maintenance_ratio: PositiveFloat | None = None


class EngineSettings(Settings, frozen=True, kw_only=True):
    """All that the engine reads; the rest of the configuration is about the daemon."""

    margin: MarginSettings = MarginSettings()
    funds: tuple[FundSettings, ...] = ()
    waterfall: WaterfallSettings = WaterfallSettings()
    deleveraging: DeleveragingSettings = DeleveragingSettings()
    breakers: tuple[BreakerSettings, ...] = ()
    liquidation_watch: LiquidationWatchSettings = LiquidationWatchSettings()
    bootstrap: bool = False
    action_age_max_s: NonNegativeFloat = 60.0
    held_back_events_max: Annotated[int, msgspec.Meta(ge=0)] = 10_000
    accounts_reserved: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)] = 0
