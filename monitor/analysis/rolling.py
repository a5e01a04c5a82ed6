"""A rolling out-of-sample test: what each model would have said, step by step, and what came.

A forecast of a return knows the returns before it, at most `history_max` of them. What is slow
(the law of residuals) is fitted every `refit_every` steps on what was known then; volatility moves
with each return. The models, named as in the tables: `historical` (quantile of a window), `ewma`
(symmetric response and a normal law: the usual simple model, never used by the monitor),
`fhs` (filtered history), `gpd` (Pareto tail of the same residuals, point estimate) and `cautious`
(what the monitor reports).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from monitor.analysis.extremes import FitError, fit_tail
from monitor.analysis.measures import TailRisk, empirical_risk, losses_of, normal_risk
from monitor.analysis.returns import Floats
from monitor.analysis.shortfall_tests import Series
from monitor.analysis.tails import OBSERVATIONS_MIN, Rules, standard_tail
from monitor.analysis.volatility import Response, volatility_of

MODELS = ("historical", "ewma", "fhs", "gpd", "cautious")
PLAIN = Response(decay=0.94, asymmetry=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is fixed before the years on which models are judged."""

    rules: Rules  # with a response of its own
    history_max: int
    historical_window: int
    refit_every: int


@dataclass(frozen=True, slots=True)
class Block:
    """Returns known at a fit (`history`) and those that are forecast from it, one after another."""

    history: Floats
    coming: Floats

    def volatilities(self, response: Response) -> Floats:
        """Return the volatility predicted for each coming return, knowing those before it."""
        both = np.concatenate((self.history, self.coming))
        known = len(self.history)
        return volatility_of(both, response, known=known).path[known:]


def rolling_forecasts(
    returns: Floats, start: int, side: int, confidence_level: float, plan: Plan
) -> Mapping[str, Series]:
    """Return, by model, losses and forecasts of the returns from place `start` on."""
    assert start >= OBSERVATIONS_MIN, start
    quantiles: dict[str, list[Floats]] = {name: [] for name in MODELS}
    means: dict[str, list[Floats]] = {name: [] for name in MODELS}
    for block in _blocks(returns, start, plan):
        for name, (quantile, mean) in _said(block, side, confidence_level, plan).items():
            quantiles[name].append(quantile)
            means[name].append(mean)
    return {
        name: Series(
            losses=losses_of(returns[start:], side),
            value_at_risk=np.concatenate(quantiles[name]),
            expected_shortfall=np.concatenate(means[name]),
            confidence_level=confidence_level,
        )
        for name in MODELS
    }


def _blocks(returns: Floats, start: int, plan: Plan) -> Iterator[Block]:
    for begin in range(start, len(returns), plan.refit_every):
        history = returns[max(0, begin - plan.history_max) : begin]
        yield Block(history, returns[begin : begin + plan.refit_every])


def _said(
    block: Block, side: int, confidence_level: float, plan: Plan
) -> dict[str, tuple[Floats, Floats]]:
    """Return value at risk and expected shortfall for each coming return, by model."""
    rules, count = plan.rules, len(block.coming)
    assert rules.response is not None, "a response that is fixed beforehand"
    response = rules.response
    history_volatility = volatility_of(block.history, response)
    volatilities = block.volatilities(response)
    residuals = losses_of(history_volatility.residuals(block.history), side)
    tail = standard_tail(block.history, history_volatility, side, confidence_level, rules)
    # a plain historical window moves with each return
    both = losses_of(np.concatenate((block.history, block.coming)), side)
    known = len(block.history)
    windows = [both[max(0, known + i - plan.historical_window) : known + i] for i in range(count)]

    def each(risk_at: Callable[[int], TailRisk]) -> tuple[Floats, Floats]:
        risks = [risk_at(place) for place in range(count)]
        return (
            np.array([risk.value_at_risk for risk in risks]),
            np.array([risk.expected_shortfall for risk in risks]),
        )

    plain = block.volatilities(PLAIN)
    point = _point(residuals, confidence_level, rules.tail_share)
    return {
        "historical": each(lambda at: empirical_risk(windows[at], confidence_level)),
        "ewma": each(lambda at: normal_risk(confidence_level).scaled(float(plain[at]))),
        "fhs": each(lambda at: tail.filtered.scaled(float(volatilities[at]))),
        "gpd": each(lambda at: point.scaled(float(volatilities[at]))),
        "cautious": each(lambda at: tail.at(float(volatilities[at])).risk),
    }


def _point(residuals: Floats, confidence_level: float, tail_share: float) -> TailRisk:
    """Return the Pareto tail's point estimate, the empirical one where it cannot be fitted."""
    try:
        return fit_tail(residuals, tail_share=tail_share).risk(confidence_level)
    except FitError:
        return empirical_risk(residuals, confidence_level)
