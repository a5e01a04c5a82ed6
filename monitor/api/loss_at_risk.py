"""What may be socialized as the API tells it: records, and the worst fund in one sentence."""

from monitor.api.records import Record, exact_text
from monitor.core.loss_at_risk_view import (
    FundLoss,
    LossAtRisk,
    LossContribution,
    LossHorizon,
    LossTail,
)


class LossTailRecord(Record, frozen=True, kw_only=True):
    """A tail in the valuation currency; `error_usd`: standard error of the expected shortfall."""

    confidence: str
    value_at_risk_usd: str
    expected_shortfall_usd: str
    error_usd: str


class LossHorizonRecord(Record, frozen=True, kw_only=True):
    """A fund within a horizon: `uncovered` is what it cannot pay of the `shortfall`.

    Probabilities: of any shortfall, and of more of it than the fund has.
    """

    horizon_s: int
    shortfall_probability: str
    depletion_probability: str
    uncovered: list[LossTailRecord]
    shortfall: list[LossTailRecord]


class LossContributionRecord(Record, frozen=True, kw_only=True):
    """The part of an expected shortfall that begins in an instrument."""

    instrument: str
    share: str


class FundLossRecord(Record, frozen=True, kw_only=True):
    """One insurance fund; null: all together, and what has no fund.

    `median_depletion_s`: half of the depletions within the longest horizon come earlier.
    `contributions`: the largest, to what is uncovered beyond the first confidence in that horizon.
    """

    fund: str | None
    balance_usd: str
    median_depletion_s: str | None
    horizons: list[LossHorizonRecord]
    contributions: list[LossContributionRecord]


class LossAtRiskAnswer(Record, frozen=True, kw_only=True):
    """What may be socialized within a horizon: docs/model/loss_at_risk.md."""

    as_of_ns: int
    oldest_ns: int
    paths: int
    sentence: str
    funds: list[FundLossRecord]


def loss_at_risk_answer(found: LossAtRisk) -> LossAtRiskAnswer:
    """Return all funds."""
    return LossAtRiskAnswer(
        as_of_ns=found.as_of_ns,
        oldest_ns=found.oldest_ns,
        paths=found.paths,
        sentence=sentence(found),
        funds=[_fund(one) for one in found.funds],
    )


def sentence(found: LossAtRisk) -> str:
    """Return how likely the likeliest depletion is, in one sentence."""
    funds = [one for one in found.funds if one.fund is not None]
    if not funds:
        return "No instrument has an insurance fund: every shortfall is somebody else's."
    worst = max(funds, key=lambda one: one.horizons[-1].depletion_probability)
    *_, hour, day = worst.horizons
    if not day.depletion_probability:
        return "No path within a day exhausts an insurance fund."
    return (
        f"Insurance fund {worst.fund} is exhausted within a day with a probability of"
        f" {_percent(day.depletion_probability)}, within an hour"
        f" {_percent(hour.depletion_probability)}."
    )


def _percent(probability: float) -> str:
    percent = 100.0 * probability
    return f"{percent:.1f} %" if percent >= 0.1 else "less than 0.1 %"


def _fund(one: FundLoss) -> FundLossRecord:
    median_s = one.median_depletion_s
    return FundLossRecord(
        fund=one.fund,
        balance_usd=exact_text(one.balance_usd),
        median_depletion_s=None if median_s is None else exact_text(round(median_s)),
        horizons=[_horizon(each) for each in one.horizons],
        contributions=[_contribution(each) for each in one.contributions],
    )


def _horizon(one: LossHorizon) -> LossHorizonRecord:
    return LossHorizonRecord(
        horizon_s=int(one.horizon_s),
        shortfall_probability=exact_text(one.shortfall_probability),
        depletion_probability=exact_text(one.depletion_probability),
        uncovered=[_tail(each) for each in one.uncovered],
        shortfall=[_tail(each) for each in one.shortfall],
    )


def _tail(one: LossTail) -> LossTailRecord:
    return LossTailRecord(
        confidence=exact_text(one.confidence),
        value_at_risk_usd=exact_text(one.value_at_risk_usd),
        expected_shortfall_usd=exact_text(one.expected_shortfall_usd),
        error_usd=exact_text(one.error_usd),
    )


def _contribution(one: LossContribution) -> LossContributionRecord:
    return LossContributionRecord(instrument=one.instrument, share=exact_text(one.share))
