"""A funding rate beyond its limit."""

from typing import Any

import pytest

from monitor.core.breaker_settings import FundingExtremeSettings
from monitor.core.breakers.breaker import Breaker
from monitor.core.breakers.funding_extreme import FundingExtreme


def breaker(**changes: Any) -> Breaker:
    own = {"limit_ratio": 0.003, "cool_off_s": 0, **changes}
    settings = FundingExtremeSettings(name="f", **own)
    return Breaker(settings, "X", FundingExtreme(settings))


def see(watch: Breaker, now_ns: int, rate: str) -> list[str]:
    rule = watch.rule
    assert isinstance(rule, FundingExtreme)
    rule.observe(rate)
    return [decision.kind for decision in watch.look(now_ns)]


@pytest.mark.parametrize(
    ("direction", "rate", "trips"),
    [
        ("both", "0.003", False),
        ("both", "0.0031", True),
        ("both", "-0.0031", True),
        ("up", "0.0031", True),
        ("up", "-0.0031", False),
        ("down", "0.0031", False),
        ("down", "-0.0031", True),
    ],
)
def test_it_trips_strictly_beyond_the_limit_in_its_direction(
    direction: str, rate: str, trips: bool
) -> None:
    watch = breaker(direction=direction)
    assert see(watch, 0, "0.0001") == []
    assert see(watch, 1, rate) == (["breaker_tripped"] if trips else [])


def test_nothing_trips_on_the_first_report() -> None:
    watch = breaker()
    assert see(watch, 0, "0.01") == []
    assert see(watch, 1, "0.01") == ["breaker_tripped"]


def test_on_and_off_are_separate_levels() -> None:
    watch = breaker(release_ratio=0.001)
    see(watch, 0, "0")
    assert see(watch, 1, "0.004") == ["breaker_tripped"]
    assert see(watch, 2, "0.002") == []
    assert see(watch, 3, "0.001") == ["breaker_cooling", "breaker_rearmed"]


def test_a_restored_rule_goes_on() -> None:
    steady, restored = breaker(), breaker()
    see(steady, 0, "-0.001")
    restored.rule.restore(steady.rule.export_state())
    assert see(restored, 1, "-0.004") == see(steady, 1, "-0.004") == ["breaker_tripped"]
    assert restored.rule.export_state() == steady.rule.export_state()
