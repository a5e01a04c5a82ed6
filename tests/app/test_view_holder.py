"""The view: fresh enough, and never dear."""

from monitor.app.view_holder import ViewHolder
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.runtime.clock import ManualClock
from monitor.streams.batch import Batch
from monitor.streams.shard import Applied
from tests.builders import Journal

SOMETHING = Applied(Batch(0, [], [], [], [], [], [], 0), [], [])


class SlowEngine(RiskEngine):
    """An engine whose view takes half a second of a manual clock."""

    clock: ManualClock
    views = 0

    def view(self):  # type: ignore[no-untyped-def]  # noqa: ANN201
        """Return the view, late."""
        self.clock.advance(0.5)
        self.views += 1
        return super().view()


def held() -> tuple[ManualClock, RiskEngine, ViewHolder]:
    """Return a clock, an engine and the holder of its views."""
    clock = ManualClock()
    engine = RiskEngine(EngineSettings())
    holder = ViewHolder(clock)
    holder.follow(engine)
    return clock, engine, holder


def test_a_view_is_made_at_most_every_hundred_milliseconds() -> None:
    clock, engine, holder = held()
    journal = Journal()
    engine.apply([journal.tick()])
    holder.refresh(SOMETHING)
    assert holder.view.engine_ns == 0
    clock.advance(0.1)
    holder.refresh(None)
    assert holder.view.engine_ns == journal.now_ns


def test_without_news_the_same_view_is_kept() -> None:
    clock, _, holder = held()
    before = holder.view
    clock.advance(60)
    holder.refresh(None)
    assert holder.view is before


def test_a_view_that_is_dear_takes_at_most_a_tenth_of_the_time() -> None:
    clock = ManualClock()
    engine = SlowEngine(EngineSettings())
    engine.clock = clock
    holder = ViewHolder(clock)
    holder.follow(engine)
    for _ in range(1_000):
        clock.advance(0.1)
        holder.refresh(SOMETHING)
    assert engine.views * 0.5 <= 0.1 * clock.monotonic_s() + 0.5
