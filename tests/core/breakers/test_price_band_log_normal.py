"""Trades against log-normal bounds around the last mark."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import events
from monitor.core.breaker_settings import PriceBandLogNormalSettings
from monitor.core.breakers.breaker import SECOND_NS, Breaker
from monitor.core.breakers.price_band_log_normal import PriceBandLogNormal
from monitor.core.decisions import BreakerTripped
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import Journal

HOUR_S = 3_600
TICK = "0.1"


def settings(**changes: Any) -> PriceBandLogNormalSettings:
    own = {"name": "n", "horizon_s": HOUR_S, "probability": 0.99, "sigma": 1, "cool_off_s": 30}
    return PriceBandLogNormalSettings(**{**own, **changes})


def breaker(**changes: Any) -> Breaker:
    own = settings(**changes)
    watch = Breaker(own, "X", PriceBandLogNormal(own))
    rule_of(watch).observe(0, "100", None, None)
    return watch


def rule_of(watch: Breaker) -> PriceBandLogNormal:
    assert isinstance(watch.rule, PriceBandLogNormal)
    return watch.rule


def trade(watch: Breaker, second: int, price: str) -> list[str]:
    rule_of(watch).observe_trade(second * SECOND_NS, price, TICK)
    return [decision.kind for decision in watch.look(second * SECOND_NS)]


def standard_quantile(share: float) -> float:
    """Return where the standard normal distribution reaches a share, by bisection."""
    low, high = -10.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2
        reached = math.erfc(-middle / math.sqrt(2)) / 2
        low, high = (middle, high) if reached < share else (low, middle)
    return low


@given(
    st.floats(1, 86_400), st.floats(0.5, 0.9999), st.floats(0.05, 3), st.floats(-1, 1),
    st.integers(1, 10**6), st.sampled_from(["0.01", "0.5", "1"]),
)  # fmt: skip
def test_the_bounds_are_the_quantiles_on_whole_ticks_inside(
    horizon_s: float, probability: float, sigma: float, mu: float, cents: int, tick: str
) -> None:
    own = settings(horizon_s=horizon_s, probability=probability, sigma=sigma, mu=mu)
    mark, step = Fraction(cents, 100), Fraction(tick)
    years = horizon_s / (365.25 * 24 * 3_600)
    center = math.log(mark) + (mu - sigma**2 / 2) * years
    lower, upper = PriceBandLogNormal(own).bounds(mark, step)
    for bound, share, inward in (
        (lower, (1 - probability) / 2, 1),
        (upper, (1 + probability) / 2, -1),
    ):
        quantile = math.exp(center + sigma * math.sqrt(years) * standard_quantile(share))
        assert (bound / step).denominator == 1
        gone_in = inward * (float(bound) - quantile) / float(step)
        assert -1e-6 * (1 + quantile / float(step)) <= gone_in
        assert gone_in < 1 + 1e-6 * (1 + quantile / float(step))


def test_the_trade_at_the_bound_is_inside() -> None:
    watch = breaker()
    assert rule_of(watch).bounds(Fraction(100), Fraction(TICK)) == (
        Fraction("97.3"),
        Fraction("102.7"),
    )
    assert trade(watch, 1, "102.7") == []
    assert trade(watch, 2, "97.3") == []
    assert trade(watch, 3, "97.29") == ["breaker_tripped"]


@pytest.mark.parametrize(("price", "bound"), [("103", "102.7"), ("90", "97.3")])
def test_the_decision_names_the_bound_that_was_crossed(price: str, bound: str) -> None:
    journal = Journal()
    journal.list_instrument("X", tick_size=TICK)
    journal.mark("X", "100")
    engine = RiskEngine(EngineSettings(breakers=(settings(),)))
    engine.apply(journal.events)
    printed = events.TradePrinted(
        event_ns=journal.events[-1].event_ns + 1,
        instrument="X",
        price=price,
        size="1",
        aggressor="buy",
    )
    ((_, tripped),) = engine.apply([printed])
    assert isinstance(tripped, BreakerTripped)
    assert (tripped.measured, tripped.limit, tripped.action) == (price, bound, "price_band")
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()


def test_a_trade_without_a_mark_is_measured_against_nothing() -> None:
    own = settings()
    watch = Breaker(own, "X", PriceBandLogNormal(own))
    assert trade(watch, 1, "5000") == []
    assert trade(watch, 2, "1") == []


def test_the_mark_moves_the_bounds_of_later_trades_only() -> None:
    watch = breaker()
    assert trade(watch, 1, "102") == []
    rule_of(watch).observe(2 * SECOND_NS, "90", None, None)
    assert watch.look(2 * SECOND_NS) == []
    assert trade(watch, 3, "102") == ["breaker_tripped"]


def test_it_cools_with_a_trade_inside_or_when_the_horizon_has_passed() -> None:
    watch = breaker()
    trade(watch, 1, "110")
    assert trade(watch, 2, "111") == []
    assert trade(watch, 3, "101") == ["breaker_cooling"]
    other = breaker()
    trade(other, 1, "110")
    due_ns = other.status.due_ns
    assert due_ns == (1 + HOUR_S) * SECOND_NS + 1
    assert [decision.kind for decision in other.look(due_ns)] == ["breaker_cooling"]


def test_armed_by_hand_it_waits_for_the_next_trade() -> None:
    watch = breaker()
    trade(watch, 1, "110")
    assert [d.kind for d in watch.reset(2 * SECOND_NS, "ann")] == ["breaker_rearmed"]
    assert watch.look(3 * SECOND_NS) == []
    assert trade(watch, 4, "110") == ["breaker_tripped"]
