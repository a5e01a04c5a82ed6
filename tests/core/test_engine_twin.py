"""The engine and its slow twin agree on every state and every decision."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent, BootstrapFinished
from monitor.core.settings import EngineSettings
from tests import random_settings, strategies
from tests.builders import START_NS, Journal
from tests.core.comparison import assert_same
from tests.reference import naive_report
from tests.reference.naive import NaiveEngine

TROUBLE = st.integers(0, 500_000_000_000)


@given(random_settings.SETTINGS, strategies.chaos())
def test_every_decision_and_every_state_equal_those_of_the_twin(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    assert_same(RiskEngine(settings), NaiveEngine(settings), sequence)


@given(random_settings.SETTINGS, strategies.chaos())
def test_every_report_of_an_account_equals_that_of_the_twin(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    engine, twin = RiskEngine(settings), NaiveEngine(settings)
    engine.apply(sequence)
    for event in sequence:
        twin.apply(event)
    assert sorted(engine.account_ids()) == sorted(twin.world.accounts)
    for name in twin.world.accounts:
        assert engine.account_report(name) == naive_report.account_report(twin, name)


@given(random_settings.SETTINGS, strategies.chaos(), TROUBLE)
def test_catching_up_with_a_backlog_equals_that_of_the_twin(
    settings: EngineSettings, sequence: list[AnyEvent], behind_ns: int
) -> None:
    received_ns = START_NS + behind_ns
    assert_same(RiskEngine(settings), NaiveEngine(settings), sequence, received_ns=received_ns)


@given(random_settings.SETTINGS, strategies.chaos(), st.data())
def test_a_bootstrap_equals_that_of_the_twin(
    settings: EngineSettings, sequence: list[AnyEvent], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(sequence) - 1))
    finished = BootstrapFinished(event_ns=sequence[number].event_ns, accounts=1)
    beside = EngineSettings(
        margin=settings.margin,
        funds=settings.funds,
        waterfall=settings.waterfall,
        deleveraging=settings.deleveraging,
        breakers=settings.breakers,
        bootstrap=True,
    )
    with_end = [*sequence[:number], finished, *sequence[number:]]
    assert_same(RiskEngine(beside), NaiveEngine(beside), with_end)


@given(st.integers(-3, 3), st.sampled_from(["at_or_below", "below"]))
def test_at_equality_the_verdict_is_exact(minor_units: int, when: str) -> None:
    """Equity is moved by single minor units around the requirement and around zero."""
    step = Fraction(minor_units, 10**8)
    for level in (Fraction(5), Fraction(0), Fraction(25, 4)):
        journal = Journal()
        journal.list_instrument("ETH-PERP")
        journal.mark("ETH-PERP", "10")
        journal.balance("ann", level + step)
        journal.position("ann", "ETH-PERP", 10, "10")
        settings = random_settings.with_margin(liquidatable_when=when)
        assert_same(RiskEngine(settings), NaiveEngine(settings), journal.events)
