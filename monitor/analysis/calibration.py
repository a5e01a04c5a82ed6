"""From histories to parameters: each instrument's own fit, its class, then what is reported.

Three steps, so that a caller can show progress: `own_fit` for each instrument, `class_rules` once a
grid, `calibrated` for each instrument; `joint_fit` beside them. What could not be identified is
replaced by its cautious default, and each record says which, in `replaced`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.analysis.dependence import (
    DEGREES_DEFAULT,
    Copula,
    fit_copula,
)
from monitor.analysis.dependence import (
    OBSERVATIONS_MIN as JOINT_MIN,
)
from monitor.analysis.extremes import (
    FitError,
    Interval,
    TailFit,
    fit_tail,
    risk_intervals,
    shape_interval,
)
from monitor.analysis.measures import LONG, SHORT, losses_of
from monitor.analysis.returns import DAY_NS, Floats, Grid, Integers
from monitor.analysis.shrinkage import class_shape
from monitor.analysis.tails import (
    OBSERVATIONS_MIN,
    UNSEEN_DEGREES,
    UNSEEN_VOLATILITY,
    CautiousTail,
    Rules,
    cautious_tail,
)
from monitor.analysis.volatility import Response, fit_response, volatility_of

LEVELS = (0.975, 0.99, 0.999)
JOINT_SYMBOLS_MAX = 50  # pairs grow with the square; the first ones, in the caller's order
UNSEEN_MARGIN = 1.5  # a new listing is rarely the calmest of its class
INTERVAL_LEVEL = 0.99  # of the risk whose profile interval is told
SIDES = {"long": LONG, "short": SHORT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The newest returns of an instrument on a grid, with the ends of their cells (ns).

    `gaps` of the whole history: how many are one return each, and how many are left out.
    """

    symbol: str
    grid: Grid
    ends_ns: Integers
    returns: Floats
    gaps: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFit:
    """What an instrument's history says alone; None and a sentence where it says nothing.

    `losses` are residuals (in units of the predicted volatility) by side; `tails` their fits.
    """

    observed: Observed
    response: Response | None
    volatility: float | None
    losses: Mapping[str, Floats]
    tails: Mapping[str, TailFit]
    replaced: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFit:
    """A side's tail: the own fit with intervals (None without one) and what is reported."""

    tail: TailFit | None
    shape_interval: Interval | None
    value_at_risk_interval: Interval | None
    expected_shortfall_interval: Interval | None
    reported: tuple[CautiousTail, ...]  # one a level of `LEVELS`


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentFit:
    """An instrument's parameters on one grid."""

    own: OwnFit
    sides: Mapping[str, SideFit]
    replaced: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JointFit:
    """The copula of instruments on one grid; without one, the default degrees and why."""

    symbols: tuple[str, ...]
    copula: Copula | None
    replaced: tuple[str, ...]

    @property
    def degrees(self) -> float:
        """Return the degrees of freedom to use: the lower end, whose tails are the heavier."""
        return DEGREES_DEFAULT if self.copula is None else self.copula.degrees_interval.lower


def own_fit(observed: Observed) -> OwnFit:
    """Return what a history says alone; nothing raises, what fails is replaced and told."""
    returns = observed.returns
    if len(returns) < OBSERVATIONS_MIN:
        said = f"{len(returns)} returns, fewer than {OBSERVATIONS_MIN}"
        return _nothing(observed, f"volatility and tail: {said}; the class stands in")
    if not np.any(returns != returns[0]):
        return _nothing(observed, "volatility and tail: constant returns; the class stands in")
    response = fit_response(returns)
    volatility = volatility_of(returns, response)
    losses, tails, replaced = {}, {}, []
    for name, side in SIDES.items():
        losses[name] = losses_of(volatility.residuals(returns), side)
        try:
            tails[name] = fit_tail(losses[name])
        except FitError as error:
            replaced.append(
                f"tail of {name}: {error}; a Student t law of {UNSEEN_DEGREES:g} degrees stands in"
            )
    return OwnFit(
        observed=observed,
        response=response,
        volatility=volatility.following,
        losses=losses,
        tails=tails,
        replaced=tuple(replaced),
    )


def _nothing(observed: Observed, said: str) -> OwnFit:
    return OwnFit(
        observed=observed, response=None, volatility=None, losses={}, tails={}, replaced=(said,)
    )


def class_rules(fits: Sequence[OwnFit]) -> Rules:
    """Return the rules of a grid: the shape of its class, and a volatility for the unseen.

    That is `UNSEEN_MARGIN` times the largest of its members', of today or of their whole history.
    Without a member that has a volatility, the default is that of a day by the root of the step.
    """
    tails = [tail for fit in fits for tail in fit.tails.values()]
    wild = [
        UNSEEN_MARGIN * max(float(fit.observed.returns.std()), fit.volatility)
        for fit in fits
        if fit.volatility is not None
    ]
    step_ns = fits[0].observed.grid.step_ns if fits else DAY_NS
    return Rules(
        class_shape=class_shape([tail.shape for tail in tails], [t.shape_error for t in tails]),
        class_volatility=max(wild, default=UNSEEN_VOLATILITY * math.sqrt(step_ns / DAY_NS)),
    )


def calibrated(own: OwnFit, rules: Rules) -> InstrumentFit:
    """Return an instrument's parameters within its class."""
    mine = Rules(
        response=own.response,
        class_shape=rules.class_shape,
        class_volatility=rules.class_volatility,
    )
    sides = {name: _side_fit(own, name, mine) for name in SIDES}
    told = {
        f"risk of {name} at {one.confidence_level:g}: {said}"
        for name, side in sides.items()
        if name in own.tails
        for one in side.reported
        for said in one.replaced
    }
    return InstrumentFit(own=own, sides=sides, replaced=(*own.replaced, *sorted(told)))


def _side_fit(own: OwnFit, name: str, rules: Rules) -> SideFit:
    tail = own.tails.get(name)
    shape = quantile = mean = None
    if tail is not None:
        shape = shape_interval(own.losses[name], tail)
        if tail.reaches(INTERVAL_LEVEL):
            quantile, mean = risk_intervals(own.losses[name], tail, INTERVAL_LEVEL)
    returns = own.observed.returns
    return SideFit(
        tail=tail,
        shape_interval=shape,
        value_at_risk_interval=quantile,
        expected_shortfall_interval=mean,
        reported=tuple(cautious_tail(returns, SIDES[name], level, rules) for level in LEVELS),
    )


def joint_fit(observed: Sequence[Observed]) -> JointFit:
    """Return the copula of the instruments that have a history, from the moments all of them have.

    Instruments with little or a constant history are left out and told; so is a repaired matrix.
    """
    usable = [
        one
        for one in observed
        if len(one.returns) >= OBSERVATIONS_MIN and np.any(one.returns != one.returns[0])
    ]
    left = len(observed) - len(usable)
    replaced = [f"dependence: {left} instruments without history left out"] if left else []
    if len(usable) > JOINT_SYMBOLS_MAX:
        rest = len(usable) - JOINT_SYMBOLS_MAX
        replaced.append(f"dependence: {rest} instruments beyond {JOINT_SYMBOLS_MAX} left out")
        usable = usable[:JOINT_SYMBOLS_MAX]
    symbols = tuple(one.symbol for one in usable)
    if len(usable) < 2:
        default = f"dependence: fewer than two histories; {DEGREES_DEFAULT:g} degrees stand in"
        return JointFit(symbols=symbols, copula=None, replaced=(*replaced, default))
    shared = usable[0].ends_ns
    for one in usable[1:]:
        shared = np.intersect1d(shared, one.ends_ns, assume_unique=True)
    if len(shared) < JOINT_MIN:
        said = f"dependence: {len(shared)} moments in common, fewer than {JOINT_MIN}"
        default = f"{said}; {DEGREES_DEFAULT:g} degrees stand in"
        return JointFit(symbols=symbols, copula=None, replaced=(*replaced, default))
    columns = [one.returns[np.isin(one.ends_ns, shared, assume_unique=True)] for one in usable]
    copula = fit_copula(np.column_stack(columns))
    if copula.repaired_by > 0.0:
        replaced.append(
            "dependence: correlations of no positive definite matrix; the nearest one stands in, "
            f"entries moved by at most {copula.repaired_by:.4f}"
        )
    return JointFit(symbols=symbols, copula=copula, replaced=tuple(replaced))
