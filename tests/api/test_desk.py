"""What all requests share."""

from monitor.api.desk import Desk
from tests.api.crash import Crash


def test_a_stall_is_measured_with_the_wall_clock(crash: Crash, desk: Desk) -> None:
    crash.go_to(30, desk)
    assert desk.status().stalled_s == "0"
    crash.clock.advance(12.5)
    status = desk.status()
    assert status.stalled_s == "12.5"
    assert status.condition.level == "blind"
    assert status.condition.sentence == "No event for 12 s: the numbers are old"
    crash.step()
    assert desk.status().condition.level == "calm"


def test_a_clock_that_jumps_back_is_no_stall(crash: Crash, desk: Desk) -> None:
    crash.go_to(30, desk)
    crash.clock.jump(-3_600)
    assert desk.status().stalled_s == "0"


def test_lists_are_cut_and_say_how_long_they_are(crash: Crash, desk: Desk) -> None:
    crash.go_to(230, desk)
    state = desk.state()
    assert len(state.worst) == 25
    assert state.breakers_total == 4
    assert state.breakers[0].state == "tripped"
