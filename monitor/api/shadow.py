"""Shadow deleveraging as the API tells it: records, texts, and what the venue's rule costs."""

from monitor.api.records import Record, decimal_text, exact_text
from monitor.core.shadow_view import PATH_S, Shadow, ShadowPlanView, ShadowSideView

STRESSES = ("0", "0.05", "0.1", "0.2")
SIDES = ("long", "short")


class ShadowPayerRecord(Record, frozen=True, kw_only=True):
    """One margin unit from whom a policy takes, at the price of the round."""

    account: str
    amount_usd: str
    equity_before_usd: str
    equity_after_usd: str


class ShadowPlanRecord(Record, frozen=True, kw_only=True):
    """What one policy takes, on one side or over the whole venue; null is infinite or not known.

    `overshoot_usd`: what winners lose beyond the need, signed, at the moments of `path_s`.
    `equity_fraction_mean`: the largest fraction of each side, weighted by what it needs. `gini` to
    `payers` are told of a side, by turns; `payers` are the largest.
    """

    policy: str
    collected_usd: str
    overshoot_usd: list[str | None]
    equity_fraction_max: str | None
    equity_fraction_mean: str | None
    accounts_touched: int
    leverage_max: str | None
    hedges_broken: int
    gini: str | None
    instability_ratio: str | None
    overlap_ratio: str | None
    payers: list[ShadowPayerRecord]


class ShadowSideRecord(Record, frozen=True, kw_only=True):
    """The would-be bankrupt of one side of one instrument; `side` is theirs."""

    instrument: str
    side: str
    move_ratio: str
    price: str
    accounts: int
    lots: str
    needed_usd: str
    candidates: int
    feasible_ratio: str
    plans: list[ShadowPlanRecord]


class ShadowAnswer(Record, frozen=True, kw_only=True):
    """What every policy would take now: docs/model/shadow.md.

    `stress` 0: from the winners against the worst accounts. `sides`: the worst ones, with the
    configured policy and the best one.
    """

    as_of_ns: int
    stress: str
    path_s: list[str]
    configured: str
    best: str
    sentence: str
    needed_usd: str
    totals: list[ShadowPlanRecord]
    sides: list[ShadowSideRecord]


class ShadowSideAnswer(Record, frozen=True, kw_only=True):
    """One side with every policy, and who pays."""

    as_of_ns: int
    stress: str
    path_s: list[str]
    configured: str
    best: str
    sentence: str
    side: ShadowSideRecord


def shadow_answer(shadow: Shadow) -> ShadowAnswer:
    """Return the whole venue and its worst sides."""
    told = {shadow.configured, shadow.best}
    return ShadowAnswer(
        as_of_ns=shadow.as_of_ns,
        stress=exact_text(shadow.stress),
        path_s=[exact_text(each) for each in PATH_S],
        configured=shadow.configured,
        best=shadow.best,
        sentence=sentence(shadow.totals, shadow.configured, shadow.best),
        needed_usd=exact_text(shadow.needed_usd),
        totals=[_plan(each) for each in shadow.totals],
        sides=[_side(each, told) for each in shadow.worst],
    )


def shadow_side_answer(shadow: Shadow, side: ShadowSideView) -> ShadowSideAnswer:
    """Return one side with every policy."""
    return ShadowSideAnswer(
        as_of_ns=shadow.as_of_ns,
        stress=exact_text(shadow.stress),
        path_s=[exact_text(each) for each in PATH_S],
        configured=shadow.configured,
        best=shadow.best,
        sentence=sentence(side.plans, shadow.configured, shadow.best),
        side=_side(side, None),
    )


def sentence(plans: tuple[ShadowPlanView, ...], configured: str, best: str) -> str:
    """Return what the venue's rule costs against the best one, in one sentence."""
    of = {plan.policy: plan for plan in plans}
    if configured not in of:
        return f"{configured} is a yardstick that shadow rounds leave out."
    venue, other = of[configured], of[best]
    if configured == best:
        return (
            f"The venue's rule, {configured}, is the best one here: the hardest hit account of a"
            f" side loses {_percent(venue.equity_fraction_mean)} of its equity."
        )
    return (
        f"Under the venue's rule, {configured}, the hardest hit account of a side loses"
        f" {_percent(venue.equity_fraction_mean)} of its equity, under {best}"
        f" {_percent(other.equity_fraction_mean)}; {venue.hedges_broken:,} hedges break instead of"
        f" {other.hedges_broken:,}, {venue.accounts_touched:,} accounts pay instead of"
        f" {other.accounts_touched:,}."
    )


def _percent(fraction: float | None) -> str:
    return "more than all" if fraction is None else f"{100 * fraction:,.1f} %"


def _side(side: ShadowSideView, told: set[str] | None) -> ShadowSideRecord:
    return ShadowSideRecord(
        instrument=side.instrument,
        side=side.side,
        move_ratio=exact_text(side.move_ratio),
        price=exact_text(side.price),
        accounts=side.accounts,
        lots=exact_text(side.lots),
        needed_usd=exact_text(side.needed_usd),
        candidates=side.candidates,
        feasible_ratio=exact_text(side.feasible_ratio),
        plans=[_plan(each) for each in side.plans if told is None or each.policy in told],
    )


def _plan(plan: ShadowPlanView) -> ShadowPlanRecord:
    return ShadowPlanRecord(
        policy=plan.policy,
        collected_usd=exact_text(plan.collected_usd),
        overshoot_usd=[decimal_text(each) for each in plan.overshoot_usd],
        equity_fraction_max=decimal_text(plan.equity_fraction_max),
        equity_fraction_mean=decimal_text(plan.equity_fraction_mean),
        accounts_touched=plan.accounts_touched,
        leverage_max=decimal_text(plan.leverage_max),
        hedges_broken=plan.hedges_broken,
        gini=decimal_text(plan.gini),
        instability_ratio=decimal_text(plan.instability_ratio),
        overlap_ratio=decimal_text(plan.overlap_ratio),
        payers=[
            ShadowPayerRecord(
                account=payer.account,
                amount_usd=exact_text(payer.amount_usd),
                equity_before_usd=exact_text(payer.equity_before_usd),
                equity_after_usd=exact_text(payer.equity_after_usd),
            )
            for payer in plan.payers
        ],
    )
