"""A rolling test knows the past only, and says what the models say one at a time."""

import numpy as np
import pytest

from monitor.analysis.coverage import coverage_test
from monitor.analysis.measures import LONG, SHORT, empirical_risk
from monitor.analysis.rolling import MODELS, Plan, rolling_forecasts
from monitor.analysis.tails import Rules, cautious_tail
from monitor.analysis.volatility import Response

PLAN = Plan(
    rules=Rules(response=Response(0.94, 0.1)), history_max=400, historical_window=300, refit_every=1
)
RETURNS = np.random.default_rng(1).standard_t(4, size=460) * 0.02


def test_each_forecast_is_what_the_model_says_of_the_past_alone() -> None:
    found = rolling_forecasts(RETURNS, 440, SHORT, 0.975, PLAN)
    assert set(found) == set(MODELS)
    for place in (440, 459):
        expected = cautious_tail(RETURNS[place - 400 : place], SHORT, 0.975, PLAN.rules).risk
        said = found["cautious"]
        assert said.value_at_risk[place - 440] == pytest.approx(expected.value_at_risk)
        assert said.expected_shortfall[place - 440] == pytest.approx(expected.expected_shortfall)
        plain = empirical_risk(RETURNS[place - 300 : place], 0.975)
        assert found["historical"].value_at_risk[place - 440] == plain.value_at_risk


def test_what_comes_later_changes_no_forecast() -> None:
    changed = RETURNS.copy()
    changed[450:] *= 9.0
    plan = Plan(rules=PLAN.rules, history_max=400, historical_window=300, refit_every=24)
    plain, other = (
        rolling_forecasts(returns, 440, LONG, 0.99, plan) for returns in (RETURNS, changed)
    )
    for model in MODELS:
        assert plain[model].value_at_risk[:11] == pytest.approx(
            other[model].value_at_risk[:11], rel=1e-12
        )


def test_a_normal_law_on_heavy_tails_is_caught_and_the_cautious_one_stands() -> None:
    returns = np.random.default_rng(3).standard_t(3, size=3_000) * 0.01
    plan = Plan(rules=PLAN.rules, history_max=1_500, historical_window=500, refit_every=50)
    found = rolling_forecasts(returns, 1_500, LONG, 0.99, plan)
    under = {
        model: coverage_test(series.breached, 0.99).undercoverage for model, series in found.items()
    }
    assert under["ewma"] < 0.01
    assert under["cautious"] > 0.05
