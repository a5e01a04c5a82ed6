"""What may be socialized within a horizon, as outsiders see it. docs/model/loss_at_risk.md."""

import msgspec


class LossTail(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tail of a loss in the valuation currency; `error_usd`: of the expected shortfall."""

    confidence: float
    value_at_risk_usd: float
    expected_shortfall_usd: float
    error_usd: float


class LossHorizon(msgspec.Struct, frozen=True, kw_only=True):
    """A fund within a horizon: `uncovered` is what it cannot pay of the `shortfall`.

    Probabilities: of any shortfall, and of more of it than the fund has.
    """

    horizon_s: float
    shortfall_probability: float
    depletion_probability: float
    uncovered: tuple[LossTail, ...]
    shortfall: tuple[LossTail, ...]


class LossContribution(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The part of an expected shortfall that begins in an instrument."""

    instrument: str
    share: float


class FundLoss(msgspec.Struct, frozen=True, kw_only=True):
    """One insurance fund; null: all of them together, and what has no fund.

    `median_depletion_s`: half of the depletions within the longest horizon come earlier, null
    without any. `contributions`: the largest, to what is uncovered at the first confidence within
    the longest horizon.
    """

    fund: str | None
    balance_usd: float
    horizons: tuple[LossHorizon, ...]
    median_depletion_s: float | None
    contributions: tuple[LossContribution, ...]


class LossAtRisk(msgspec.Struct, frozen=True, kw_only=True):
    """All funds, all together first; of `paths` paths, the oldest on the book of `oldest_ns`."""

    as_of_ns: int
    oldest_ns: int
    paths: int
    funds: tuple[FundLoss, ...]
