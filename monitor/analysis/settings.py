"""`[shadow]`: how the analysis process is asked."""

from typing import Annotated

import msgspec

from monitor.core.settings_record import PositiveFloat, Settings


class CascadeSettings(Settings, frozen=True, kw_only=True):
    """`[shadow.cascades]`: what a sale moves a mark by, beyond the visible book; whose turn it is.

    The price moves by `daily_volatility` x (sold / a day's volume) ^ `impact_exponent`, that volume
    being `volume_ratio` x open interest. A visible book older than `book_age_max_s` is passed over.
    """

    daily_volatility: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.05
    volume_ratio: PositiveFloat = 1.0
    impact_exponent: Annotated[float, msgspec.Meta(gt=0, le=2)] = 0.5
    book_age_max_s: PositiveFloat = 60.0
    sides_per_image: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 20


class LossAtRiskSettings(Settings, frozen=True, kw_only=True):
    """`[shadow.loss_at_risk]`: how marks may move, and how many paths of them are run.

    Log returns are a Student t of so many `degrees` of freedom; two factors (indices) have the
    `correlation`. A mark's daily volatility is its own of the last day, `daily_volatility` while
    little is known of it, never less than `daily_volatility_min`.
    """

    paths: Annotated[int, msgspec.Meta(ge=200, le=100_000)] = 1_000
    degrees: Annotated[float, msgspec.Meta(gt=2, le=100)] = 3.0
    correlation: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.8
    daily_volatility: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.05
    daily_volatility_min: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.01


class ShadowSettings(Settings, frozen=True, kw_only=True):
    """`[shadow]`: what every policy would take now, worked out in a process of its own.

    At most every `interval_s`, and at most a fifth of a core of its time; one answer may take
    `timeout_s`. `counterparties_max`: how many a venue lets close one bankrupt position.
    `funding_interval_s`: between two of its funding payments, for what a position costs to carry.
    """

    enabled: bool = True
    interval_s: PositiveFloat = 10.0
    timeout_s: PositiveFloat = 120.0
    counterparties_max: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 500
    funding_interval_s: PositiveFloat = 28_800.0
    cascades: CascadeSettings = CascadeSettings()
    loss_at_risk: LossAtRiskSettings = LossAtRiskSettings()
