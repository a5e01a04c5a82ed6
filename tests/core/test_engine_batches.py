"""How events are cut into batches, saved, restored or spread over shards changes nothing."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.decisions import AccountDecision, Decision, StreamGapDetected
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.settings import EngineSettings
from tests import random_settings, strategies
from tests.builders import Journal
from tests.core.comparison import plain


def cut(sequence: list[AnyEvent], data: st.DataObject) -> list[list[AnyEvent]]:
    """Return the sequence cut at random places."""
    places = sorted(data.draw(st.sets(st.integers(1, max(1, len(sequence) - 1)), max_size=6)))
    return [
        sequence[start:stop]
        for start, stop in zip([0, *places], [*places, len(sequence)], strict=True)
    ]


def applied(engine: RiskEngine, batches: list[list[AnyEvent]]) -> list[tuple[int, Decision]]:
    """Return the decisions of all batches with the number of the causing event overall."""
    made, before = [], 0
    for batch in batches:
        made += [(before + index, decision) for index, decision in engine.apply(batch)]
        before += len(batch)
    return made


@given(random_settings.SETTINGS, strategies.chaos(), st.data())
def test_a_sequence_cut_anywhere_gives_the_same(
    settings: EngineSettings, sequence: list[AnyEvent], data: st.DataObject
) -> None:
    whole, parts, single = (RiskEngine(settings) for _ in range(3))
    expected = whole.apply(sequence)
    assert applied(parts, cut(sequence, data)) == expected
    assert applied(single, [[event] for event in sequence]) == expected
    assert whole.state_hash() == parts.state_hash() == single.state_hash()
    assert whole.summary() == parts.summary() == single.summary()
    assert whole.take_changed_accounts() == parts.take_changed_accounts()


def test_refusals_name_their_place_in_the_batch() -> None:
    engine = RiskEngine(EngineSettings())
    journal = Journal()
    journal.mark("NOT-YET", "10")
    journal.balance("ann", "0.000000001")
    journal.balance("ann", "1")
    journal.sequences["ann"] = 0
    journal.balance("ann", "1")
    engine.apply(journal.events)
    assert [(one.index, one.reason, one.held) for one in engine.take_refused()] == [
        (0, "unknown_instrument", True),
        (1, "not_representable", False),
    ]
    assert engine.take_refused() == []


@given(random_settings.SETTINGS, strategies.chaos(), st.data())
def test_a_restored_engine_goes_on_as_if_it_had_never_stopped(
    settings: EngineSettings, sequence: list[AnyEvent], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(sequence)))
    steady = RiskEngine(settings, configuration_hash="abc")
    steady.apply(sequence[:number])
    state = steady.export_state()
    restored = RiskEngine.from_state(state, settings, configuration_hash="abc")
    assert restored.state_hash() == steady.state_hash()
    assert restored.export_state() == state
    for event in sequence[number:]:
        assert restored.apply([event]) == steady.apply([event])
    assert restored.state_hash() == steady.state_hash()
    assert restored.summary() == steady.summary()
    for name in steady.account_ids():
        assert restored.account_report(name) == steady.account_report(name)


@given(random_settings.SETTINGS, strategies.chaos(), st.integers(2, 3))
def test_shards_and_one_venue_decide_what_one_engine_decides(
    settings: EngineSettings, sequence: list[AnyEvent], shards: int
) -> None:
    one, many = RiskEngine(settings), RiskEngine(settings, shards=shards)
    for event in sequence:
        expected = [decision for _, decision in one.apply([event])]
        received = [decision for _, decision in many.apply([event])]
        own = (AccountDecision, StreamGapDetected)
        assert plain([made for made in received if not isinstance(made, own)]) == plain(
            [made for made in expected if not isinstance(made, own)]
        )
        assert plain(received) == plain(expected)
