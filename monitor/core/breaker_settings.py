"""`[[breakers]]`: what each breaker rule can be configured with, a frozen record a kind."""

from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec

from monitor.core.settings_record import NonNegativeFloat, PositiveFloat, Ratio, Settings

BreakerAction: TypeAlias = Literal[
    "halt", "price_band", "reduce_only", "margin_multiplier", "withdrawals_gate", "notify"
]
LimitCount: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
ReleaseCount: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
PositiveAmount: TypeAlias = Annotated[float, msgspec.Meta(ge=1e-9, le=1e15)]  # in USD


class BreakerRule(Settings, frozen=True, kw_only=True, tag_field="kind"):
    """What every rule of `[[breakers]]` has.

    A `dry_run` only tells what it would have done: its `action` is not asked for.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    halt_s: NonNegativeFloat = 0.0
    cool_off_s: NonNegativeFloat = 300.0
    dry_run: bool = False


class PriceVelocitySettings(BreakerRule, frozen=True, kw_only=True, tag="price_velocity"):
    """`[[breakers]]` kind `price_velocity`: the largest move of a mark within a lookback.

    `scope`: an instrument, or `*` for each instrument on its own. One limit: `limit_ratio` of the
    price, or `limit_quote` in the currency of the price. Trips strictly beyond it; may cool when
    the move is at most the release of the same unit (default: the limit) and `halt_s` have passed;
    then rests `cool_off_s`.
    """

    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    lookback_s: PositiveFloat
    limit_ratio: PositiveFloat | None = None
    release_ratio: PositiveFloat | None = None
    limit_quote: PositiveAmount | None = None
    release_quote: PositiveAmount | None = None
    direction: Literal["up", "down", "both"] = "both"
    action: BreakerAction = "halt"


class PriceBandSettings(BreakerRule, frozen=True, kw_only=True, tag="price_band"):
    """`[[breakers]]` kind `price_band`: a mark far from the mean of the marks before it.

    `scope`: an instrument, or `*` for each instrument on its own. Trips when a mark is strictly
    more than `limit_ratio` away from the mean of the last `lookback_s`; may cool when it is at most
    `release_ratio` away (default: the limit) and `halt_s` have passed; then rests `cool_off_s`.
    """

    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    lookback_s: PositiveFloat
    limit_ratio: PositiveFloat
    release_ratio: PositiveFloat | None = None
    action: BreakerAction = "price_band"


class PriceBandLogNormalSettings(
    BreakerRule, frozen=True, kw_only=True, tag="price_band_log_normal"
):
    """`[[breakers]]` kind `price_band_log_normal`: a trade that is improbable at the last mark.

    `scope`: an instrument, or `*` for each instrument on its own. Prices move log-normally, with
    `sigma` and `mu` a year: within `horizon_s` they stay between the two bounds with `probability`.
    Trips when a trade is strictly beyond a bound; may cool when the next is not, or `horizon_s`
    have passed without one, and `halt_s` have passed; then rests `cool_off_s`.
    """

    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    horizon_s: Annotated[float, msgspec.Meta(ge=1e-9, le=366 * 86_400)]
    probability: Annotated[float, msgspec.Meta(gt=0, le=0.999999)]
    sigma: Annotated[float, msgspec.Meta(gt=0, le=10)]
    mu: Annotated[float, msgspec.Meta(ge=-10, le=10)] = 0.0
    action: BreakerAction = "price_band"


class FundDrawdownSettings(BreakerRule, frozen=True, kw_only=True, tag="fund_drawdown"):
    """`[[breakers]]` kind `fund_drawdown`: what an insurance fund lost of its highest balance.

    `scope`: the whole `fund`, or each `instrument` of it on its own. Trips when (peak of the
    profit - profit now) / highest balance is strictly beyond `limit_ratio` while the balance is
    above `balance_min`; may cool strictly below `release_ratio` (default: the limit) when `halt_s`
    have passed; then rests `cool_off_s`.
    """

    fund: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    scope: Literal["fund", "instrument"] = "fund"
    lookback_s: PositiveFloat = 28_800.0
    limit_ratio: PositiveFloat = 0.3
    release_ratio: PositiveFloat | None = None
    balance_min: Annotated[float, msgspec.Meta(ge=0, le=1e15)] = 0.0
    action: BreakerAction = "notify"


class FundBelowMeanSettings(BreakerRule, frozen=True, kw_only=True, tag="fund_below_mean"):
    """`[[breakers]]` kind `fund_below_mean`: an insurance fund below its own recent mean.

    Trips when the balance is strictly below mean - max(drop_ratio x mean, drop_min), the mean
    weighted by time over the last `lookback_s`; may cool when it is not and `halt_s` have passed;
    then rests `cool_off_s`.
    """

    fund: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    lookback_s: PositiveFloat = 28_800.0
    scope: ClassVar[str] = "fund"
    drop_ratio: Ratio = 0.3
    drop_min: Annotated[float, msgspec.Meta(ge=0, le=1e15)] = 0.0
    action: BreakerAction = "notify"


class MarkIndexDivergenceSettings(
    BreakerRule, frozen=True, kw_only=True, tag="mark_index_divergence"
):
    """`[[breakers]]` kind `mark_index_divergence`: a mark far from its instrument's index.

    `scope`: an instrument, or `*` for each instrument on its own. Trips when |mark / index - 1| is
    strictly beyond `limit_ratio`; may cool when it is at most `release_ratio` (default: the limit)
    and `halt_s` have passed; then rests `cool_off_s`.
    """

    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    limit_ratio: PositiveFloat
    release_ratio: PositiveFloat | None = None
    action: BreakerAction = "halt"


class ShortfallSettings(BreakerRule, frozen=True, kw_only=True, tag="shortfall"):
    """`[[breakers]]` kind `shortfall`: what liquidations have left unpaid within a lookback.

    `scope`: the whole `venue`, or each `instrument` on its own. Trips when the shortfalls of the
    last `lookback_s` come to strictly more than `limit_usd`; may cool when they are at most
    `release_usd` (default: the limit) and `halt_s` have passed; then rests `cool_off_s`.
    """

    scope: Literal["venue", "instrument"] = "venue"
    lookback_s: PositiveFloat
    limit_usd: PositiveAmount
    release_usd: PositiveAmount | None = None
    action: BreakerAction = "reduce_only"


class FundSpeedSettings(BreakerRule, frozen=True, kw_only=True, tag="fund_speed"):
    """`[[breakers]]` kind `fund_speed`: how soon a fund is empty at its present pace of loss.

    Trips when balance / pace is strictly below `limit_s`, the pace being what the fund has lost in
    the last `lookback_s` but deposits, withdrawals, transfers and adjustments; may cool when it
    is not and `halt_s` have passed; then rests `cool_off_s`.
    """

    fund: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    scope: ClassVar[str] = "fund"
    lookback_s: PositiveFloat = 3_600.0
    limit_s: PositiveFloat
    action: BreakerAction = "notify"


class FundingExtremeSettings(BreakerRule, frozen=True, kw_only=True, tag="funding_extreme"):
    """`[[breakers]]` kind `funding_extreme`: a predicted funding rate beyond a limit.

    `scope`: an instrument, or `*` for each instrument on its own. Trips when the rate of the next
    payment, up or down, is strictly beyond `limit_ratio` of the notional; may cool when it is at
    most `release_ratio` (default: the limit) and `halt_s` have passed; then rests `cool_off_s`.
    """

    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    limit_ratio: PositiveFloat
    direction: Literal["up", "down", "both"] = "both"
    release_ratio: PositiveFloat | None = None
    action: BreakerAction = "notify"


class FeedOutageSettings(BreakerRule, frozen=True, kw_only=True, tag="feed_outage"):
    """`[[breakers]]` kind `feed_outage`: a feed lost, and not trusted for a while afterwards.

    `scope`: a feed, or `*` for each feed on its own. Trips when the feed is lost for strictly
    longer than `limit_s`; may cool when it is restored and `halt_s` have passed; then rests
    `cool_off_s`: so long its prices are unsafe.
    """

    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    limit_s: PositiveFloat = 5.0
    action: BreakerAction = "notify"


class OracleDisagreementSettings(BreakerRule, frozen=True, kw_only=True, tag="oracle_disagreement"):
    """`[[breakers]]` kind `oracle_disagreement`: an outside price far from the exchange's index.

    `scope`: an index, or `*` for each index on its own. Trips when a source's newest price was
    strictly more than `limit_ratio` away from the index when it was told; may cool when each is
    at most `release_ratio` away (default: the limit) and `halt_s` have passed; then rests
    `cool_off_s`.
    """

    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    limit_ratio: PositiveFloat
    release_ratio: PositiveFloat | None = None
    action: BreakerAction = "notify"


class LiquidationRateSettings(BreakerRule, frozen=True, kw_only=True, tag="liquidation_rate"):
    """`[[breakers]]` kind `liquidation_rate`: how many liquidations began within a lookback.

    `scope`: the whole `venue`, or each `instrument` on its own. One limit: `limit_count` of them,
    `limit_usd` of their notional, or `limit_volume_ratio` of it to what was traded, once that is
    `volume_min_usd`. Trips strictly beyond the limit in the last `lookback_s`; may cool at most at
    the release of the same unit (default: the limit) when `halt_s` have passed; then rests
    `cool_off_s`.
    """

    scope: Literal["venue", "instrument"] = "venue"
    lookback_s: PositiveFloat
    limit_count: LimitCount | None = None
    release_count: ReleaseCount | None = None
    limit_usd: PositiveAmount | None = None
    release_usd: PositiveAmount | None = None
    limit_volume_ratio: PositiveFloat | None = None
    release_volume_ratio: PositiveFloat | None = None
    volume_min_usd: NonNegativeFloat = 0.0
    action: BreakerAction = "reduce_only"


class LiquidationBacklogSettings(BreakerRule, frozen=True, kw_only=True, tag="liquidation_backlog"):
    """`[[breakers]]` kind `liquidation_backlog`: what is liquidatable and has not been begun.

    One limit: `limit_count` of margin units, or `limit_usd` of their notional, on the whole venue.
    Trips strictly beyond it; may cool at most at the release of the same unit (default: the
    limit) when `halt_s` have passed; then rests `cool_off_s`.
    """

    scope: ClassVar[str] = "venue"
    limit_count: LimitCount | None = None
    release_count: ReleaseCount | None = None
    limit_usd: PositiveAmount | None = None
    release_usd: PositiveAmount | None = None
    action: BreakerAction = "reduce_only"


class DepthCollapseSettings(BreakerRule, frozen=True, kw_only=True, tag="depth_collapse"):
    """`[[breakers]]` kind `depth_collapse`: too little is offered near the mid of a visible book.

    `scope`: an instrument, or `*` for each instrument on its own. Watches the thinner side within
    `within_ratio` of the mid. One limit: `limit_usd`, or `limit_ratio` of its mean over the last
    `lookback_s`. Trips strictly below it; may cool at least at the release of the same unit
    (default: the limit) when `halt_s` have passed; then rests `cool_off_s`.
    """

    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    within_ratio: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.01
    limit_usd: PositiveAmount | None = None
    release_usd: PositiveAmount | None = None
    limit_ratio: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    release_ratio: Annotated[float, msgspec.Meta(gt=0, le=10)] | None = None
    lookback_s: PositiveFloat = 3_600.0
    action: BreakerAction = "notify"


class OpenInterestSettings(BreakerRule, frozen=True, kw_only=True, tag="open_interest"):
    """`[[breakers]]` kind `open_interest`: how much is open, how fast it grows, what it leans on.

    `scope`: an instrument, `*` for each on its own, or `venue` for the sum of all notionals. Trips
    strictly beyond `limit`, which is in USD for `notional` and a ratio for `growth` (within
    `lookback_s`), `fund_ratio` and `largest_share`, while the notional is at least
    `notional_min_usd`; may cool at `release` at most (default: the limit) when `halt_s` have
    passed; then rests `cool_off_s`.
    """

    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    measure: Literal["notional", "growth", "fund_ratio", "largest_share"] = "notional"
    limit: PositiveAmount
    release: PositiveAmount | None = None
    lookback_s: PositiveFloat = 3_600.0
    notional_min_usd: NonNegativeFloat = 0.0
    action: BreakerAction = "reduce_only"


FundBreakerSettings: TypeAlias = FundDrawdownSettings | FundBelowMeanSettings | FundSpeedSettings
PriceBreakerSettings: TypeAlias = (
    PriceVelocitySettings | PriceBandSettings | PriceBandLogNormalSettings
)
BreakerSettings: TypeAlias = (
    PriceBreakerSettings
    | FundBreakerSettings
    | MarkIndexDivergenceSettings
    | ShortfallSettings
    | FundingExtremeSettings
    | FeedOutageSettings
    | OracleDisagreementSettings
    | LiquidationRateSettings
    | LiquidationBacklogSettings
    | DepthCollapseSettings
    | OpenInterestSettings
)
