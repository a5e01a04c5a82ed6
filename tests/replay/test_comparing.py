"""Two sets of rules on one recording: the same trips as each alone."""

from collections.abc import Iterable

from monitor.core import events
from monitor.core.breaker_settings import PriceVelocitySettings
from monitor.core.decisions import BreakerTripped
from monitor.core.engine import RiskEngine
from monitor.core.gate import Refusal
from monitor.core.settings import EngineSettings
from monitor.replay.comparing import RuleSet, compare
from monitor.replay.player import Line, from_events
from tests.builders import Journal


def rule(name: str, limit_ratio: float) -> PriceVelocitySettings:
    return PriceVelocitySettings(
        name=name, lookback_s=10, limit_ratio=limit_ratio, direction="down", halt_s=2, cool_off_s=5
    )


def engine(*rules: PriceVelocitySettings) -> RiskEngine:
    return RiskEngine(EngineSettings(breakers=rules))


def saw() -> Journal:
    """Return marks that fall by 6 % at 2 s and by 12 % at 40 s, and an event that is refused."""
    journal = Journal()
    journal.list_instrument("X")
    steps = ((0, "100"), (2, "94"), (18, "100"), (18, "100"), (2, "88"), (20, "88"))
    for waited_s, price in steps:
        journal.wait(waited_s).mark("X", price)
    journal.add(events.BreakerReset(event_ns=journal.now_ns, breaker="z", reason="r", by="b"))
    return journal


def lines(made: Iterable[events.Event]) -> list[Line]:
    return [
        Line("x", 1, Refusal(reason="not_json", detail="expected JSON"), b""),
        *from_events(made, "x"),
    ]


def test_each_set_trips_as_it_does_alone() -> None:
    journal = saw()
    sets = [
        RuleSet("A", engine(rule("fall", 0.05), rule("other", 0.5))),
        RuleSet("B", engine(rule("fall", 0.1))),
    ]
    answer = compare(lines(journal.events), sets)
    for number, own in enumerate((engine(rule("fall", 0.05)), engine(rule("fall", 0.1)))):
        alone = [one for _, one in own.apply(journal.events) if isinstance(one, BreakerTripped)]
        told = [each for each in answer["trips"] if each["set"] == number]
        assert [each["event_ns"] for each in told] == [one.event_ns for one in alone]
        assert [each["measured"] for each in told] == [one.measured for one in alone]
    start_ns = journal.events[0].event_ns
    fall, other = answer["breakers"]
    assert (fall["breaker"], other["breaker"]) == ("fall", "other")
    assert [side["trips"] for side in fall["sets"]] == [2, 1]
    assert [(side["first_ns"] - start_ns) // 10**9 for side in fall["sets"]] == [2, 40]
    assert other["sets"][0]["trips"] == 0
    assert other["sets"][1] is None
    assert answer["passed_over"] == 2


def test_a_trip_stands_until_it_cools_or_the_recording_ends() -> None:
    journal = Journal()
    journal.list_instrument("X")
    for waited_s, price in ((0, "100"), (2, "80"), (1, "60"), (1, "40")):
        journal.wait(waited_s).mark("X", price)
    answer = compare(lines(journal.events), [RuleSet("A", engine(rule("fall", 0.05)))])
    (trip,) = answer["trips"]
    assert trip["ended_ns"] is None
    assert answer["breakers"][0]["sets"][0]["tripped_s"] == 2.0


def test_an_empty_recording_has_an_answer() -> None:
    answer = compare([], [RuleSet("A", engine(rule("fall", 0.05)))])
    assert (answer["first_event_ns"], answer["last_event_ns"], answer["trips"]) == (None, None, [])
