"""What the engine can be configured with: frozen records, declared beside what they configure.

`monitor.config` composes them into the file that an operator writes; the core only reads them.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec

from monitor.core.breaker_settings import BreakerSettings
from monitor.core.oracle_settings import OracleSettings
from monitor.core.settings_record import NonNegativeFloat, PositiveFloat, Ratio, Settings


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


LossLayer: TypeAlias = Literal[
    "liquidator_vault", "insurance_fund", "deleveraging", "socialized_loss"
]
LOSS_LAYERS: tuple[LossLayer, ...] = (
    "liquidator_vault",
    "insurance_fund",
    "deleveraging",
    "socialized_loss",
)


MethodName: TypeAlias = Literal[
    "gains-pro-rata",
    "session-profit",
    "session-profit-minimum-rate",
    "settlement-ratio",
    "funding-index",
    "withdrawal-factor",
    "three-stage",
]


class WaterfallSettings(Settings, frozen=True, kw_only=True):
    """`[waterfall]`: who bears a shortfall, in order, after the account's own margin.

    The order is fixed: `layers` may leave some out, and names none twice. `credit_rate_max`: of
    what a liquidation closes better than bankruptcy the fund is credited at most this share of the
    notional that was filled (dYdX: the fee cap); the rest stays with the account.
    `session_s`, `minimum_rate`, `index_tick`, `payee_of_remainder` are of single methods of
    `socialized_loss`: the sessions begin at multiples of their length.
    """

    layers: tuple[LossLayer, ...] = LOSS_LAYERS[1:]
    credit_rate_max: Ratio | None = None
    socialized_loss: MethodName = "gains-pro-rata"
    session_s: Annotated[float, msgspec.Meta(ge=1, le=1e9)] = 86_400.0
    minimum_rate: Ratio = 0.01
    index_tick: Annotated[float, msgspec.Meta(ge=1e-18, le=1e9)] = 1e-8
    payee_of_remainder: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None


class WithdrawalSettings(Settings, frozen=True, kw_only=True):
    """`[withdrawals]`: when a collateral pool's withdrawals should stop, and for how long.

    A pool is a settlement currency. `gate_on`: `insolvency`, a loss that vaults, funds and
    deleveraging leave; `outage`, a feed that is lost for `outage_s`, until it is there again;
    `race`, more than `race_limit_ratio` of a haircut that those it is charged to shift to others
    by leaving. The gate opens `cool_off_s` after the last of them; a run is followed for `race_s`.
    """

    gate_on: tuple[Literal["insolvency", "outage", "race"], ...] = ()
    cool_off_s: NonNegativeFloat = 300.0
    outage_s: PositiveFloat = 300.0
    race_s: PositiveFloat = 3_600.0
    race_limit_ratio: Ratio = 0.1


PositiveRatio: TypeAlias = Annotated[float, msgspec.Meta(ge=0.001, le=1)]
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


# Triggers of deleveraging that are no breakers.
FUND_EXHAUSTED = "fund_exhausted"
POOL_PNL_FACTOR = "pool_pnl_factor"
LIQUIDATION_UNFILLED = "liquidation_unfilled"
TRIGGERS = (FUND_EXHAUSTED, POOL_PNL_FACTOR, LIQUIDATION_UNFILLED)


class DeleveragingSettings(Settings, frozen=True, kw_only=True):
    """`[deleveraging]`: the policy that chooses who is deleveraged, when, and the closing price.

    `trigger`: `fund_exhausted`, what the funds do not pay of a shortfall, and names of breakers:
    while one of them stands tripped for the instrument or its fund, winners are asked before the
    fund (Bybit). Without `fund_exhausted` they are asked only then. `pool_pnl_factor` does the same
    for all instruments settled in a currency once the gains of its winners are strictly beyond
    `pool_pnl_factor_on` of the money in it, until they are strictly below `pool_pnl_factor_off`
    (GMX). `liquidation_unfilled`: what a liquidation has not closed `unfilled_after_s` after its
    start, winners are asked to close (BitMEX: what no one takes at the bankruptcy price).
    """

    policy: PolicyName = "queue-bitmex"
    price: Literal["bankruptcy", "mark"] = "bankruptcy"
    trigger: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=64)] = (
        FUND_EXHAUSTED,
    )
    pool_pnl_factor_on: PositiveRatio = 0.85
    pool_pnl_factor_off: PositiveRatio = 0.77
    unfilled_after_s: PositiveFloat = 30.0


class LiquidationWatchSettings(Settings, frozen=True, kw_only=True):
    """`[liquidation_watch]`: what the exchange's liquidation engine is held to.

    Each check is off until its limit is set. `overdue_after_s`: a unit that stays liquidatable so
    long without a liquidation is overdue. `unjustified_beyond_ratio`: a liquidation is unjustified
    if the unit was not liquidatable in the last `unjustified_beyond_s`, and is not at any mark
    within this share of the present one. `fill_limit`: a fill beyond this price is mispriced.
    `bankruptcy_adjustment` (BA) and `spread_to_maintenance_ratio` (S), both or none, give each
    position its fillable price: mark - clamp(BA x (1 - equity / maintenance), 0, 1) x S x the
    position's maintenance / size. The rest of them: docs/model/liquidation_watch.md.
    """

    overdue_after_s: PositiveFloat | None = None
    incomplete_after_s: NonNegativeFloat | None = None
    attempts_max: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    oversized_beyond_ratio: NonNegativeFloat | None = None
    fill_depth_beyond_ratio: Ratio | None = None
    depth_age_max_s: PositiveFloat = 5.0
    fee_ratio_max: Ratio | None = None
    fee_may_bankrupt: bool = True
    silent_after_s: PositiveFloat | None = None
    backlog_growth_max: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] | None = None
    backlog_window_s: PositiveFloat = 60.0
    pace_window_s: PositiveFloat = 60.0
    pace_step_s: PositiveFloat = 10.0
    pace_depth_ratio: Ratio = 0.05
    pace_price_ratio: Ratio = 0.1
    opposed_window_s: PositiveFloat | None = None
    opposed_score_min: Ratio = 0.5
    unjustified_beyond_ratio: Ratio | None = None
    unjustified_beyond_s: NonNegativeFloat = 1.0
    fill_limit: Literal["none", "bankruptcy_price", "fillable_price"] = "none"
    bankruptcy_adjustment: PositiveFloat | None = None
    spread_to_maintenance_ratio: PositiveFloat | None = None


class AuditSettings(Settings, frozen=True, kw_only=True):
    """`[audit]`: the sums over all accounts that must be conserved.

    A sum that is off for longer than `settle_s` of engine time is told, once the venue is known to
    send both sides of everything: `arm` is `auto` (after an audit point, or many returns to
    balance), `always`, or `never` (at audit points alone). `pnl_tolerance_ratio`: how far realized
    pnl may be off, as a share of what was moved: rounding.
    """

    settle_s: PositiveFloat = 5.0
    arm: Literal["auto", "always", "never"] = "auto"
    pnl_tolerance_ratio: Ratio = 1e-6


class EngineSettings(Settings, frozen=True, kw_only=True):
    """All that the engine reads; the rest of the configuration is about the daemon."""

    margin: MarginSettings = MarginSettings()
    funds: tuple[FundSettings, ...] = ()
    waterfall: WaterfallSettings = WaterfallSettings()
    withdrawals: WithdrawalSettings = WithdrawalSettings()
    deleveraging: DeleveragingSettings = DeleveragingSettings()
    breakers: tuple[BreakerSettings, ...] = ()
    liquidation_watch: LiquidationWatchSettings = LiquidationWatchSettings()
    audit: AuditSettings = AuditSettings()
    oracles: OracleSettings = OracleSettings()
    bootstrap: bool = False
    action_age_max_s: NonNegativeFloat = 60.0
    held_back_events_max: Annotated[int, msgspec.Meta(ge=0)] = 10_000
    accounts_reserved: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)] = 0
