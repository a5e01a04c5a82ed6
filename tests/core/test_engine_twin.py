"""The engine and its slow twin agree on every state and every decision."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent, BootstrapFinished
from monitor.core.settings import EngineSettings
from tests import creeping, random_settings, strategies
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
    accounts = data.draw(st.integers(0, 4))
    finished = BootstrapFinished(event_ns=sequence[number].event_ns, accounts=accounts)
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


@given(random_settings.SETTINGS, creeping.drift())
def test_creeping_prices_cross_every_threshold_at_the_same_event(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    assert_same(RiskEngine(settings), NaiveEngine(settings), sequence)


@given(
    size=st.integers(1, 10**6),
    mark=st.integers(10**6, 10**8),
    entry=st.integers(10**6, 10**8),
    minor_units=st.integers(-1, 1),
    at_zero=st.booleans(),
)
def test_one_minor_unit_decides_whatever_the_size(
    size: int, mark: int, entry: int, minor_units: int, *, at_zero: bool
) -> None:
    """Floats cannot see one minor unit in 10^18; the balance is put right at the edge."""
    price, bought = Fraction(mark, 10**4), Fraction(entry, 10**4)
    need = Fraction(0) if at_zero else size * price * Fraction("0.05")
    balance = need - size * (price - bought) + Fraction(minor_units, 10**8)
    if abs(balance) * 10**8 > 2**62:
        return
    journal = Journal()
    journal.list_instrument("ETH-PERP")
    journal.mark("ETH-PERP", price)
    journal.balance("ann", balance)
    journal.position("ann", "ETH-PERP", size, bought)
    settings = EngineSettings()
    assert_same(RiskEngine(settings), NaiveEngine(settings), journal.events)


@pytest.mark.parametrize("count", [99, 100, 101, 102])
def test_a_change_of_too_many_events_is_refused_as_a_whole(count: int) -> None:
    journal = Journal()
    for number in range(count):
        journal.balance("ann", number + 1, more=True)
    journal.balance("ann", -1)
    journal.balance("ann", -2)
    assert_same(RiskEngine(EngineSettings()), NaiveEngine(EngineSettings()), journal.events)


@pytest.mark.parametrize("seconds", [0.999, 1.0, 1.000000001, 1.5])
def test_a_change_may_stay_open_for_one_second(seconds: float) -> None:
    journal = Journal()
    journal.balance("ann", -5, more=True)
    journal.wait(seconds)
    journal.tick()
    journal.balance("ann", 3)
    assert_same(RiskEngine(EngineSettings()), NaiveEngine(EngineSettings()), journal.events)


@given(strategies.chaos(), st.integers(0, 3))
def test_a_small_room_for_held_back_events_overflows_alike(
    sequence: list[AnyEvent], room: int
) -> None:
    settings = EngineSettings(held_back_events_max=room)
    assert_same(RiskEngine(settings), NaiveEngine(settings), sequence)


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


@pytest.mark.parametrize(("balance", "flags"), [("4", ["liquidating"]), ("6", [])])
def test_a_liquidation_that_begins_and_ends_in_one_change_lasts_until_its_unit_is_clear(
    balance: str, flags: list[str]
) -> None:
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "100")
    journal.balance("ann", balance)
    journal.position("ann", "X-PERP", "1", "100")  # must keep 5
    journal.liquidation("started", "ann", "X-PERP", "-1", more=True)
    journal.liquidation("finished", "ann", "X-PERP", "0")
    engine = RiskEngine(EngineSettings())
    assert_same(engine, NaiveEngine(EngineSettings()), journal.events)
    report = engine.account_report("ann")
    assert report is not None
    assert report["flags"] == flags
