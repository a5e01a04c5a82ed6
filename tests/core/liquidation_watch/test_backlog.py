"""A backlog that grows, and an engine that has fallen silent."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.engine import RiskEngine
from monitor.core.liquidation_watch.backlog import Backlog
from monitor.core.settings import LiquidationWatchSettings
from tests.builders import SECOND_NS, START_NS, Journal
from tests.core.liquidation_watch.watching import engine_with, findings, kinds_of, long_of


def crowd(count: int) -> Journal:
    """Return so many longs that are liquidatable together."""
    journal = long_of(1, "10")
    for number in range(1, count):
        journal.balance(f"b{number}", "10")
        journal.position(f"b{number}", "X", 1, "100")
    journal.wait(1).mark("X", "94")
    return journal


def test_a_backlog_that_grows_beyond_the_limit_is_told_once() -> None:
    engine, journal = engine_with(backlog_growth_max=2), crowd(5)
    (found,) = findings(engine, journal)
    assert found.kind == "liquidation_backlog_growing"
    assert found.reason == "3 more units wait than at the least of the last 60 s"
    assert engine.view().liquidations.backlog == 5
    assert engine.view().liquidations.is_growing


def test_at_the_limit_nothing_is_told() -> None:
    assert kinds_of(engine_with(backlog_growth_max=5), crowd(5)) == []


def test_what_grows_slowly_is_not_told() -> None:
    engine, journal = engine_with(backlog_growth_max=1, backlog_window_s=10), long_of(1, "10")
    for number in range(5):
        journal.wait(11)
        journal.balance(f"b{number}", "1")
        journal.position(f"b{number}", "X", 1, "100")
    assert kinds_of(engine, journal) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=40))
def test_growth_is_the_backlog_less_its_least_of_the_window(steps: list[tuple[int, int]]) -> None:
    backlog, now_s, told = Backlog(), 100, [(-1_000, 0)]
    backlog.use(LiquidationWatchSettings(backlog_growth_max=3, backlog_window_s=7))
    for seconds, count in steps:
        now_s += seconds
        changes = count != told[-1][1]
        backlog.note(count, 0, now_s * SECOND_NS)
        told.append((now_s, count))
        if changes:
            ends = [when for when, _ in told[1:]] + [now_s]
            held = [
                value for (_, value), until in zip(told, ends, strict=True) if until >= now_s - 7
            ]
            assert backlog.growth == count - min(held)


def test_an_engine_that_does_nothing_while_units_wait_is_silent_once() -> None:
    engine, journal = engine_with(silent_after_s=10), crowd(3)
    journal.wait(9).tick()
    assert findings(engine, journal) == []
    journal.wait(100).tick()
    (silent,) = findings(engine, journal)
    assert (silent.kind, silent.event_ns) == (
        "liquidation_engine_silent",
        START_NS + 11 * SECOND_NS,
    )
    assert silent.reason == "no liquidation has begun, filled or ended for 10 s while units wait"
    assert engine.view().liquidations.is_silent


def test_a_sign_of_life_ends_the_silence_and_begins_the_next() -> None:
    engine, journal = engine_with(silent_after_s=10), crowd(3)
    journal.wait(5).liquidation("started", "ann", "X", -1)
    journal.wait(9).tick()
    assert findings(engine, journal) == []
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()
    journal.wait(1).tick()
    assert kinds_of(restored, journal) == ["liquidation_engine_silent"]


def test_without_work_an_engine_may_be_silent() -> None:
    engine, journal = engine_with(silent_after_s=10), crowd(3)
    journal.mark("X", "100")
    journal.wait(1_000).tick()
    assert kinds_of(engine, journal) == []


def test_at_the_first_fresh_event_silence_and_growth_are_told_again() -> None:
    engine, journal = engine_with(silent_after_s=10, backlog_growth_max=1), crowd(3)
    journal.wait(50).tick()
    now_ns = START_NS + 1_000 * SECOND_NS
    assert engine.apply(journal.take(), received_ns=now_ns) == []
    journal.wait(949).tick()
    told = [one for _, one in engine.apply(journal.take(), received_ns=now_ns) if one.caught_up]
    assert [one.kind for one in told][-2:] == [
        "liquidation_backlog_growing",
        "liquidation_engine_silent",
    ]
