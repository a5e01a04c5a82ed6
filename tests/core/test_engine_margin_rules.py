"""The engine and its slow twin agree under every margin rule that an instrument can have."""

from fractions import Fraction
from typing import Any

from hypothesis import given

from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.settings import EngineSettings
from tests import creeping, random_settings, strategies
from tests.core.comparison import assert_same, told
from tests.reference import naive_report, naive_requirements
from tests.reference.naive import NaiveEngine

# A square root that is cut to 18 decimals makes a curve of steps: its root is no finer than they.
CURVED_TOLERANCE = Fraction(1, 10**15)


def plain_and_curved(
    report: dict[str, Any], twin: NaiveEngine
) -> tuple[dict[str, Any], list[Fraction | None]]:
    """Return a report without the liquidation prices on curved pieces, and those."""
    curved: list[Fraction | None] = []
    positions = []
    for position in report["positions"]:
        price = position["liquidation_price"]
        if naive_requirements.is_curved(twin.world.instruments[position["instrument"]]):
            curved.append(None if price is None else Fraction(price))
            position = position | {"liquidation_price": "curved"}  # noqa: PLW2901
        positions.append(position)
    return report | {"positions": positions}, curved


def assert_same_reports(engine: RiskEngine, twin: NaiveEngine, events: list[AnyEvent]) -> None:
    """Compare every account's report, curved liquidation prices to 15 digits."""
    assert sorted(engine.account_ids()) == sorted(twin.world.accounts)
    for name in twin.world.accounts:
        report = engine.account_report(name)
        assert report is not None
        received, prices = plain_and_curved(dict(report), twin)
        expected, twin_prices = plain_and_curved(naive_report.account_report(twin, name), twin)
        assert received == expected, f"report of {name} after:\n{told(events)}"
        for price, other in zip(prices, twin_prices, strict=True):
            is_same = price == other
            if price is not None and other is not None:
                is_same = abs(price - other) <= CURVED_TOLERANCE * other
            assert is_same, f"expected {other}, received {price} for {name} after:\n{told(events)}"


@given(random_settings.SETTINGS_OF_ALL_RULES, strategies.chaos(rules="all"))
def test_every_decision_and_every_state_equal_those_of_the_twin(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    assert_same(RiskEngine(settings), NaiveEngine(settings), sequence)


@given(random_settings.SETTINGS_OF_ALL_RULES, strategies.chaos(rules="all"))
def test_every_report_of_an_account_equals_that_of_the_twin(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    engine, twin = RiskEngine(settings), NaiveEngine(settings)
    engine.apply(sequence)
    for event in sequence:
        twin.apply(event)
    assert_same_reports(engine, twin, sequence)


@given(random_settings.SETTINGS_OF_ALL_RULES, creeping.drift(rules="all"))
def test_creeping_prices_cross_every_threshold_at_the_same_event(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    engine, twin = RiskEngine(settings), NaiveEngine(settings)
    assert_same(engine, twin, sequence)
    assert_same_reports(engine, twin, sequence)
