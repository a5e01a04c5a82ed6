"""A shard: engine and positions move on together, and what is refused keeps its place."""

from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent, ClockTicked
from monitor.core.gate import encode
from monitor.core.settings import EngineSettings
from monitor.streams.batch import Item, Slice
from monitor.streams.outbox import quarantined
from monitor.streams.shard import Applied, Shard
from tests.builders import Journal
from tests.streams.records import PlainRecord, slice_of


def made() -> tuple[Journal, Shard]:
    """Return a journal of events and an empty shard."""
    engine = RiskEngine(EngineSettings(action_age_max_s=1e12))
    return Journal(), Shard(engine, log_topic="decisions", number=0)


def apply(shard: Shard, *items: Item) -> Applied:
    """Apply items as one batch."""
    return shard.apply(shard.compose(list(items), received_ns=2 * 10**18))


def test_positions_are_the_next_offsets_to_read() -> None:
    journal, shard = made()
    apply(shard, slice_of("accounts", [journal.balance("a", 1)], first=41, partition=2))
    assert shard.positions == {"accounts": {2: 42}}


def test_local_events_are_numbered_on_over_batches() -> None:
    _, shard = made()
    apply(shard, ClockTicked(event_ns=1), ClockTicked(event_ns=2))
    batch = shard.compose([ClockTicked(event_ns=3)], received_ns=3)
    assert batch.origins[0].number == 2


def test_decisions_name_their_record_and_the_epoch() -> None:
    journal, shard = made()
    shard.epoch = 5
    journal.list_instrument("AAA-PERP")
    journal.mark("AAA-PERP", 100)
    journal.balance("a", 10)
    apply(shard, slice_of("market", journal.take()))
    position = journal.position("a", "AAA-PERP", 10, 100)
    applied = apply(shard, slice_of("accounts", [position], first=7))
    (decision,) = applied.decisions
    assert decision.cause == {"topic": "accounts", "partition": 0, "offset": 7}
    assert decision.epoch == 5
    assert len(decision.decision_id) == 32


def test_an_event_that_cannot_be_booked_is_refused_with_its_place() -> None:
    journal, shard = made()
    bad: AnyEvent = journal.balance("a", "0.0000000001")
    applied = apply(shard, slice_of("accounts", [bad], first=9, partition=1))
    (refused,) = applied.refused
    assert refused.reason == "not_representable"
    assert refused.origin.cause == {"topic": "accounts", "partition": 1, "offset": 9}


def test_a_part_of_a_change_that_never_ends_keeps_its_place_over_batches_and_snapshots() -> None:
    journal, shard = made()
    part = journal.balance("a", 5, more=True)
    apply(shard, slice_of("accounts", [part], first=3, partition=1))
    export = shard.export_state()
    engine = RiskEngine.from_state(export["engine"], EngineSettings(action_age_max_s=1e12))
    again = Shard(engine, log_topic="decisions", number=0, export=export)
    for each in (shard, again):
        applied = apply(each, ClockTicked(event_ns=journal.now_ns + 10**10))
        (refused,) = applied.refused
        assert refused.reason == "unfinished_change"
        assert refused.origin.cause == {"topic": "accounts", "partition": 1, "offset": 3}


def test_what_the_engine_refuses_of_an_array_keeps_its_element() -> None:
    journal, shard = made()
    events = [journal.balance("a", balance) for balance in (1, "0.0000000001")]
    journal.balance("a", 5, more=True)
    array = b"[" + b",".join(map(encode, journal.take())) + b"]"
    applied = apply(shard, Slice("accounts", 1, [PlainRecord(3, array)]))
    (refused,) = applied.refused
    assert refused.origin.element == 1
    assert [record.value for record in quarantined([refused])] == [encode(events[1])]
    (late,) = apply(shard, ClockTicked(event_ns=journal.now_ns + 10**10)).refused
    assert (late.reason, late.origin.number, late.origin.element) == ("unfinished_change", 3, 2)


def test_an_event_held_back_is_not_refused() -> None:
    journal, shard = made()
    applied = apply(shard, slice_of("market", [journal.mark("AAA-PERP", 100)]))
    assert applied.refused == []
    assert shard.engine.held_back_ordinals() == (0,)
