"""What the mirror is told, and how often."""

from monitor.app.mirroring import MirrorFeeder
from monitor.app.view_holder import ViewHolder
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.runtime.clock import ManualClock
from monitor.store.live_state import LiveState, MirrorBatch
from monitor.streams.batch import Slice
from monitor.streams.shard import Shard
from tests.builders import Journal
from tests.streams.records import slice_of


class MergedState:
    """A mirror in memory: the state that the one in Redis writes from."""

    def __init__(self) -> None:
        self.state = LiveState()
        self.batches = 0

    def update(self, batch: MirrorBatch) -> None:
        """Merge a batch."""
        self.batches += 1
        self.state.merge(batch)


def fed() -> tuple[ManualClock, Shard, MergedState, MirrorFeeder]:
    """Return a shard whose changes are told to a mirror."""
    clock = ManualClock()
    engine = RiskEngine(EngineSettings(action_age_max_s=1e12))
    shard = Shard(engine, log_topic="decisions", number=0)
    views = ViewHolder(clock)
    views.follow(engine)
    mirror = MergedState()
    feeder = MirrorFeeder(mirror, shard, views, interval_s=0.25, clock=clock)
    return clock, shard, mirror, feeder


def apply(shard: Shard, feeder: MirrorFeeder, part: Slice) -> None:
    """Apply a slice as the writer does."""
    applied = shard.apply(shard.compose([part], received_ns=10**18))
    shard.batch_offset += 1
    feeder.observe(applied)


def test_changed_accounts_are_told_together_a_few_times_a_second() -> None:
    clock, shard, mirror, feeder = fed()
    journal = Journal()
    apply(shard, feeder, slice_of("accounts", [journal.balance("a", 10)]))
    told = mirror.batches
    for number in range(10):
        part = slice_of("accounts", [journal.balance(f"b{number}", 5)], first=number + 1)
        apply(shard, feeder, part)
    assert mirror.batches == told
    clock.advance(0.25)
    feeder.observe(None)
    assert set(mirror.state.accounts) == {"a", *(f"b{number}" for number in range(10))}
    assert mirror.state.log_offset == shard.batch_offset


def test_without_news_nothing_is_told() -> None:
    clock, _, mirror, feeder = fed()
    feeder.observe(None)
    told = mirror.batches
    clock.advance(60)
    feeder.observe(None)
    assert mirror.batches == told


def test_decisions_are_told_in_order_and_once() -> None:
    _, shard, mirror, feeder = fed()
    journal = Journal()
    journal.list_instrument("AAA-PERP")
    journal.mark("AAA-PERP", 100)
    apply(shard, feeder, slice_of("market", journal.take()))
    journal.balance("a", 10)
    journal.position("a", "AAA-PERP", 10, 100)
    apply(shard, feeder, slice_of("accounts", journal.take()))
    feeder.tell_all(shard.engine)  # type: ignore[arg-type]
    assert [b"account_" in entry.text for entry in mirror.state.decisions] == [True]


def test_after_a_start_every_account_is_told() -> None:
    _, shard, mirror, feeder = fed()
    journal = Journal()
    shard.engine.apply([journal.balance("a", 1), journal.balance("b", 2)])
    feeder.tell_all(shard.engine)  # type: ignore[arg-type]
    assert set(mirror.state.accounts) == {"a", "b"}


def test_many_changes_are_told_over_several_turns_and_completely() -> None:
    clock, shard, mirror, feeder = fed()
    journal = Journal()
    events = [journal.balance(f"c{number}", 5) for number in range(450)]
    apply(shard, feeder, slice_of("accounts", events))
    assert 0 < len(mirror.state.accounts) <= 200
    for _ in range(2):
        feeder.observe(None)
    assert len(mirror.state.accounts) == 450
    told = mirror.batches
    clock.advance(10)
    feeder.observe(None)
    assert mirror.batches == told


def test_the_deleveraging_queues_are_told_side_by_side() -> None:
    clock, shard, mirror, feeder = fed()
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for name, size, balance in (("bold", "3", "150"), ("calm", "3", "900"), ("down", "-6", "900")):
        journal.balance(name, balance)
        journal.position(name, "X", size, "90")
    shard.engine.apply(journal.events)
    feeder.tell_all(shard.engine)  # type: ignore[arg-type]
    for _ in range(2):
        apply(shard, feeder, slice_of("accounts", [journal.balance("bold", "150")]))
        clock.advance(0.25)
        feeder.observe(None)
    assert mirror.state.deleveraging == {("X", "long"): ("bold", "calm"), ("X", "short"): ("down",)}
