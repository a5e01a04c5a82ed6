"""What the mirror is told, and how often."""

from monitor.app.book_watch import BookWatch
from monitor.app.mirroring import ACCOUNTS_PER_TURN_MAX, MirrorFeeder, Queues
from monitor.app.view_holder import ViewHolder
from monitor.config import RedisSettings
from monitor.core.engine import RiskEngine
from monitor.core.events import InstrumentDelisted
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


def fed(
    settings: RedisSettings | None = None,
) -> tuple[ManualClock, Shard, MergedState, MirrorFeeder]:
    """Return a shard whose changes are told to a mirror."""
    clock = ManualClock()
    engine = RiskEngine(EngineSettings(action_age_max_s=1e12))
    shard = Shard(engine, log_topic="decisions", number=0)
    views = ViewHolder(clock)
    views.follow(engine)
    mirror = MergedState()
    feeder = MirrorFeeder(mirror, shard, views, settings=settings or RedisSettings(), clock=clock)
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
    for _ in range(50):
        clock.advance(1)
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
    feeder.begin(shard.engine)  # type: ignore[arg-type]
    assert [b"account_" in entry.text for entry in mirror.state.decisions] == [True]


def test_after_a_start_every_account_is_told() -> None:
    _, shard, mirror, feeder = fed()
    journal = Journal()
    shard.engine.apply([journal.balance(f"a{number}", 1) for number in range(120)])
    feeder.begin(shard.engine)  # type: ignore[arg-type]
    assert len(mirror.state.accounts) == ACCOUNTS_PER_TURN_MAX
    assert not mirror.state.is_whole, "expected what an earlier process wrote to stay for now"
    for _ in range(6):
        feeder.observe(None)
    assert set(mirror.state.accounts) == {f"a{number}" for number in range(120)}
    assert mirror.state.is_whole


def test_many_changes_are_told_over_several_turns_and_completely() -> None:
    clock, shard, mirror, feeder = fed()
    feeder.observe(None)  # the tour of no account is over
    journal = Journal()
    events = [journal.balance(f"c{number}", 5) for number in range(450)]
    clock.advance(1)
    apply(shard, feeder, slice_of("accounts", events))
    assert 0 < len(mirror.state.accounts) <= ACCOUNTS_PER_TURN_MAX
    for _ in range(8):
        feeder.observe(None)
    assert len(mirror.state.accounts) == 450
    told = mirror.batches
    clock.advance(10)
    feeder.observe(None)
    assert mirror.batches == told


def test_a_change_of_state_is_told_before_all_that_wait() -> None:
    clock, shard, mirror, feeder = fed()
    feeder.observe(None)
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for number in range(300):
        journal.balance(f"c{number:03}", "10")
    journal.position("c299", "X", "1", "100")
    clock.advance(1)
    apply(shard, feeder, slice_of("accounts", journal.take()))
    journal.mark("X", "94")
    apply(shard, feeder, slice_of("market", journal.take()))
    feeder.observe(None)
    assert mirror.state.accounts["c299"].state == "liquidatable"
    assert len(mirror.state.accounts) <= 150


def test_a_tour_tells_every_account_again_within_the_declared_time() -> None:
    clock, shard, mirror, feeder = fed()
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for number in range(200):
        journal.balance(f"c{number:03}", "1000")
        journal.position(f"c{number:03}", "X", "1", "100")
    shard.engine.apply(journal.take())
    feeder.begin(shard.engine)  # type: ignore[arg-type]
    for _ in range(100):
        clock.advance(0.25)
        feeder.observe(None)
    journal.mark("X", "101")  # changes nobody's state, and every equity
    shard.engine.apply(journal.take())
    for _ in range(4 * 70):
        clock.advance(0.25)
        feeder.observe(None)
    assert {account.equity for account in mirror.state.accounts.values()} == {1001.0}


async def test_the_worst_of_the_image_are_told_once_a_second() -> None:
    clock, shard, mirror, feeder = fed(RedisSettings(worst_accounts=2))
    engine = shard.engine
    assert isinstance(engine, RiskEngine)
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for number in range(60):
        journal.balance(f"c{number:02}", str(20 + number))
        journal.position(f"c{number:02}", "X", "1", "100")
    engine.apply(journal.take())
    feeder.begin(engine)
    for _ in range(10):
        feeder.observe(None)
    watch = BookWatch(engine, ViewHolder(clock), clock)
    for price in ("99", "98"):
        journal.mark("X", price)
        engine.apply(journal.take())
        await watch.look()
        clock.advance(1)
        feeder.observe(None)
        assert set(mirror.state.at_risk()) >= {"c00", "c01"}
        assert mirror.state.accounts["c00"].equity == 20 - (100 - int(price))
        assert mirror.state.accounts["c30"].equity == 50, "expected the others to wait"


def test_the_deleveraging_queues_are_told_side_by_side() -> None:
    clock, shard, mirror, feeder = fed()
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for name, size, balance in (("bold", "3", "150"), ("calm", "3", "900"), ("down", "-6", "900")):
        journal.balance(name, balance)
        journal.position(name, "X", size, "90")
    shard.engine.apply(journal.events)
    feeder.begin(shard.engine)  # type: ignore[arg-type]
    for _ in range(2):
        apply(shard, feeder, slice_of("accounts", [journal.balance("bold", "150")]))
        clock.advance(0.25)
        feeder.observe(None)
    assert mirror.state.deleveraging == {("X", "long"): ("bold", "calm"), ("X", "short"): ("down",)}


def test_lights_that_changed_are_told_when_a_mark_moves() -> None:
    """Of two shorts the bolder one stands first until the other has less equity left."""
    clock, shard, mirror, feeder = fed()
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for name, size, balance in (("bold", "-3", "150"), ("calm", "-3", "900"), ("up", "6", "900")):
        journal.balance(name, balance)
        journal.position(name, "X", size, "110")
    shard.engine.apply(journal.take())
    feeder.begin(shard.engine)  # type: ignore[arg-type]
    clock.advance(1)
    feeder.observe(None)
    assert list(mirror.state.lights) == []
    journal.balance("calm", "70")
    apply(shard, feeder, slice_of("accounts", journal.take()))
    clock.advance(1)
    feeder.observe(None)
    assert list(mirror.state.lights) == [], "expected a side whose mark stands still to wait"
    journal.mark("X", "99")
    apply(shard, feeder, slice_of("market", journal.take()))
    for _ in range(3):
        clock.advance(1)
        feeder.observe(None)
    found = [
        (one.change.account, one.change.before, one.change.light) for one in mirror.state.lights
    ]
    assert sorted(found) == [("bold", 5, 3), ("calm", 3, 5)]


def test_the_sides_of_a_delisted_instrument_are_forgotten() -> None:
    clock, shard, _, _ = fed()
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    shard.engine.apply(journal.take())
    queues = Queues()
    assert isinstance(shard.engine, RiskEngine)
    assert set(queues.rank(shard.engine, clock).queues) == {("X", "long"), ("X", "short")}
    journal.add(InstrumentDelisted(event_ns=journal.now_ns, instrument="X"))
    journal.list_instrument("X")
    shard.engine.apply(journal.events[:1])
    clock.advance(1)
    assert queues.rank(shard.engine, clock).queues == {}
    shard.engine.apply(journal.events[1:])
    clock.advance(1)
    assert set(queues.rank(shard.engine, clock).queues) == {("X", "long"), ("X", "short")}
