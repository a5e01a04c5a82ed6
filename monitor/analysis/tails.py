"""The tail of one instrument's losses that does not flatter: the largest of three, upper end.

`cautious_tail` is what the monitor reports. It is the largest of
- filtered history: today's volatility times the tail of past residuals;
- a generalized Pareto tail of the same residuals, with the upper end of its shape (shrunk across
  the class) instead of the point, never lower than the point's;
- a floor: `stress_weight` of the same measure over the worst window that was ever kept.
Never a normal law. With less history than `OBSERVATIONS_MIN` there is no fit: the class speaks
alone (`unseen_tail`), from its heaviest members. Every estimate says how many observations stand
behind it, and which defaults replaced what.
"""

from dataclasses import dataclass, field

import numpy as np

from monitor.analysis.extremes import FitError, TailFit, best_scale, fit_tail, tail_risk
from monitor.analysis.measures import (
    NO_RISK,
    TailRisk,
    empirical_risk,
    losses_of,
    student_risk,
)
from monitor.analysis.returns import Floats
from monitor.analysis.shrinkage import DEFAULT_CLASS, ClassShape, ShrunkShape, shrink
from monitor.analysis.volatility import Response, Volatility, fit_response, volatility_of

OBSERVATIONS_MIN = 250  # returns; below it the class speaks alone
STRESS_WINDOW = 250
STRESS_WEIGHT = 0.25
UNSEEN_DEGREES = 3.0  # of the Student t law of an instrument without history
# A step's volatility where neither an instrument nor its class has been seen: of a day, that of the
# wildest listed perpetuals (LAYERUSDT, May 2025: 0.16); other steps come with their own rules.
UNSEEN_VOLATILITY = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How tails are kept honest; fixed before the years on which they are judged."""

    response: Response | None = None  # None: fitted
    class_shape: ClassShape = DEFAULT_CLASS
    class_volatility: float = UNSEEN_VOLATILITY  # a step, of an instrument with little history
    stress_window: int = STRESS_WINDOW
    stress_weight: float = STRESS_WEIGHT
    tail_share: float = 0.1


DEFAULT_RULES = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class CautiousTail:
    """What is reported of a tail at one level: the risk, its parts, and what stands behind it.

    `replaced` names what could not be estimated and the default in its place, a sentence each.
    """

    confidence_level: float
    side: int
    risk: TailRisk
    filtered: TailRisk | None
    extreme: TailRisk | None
    stressed: TailRisk | None
    shape: ShrunkShape
    observations: int
    replaced: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardTail:
    """A fitted tail before today's volatility: `filtered` and `extreme` in units of volatility.

    It changes slowly, so it is refitted seldom; the volatility moves with each return.
    """

    confidence_level: float
    side: int
    filtered: TailRisk
    extreme: TailRisk
    stressed: TailRisk
    shape: ShrunkShape
    observations: int
    replaced: tuple[str, ...]

    def at(self, volatility: float) -> CautiousTail:
        """Return the tail at a volatility of the next return."""
        filtered, extreme = self.filtered.scaled(volatility), self.extreme.scaled(volatility)
        return CautiousTail(
            confidence_level=self.confidence_level,
            side=self.side,
            risk=filtered.most(extreme).most(self.stressed).of_side(self.side),
            filtered=filtered.of_side(self.side),
            extreme=extreme.of_side(self.side),
            stressed=self.stressed.of_side(self.side),
            shape=self.shape,
            observations=self.observations,
            replaced=self.replaced,
        )


def cautious_tail(
    returns: Floats, side: int, confidence_level: float, rules: Rules = DEFAULT_RULES
) -> CautiousTail:
    """Return the honest tail of the next return after a history (oldest first)."""
    if len(returns) < OBSERVATIONS_MIN:
        return unseen_tail(returns, side, confidence_level, rules=rules)
    if not np.any(returns != returns[0]):
        said = "constant returns: no volatility, treated as an instrument without history"
        return unseen_tail(returns[:0], side, confidence_level, rules=rules, reason=said)
    volatility = volatility_of(returns, rules.response or fit_response(returns))
    tail = standard_tail(returns, volatility, side, confidence_level, rules)
    return tail.at(volatility.following)


def standard_tail(
    returns: Floats, volatility: Volatility, side: int, confidence_level: float, rules: Rules
) -> StandardTail:
    """Return the tail of a history of at least `OBSERVATIONS_MIN` returns with its volatility."""
    residuals = losses_of(volatility.residuals(returns), side)
    extreme, shape, replaced = _extreme(residuals, confidence_level, rules)
    worst = stressed_risk(losses_of(returns, side), confidence_level, rules.stress_window)
    return StandardTail(
        confidence_level=confidence_level,
        side=side,
        filtered=empirical_risk(residuals, confidence_level),
        extreme=extreme,
        stressed=worst.scaled(rules.stress_weight),
        shape=shape,
        observations=len(returns),
        replaced=replaced,
    )


def _extreme(
    residuals: Floats, confidence_level: float, rules: Rules
) -> tuple[TailRisk, ShrunkShape, tuple[str, ...]]:
    """Return the Pareto tail of residuals at the upper shape, or a cautious law without a fit."""
    try:
        fit = fit_tail(residuals, tail_share=rules.tail_share)
        point = tail_risk(fit, confidence_level)
    except FitError as error:
        said = f"tail not fitted ({error}): a Student t law of {UNSEEN_DEGREES:g} degrees stands in"
        law = student_risk(UNSEEN_DEGREES, confidence_level)
        return law, shrink(None, 0.0, rules.class_shape), (said,)
    shape = shrink(fit.shape, fit.shape_error, rules.class_shape)
    upper = tail_risk(upper_tail(residuals, fit, shape), confidence_level)
    return point.most(upper), shape, ()


def upper_tail(residuals: Floats, fit: TailFit, shape: ShrunkShape) -> TailFit:
    """Return the tail at the upper end of its shape, with the scale that fits it best."""
    excesses = residuals[residuals > fit.threshold] - fit.threshold
    return TailFit(
        threshold=fit.threshold,
        shape=shape.upper,
        scale=best_scale(excesses, shape.upper),
        observations=fit.observations,
        excesses=fit.excesses,
    )


def stressed_risk(losses: Floats, confidence_level: float, window: int) -> TailRisk:
    """Return the risk over the window of greatest expected shortfall (steps of a tenth of it)."""
    if len(losses) <= window:
        return empirical_risk(losses, confidence_level)
    worst = NO_RISK
    last = len(losses) - window
    for start in {*range(0, last, max(1, window // 10)), last}:
        risk = empirical_risk(losses[start : start + window], confidence_level)
        if risk.expected_shortfall > worst.expected_shortfall:
            worst = risk
    return worst


def unseen_tail(
    returns: Floats, side: int, confidence_level: float, *,
    rules: Rules = DEFAULT_RULES, reason: str = "",
) -> CautiousTail:  # fmt: skip
    """Return the cautious tail of an instrument with little history, or none at all.

    The law is a Student t of `UNSEEN_DEGREES`; its volatility is the larger of the class's and of
    the few returns there are; the largest loss seen is a floor of both measures.
    """
    losses = losses_of(returns, side)
    own = float(np.sqrt((returns**2).mean())) if len(returns) else 0.0
    volatility = max(rules.class_volatility, own)
    most = float(losses.max()) if len(losses) else 0.0
    law = student_risk(UNSEEN_DEGREES, confidence_level).scaled(volatility)
    said = reason or f"{len(returns)} returns, fewer than {OBSERVATIONS_MIN}: no fit"
    return CautiousTail(
        confidence_level=confidence_level,
        side=side,
        risk=law.most(TailRisk(most, most)).of_side(side),
        filtered=None,
        extreme=None,
        stressed=None,
        shape=shrink(None, 0.0, rules.class_shape),
        observations=len(returns),
        replaced=(
            f"{said}; a Student t law of {UNSEEN_DEGREES:g} degrees, volatility {volatility:.4g}",
        ),
    )
