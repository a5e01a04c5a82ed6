"""The engine and its slow twin agree under every margin rule that an instrument can have."""

from hypothesis import given

from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.settings import EngineSettings
from tests import creeping, random_settings, strategies
from tests.core.comparison import Pair, assert_same
from tests.reference.naive import NaiveEngine


@given(random_settings.SETTINGS_OF_ALL_RULES, strategies.chaos(rules="all"))
def test_every_decision_and_every_state_equal_those_of_the_twin(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    assert_same(RiskEngine(settings), NaiveEngine(settings), sequence)


@given(random_settings.SETTINGS_OF_ALL_RULES, strategies.chaos(rules="all"))
def test_every_report_of_an_account_equals_that_of_the_twin(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    pair = Pair(RiskEngine(settings), NaiveEngine(settings), sequence)
    pair.engine.apply(sequence)
    for event in sequence:
        pair.twin.apply(event)
    pair.check_reports()


@given(random_settings.SETTINGS_OF_ALL_RULES, creeping.drift(rules="all"))
def test_creeping_prices_cross_every_threshold_at_the_same_event(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    pair = Pair(RiskEngine(settings), NaiveEngine(settings))
    for event in sequence:
        pair.apply(event)
    pair.check_reports()
