"""`[[breakers]]`: what each breaker rule can be configured with, a frozen record a kind."""

from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec

from monitor.core.setting_records import NonNegativeFloat, PositiveFloat, Ratio, Settings

BreakerAction: TypeAlias = Literal[
    "halt", "price_band", "reduce_only", "margin_multiplier", "withdrawals_gate", "notify"
]


class PriceVelocitySettings(
    Settings, frozen=True, kw_only=True, tag_field="kind", tag="price_velocity"
):
    """`[[breakers]]` kind `price_velocity`: the largest move of a mark within a lookback.

    `scope`: an instrument, or `*` for each instrument on its own. Trips strictly beyond
    `limit_ratio`; may cool when the move is at most `release_ratio` (default: the limit) and
    `halt_s` have passed; then rests `cool_off_s`.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    lookback_s: PositiveFloat
    limit_ratio: PositiveFloat
    direction: Literal["up", "down", "both"] = "both"
    release_ratio: PositiveFloat | None = None
    halt_s: NonNegativeFloat = 0.0
    cool_off_s: NonNegativeFloat = 300.0
    action: BreakerAction = "halt"


class PriceBandSettings(Settings, frozen=True, kw_only=True, tag_field="kind", tag="price_band"):
    """`[[breakers]]` kind `price_band`: a mark far from the mean of the marks before it.

    `scope`: an instrument, or `*` for each instrument on its own. Trips when a mark is strictly
    more than `limit_ratio` away from the mean of the last `lookback_s`; may cool when it is at most
    `release_ratio` away (default: the limit) and `halt_s` have passed; then rests `cool_off_s`.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    lookback_s: PositiveFloat
    limit_ratio: PositiveFloat
    release_ratio: PositiveFloat | None = None
    halt_s: NonNegativeFloat = 0.0
    cool_off_s: NonNegativeFloat = 300.0
    action: BreakerAction = "price_band"


class PriceBandLogNormalSettings(
    Settings, frozen=True, kw_only=True, tag_field="kind", tag="price_band_log_normal"
):
    """`[[breakers]]` kind `price_band_log_normal`: a trade that is improbable at the last mark.

    `scope`: an instrument, or `*` for each instrument on its own. Prices move log-normally, with
    `sigma` and `mu` a year: within `horizon_s` they stay between the two bounds with `probability`.
    Trips when a trade is strictly beyond a bound; may cool when the next is not, or `horizon_s`
    have passed without one, and `halt_s` have passed; then rests `cool_off_s`.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "*"
    horizon_s: Annotated[float, msgspec.Meta(ge=1e-9, le=366 * 86_400)]
    probability: Annotated[float, msgspec.Meta(gt=0, le=0.999999)]
    sigma: Annotated[float, msgspec.Meta(gt=0, le=10)]
    mu: Annotated[float, msgspec.Meta(ge=-10, le=10)] = 0.0
    halt_s: NonNegativeFloat = 0.0
    cool_off_s: NonNegativeFloat = 300.0
    action: BreakerAction = "price_band"


class FundDrawdownSettings(
    Settings, frozen=True, kw_only=True, tag_field="kind", tag="fund_drawdown"
):
    """`[[breakers]]` kind `fund_drawdown`: what an insurance fund lost of its highest balance.

    `scope`: the whole `fund`, or each `instrument` of it on its own. Trips when (peak of the
    profit - profit now) / highest balance is strictly beyond `limit_ratio` while the balance is
    above `balance_min`; may cool strictly below `release_ratio` (default: the limit) when `halt_s`
    have passed; then rests `cool_off_s`.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    fund: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    scope: Literal["fund", "instrument"] = "fund"
    lookback_s: PositiveFloat = 28_800.0
    limit_ratio: PositiveFloat = 0.3
    release_ratio: PositiveFloat | None = None
    balance_min: Annotated[float, msgspec.Meta(ge=0, le=1e15)] = 0.0
    halt_s: NonNegativeFloat = 0.0
    cool_off_s: NonNegativeFloat = 300.0
    action: BreakerAction = "notify"


class FundBelowMeanSettings(
    Settings, frozen=True, kw_only=True, tag_field="kind", tag="fund_below_mean"
):
    """`[[breakers]]` kind `fund_below_mean`: an insurance fund below its own recent mean.

    Trips when the balance is strictly below mean - max(drop_ratio x mean, drop_min), the mean
    weighted by time over the last `lookback_s`; may cool when it is not and `halt_s` have passed;
    then rests `cool_off_s`.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    fund: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    lookback_s: PositiveFloat = 28_800.0
    scope: ClassVar[str] = "fund"
    drop_ratio: Ratio = 0.3
    drop_min: Annotated[float, msgspec.Meta(ge=0, le=1e15)] = 0.0
    halt_s: NonNegativeFloat = 0.0
    cool_off_s: NonNegativeFloat = 300.0
    action: BreakerAction = "notify"


FundBreakerSettings: TypeAlias = FundDrawdownSettings | FundBelowMeanSettings
PriceBreakerSettings: TypeAlias = (
    PriceVelocitySettings | PriceBandSettings | PriceBandLogNormalSettings
)
BreakerSettings: TypeAlias = PriceBreakerSettings | FundBreakerSettings
