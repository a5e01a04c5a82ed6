"""A breaker on trial trips like any other, and asks for nothing."""

from typing import Any

import pytest

from monitor.api.wording import describe
from monitor.core.breaker_settings import (
    BreakerSettings,
    DepthCollapseSettings,
    FundSpeedSettings,
    LiquidationRateSettings,
    OpenInterestSettings,
    PriceVelocitySettings,
)
from monitor.core.breakers import RULES
from monitor.core.breakers.breaker import Breaker
from monitor.core.decisions import BreakerTripped, Decision
from monitor.core.engine import RiskEngine
from monitor.core.settings import DeleveragingSettings, EngineSettings
from tests.builders import Journal


def velocity(**changes: Any) -> PriceVelocitySettings:
    return PriceVelocitySettings(name="fall", lookback_s=60, limit_ratio=0.05, **changes)


def engine_after_a_fall(rule: BreakerSettings) -> tuple[RiskEngine, list[Decision]]:
    """Return an engine whose mark has fallen by 8 %, and what it decided."""
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.wait(1).mark("X", "92")
    deleveraging = DeleveragingSettings(trigger=("fall",))
    engine = RiskEngine(EngineSettings(breakers=(rule,), deleveraging=deleveraging))
    return engine, [one for _, one in engine.apply(journal.events)]


def test_it_tells_what_it_would_have_done() -> None:
    engine, (tripped,) = engine_after_a_fall(velocity(dry_run=True))
    assert isinstance(tripped, BreakerTripped)
    assert (tripped.action, tripped.dry_run_action) == ("notify", "halt")
    assert describe(tripped) == (
        "Breaker fall trips on X: measured 8.0 %, limit 5.0 %: on trial, would halt trading"
    )
    (view,) = engine.view().breakers
    assert (view.state, view.action, view.dry_run, view.following) == (
        "tripped",
        "notify",
        True,
        None,
    )
    assert not engine.venue.board.is_tripped({"fall"}, {"X"})


def test_one_that_acts_says_no_more_than_before() -> None:
    engine, (tripped,) = engine_after_a_fall(velocity())
    assert isinstance(tripped, BreakerTripped)
    assert (tripped.action, tripped.dry_run_action) == ("halt", None)
    assert describe(tripped).endswith("limit 5.0 %: halt trading")
    assert engine.venue.board.is_tripped({"fall"}, {"X"})


@pytest.mark.parametrize(
    ("rule", "unit"),
    [
        (velocity(), "ratio"),
        (PriceVelocitySettings(name="v", lookback_s=60, limit_quote=5), "quote"),
        (LiquidationRateSettings(name="r", lookback_s=1, limit_count=5), "count"),
        (LiquidationRateSettings(name="r", lookback_s=1, limit_usd=5), "usd"),
        (LiquidationRateSettings(name="r", lookback_s=1, limit_volume_ratio=5), "ratio"),
        (OpenInterestSettings(name="o", limit=5), "usd"),
        (OpenInterestSettings(name="o", limit=5, measure="growth"), "ratio"),
        (DepthCollapseSettings(name="d", limit_ratio=0.5), "ratio"),
        (FundSpeedSettings(name="f", fund="main", limit_s=5), "s"),
    ],
)
def test_measure_and_limit_have_a_unit(rule: BreakerSettings, unit: str) -> None:
    assert Breaker(rule, "X", RULES[type(rule)](rule)).unit == unit


def test_a_count_is_no_percentage() -> None:
    told = BreakerTripped(
        event_ns=1, rule="liquidation_rate", breaker="burst", scope="venue", measured="301",
        limit="300", action="reduce_only", unit="count",
    )  # fmt: skip
    assert "measured 301, limit 300" in describe(told)
