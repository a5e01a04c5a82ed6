"""The waves as the API tells them."""

from fractions import Fraction

from monitor.api.waves import waves_answer
from monitor.core.view import RiskView
from monitor.core.waves import Waves


def test_the_newest_wave_comes_first_with_the_pause_that_parts_them() -> None:
    waves = Waves()
    for second in (0, 9):
        waves.note(second * 10**9, ("X", "USD", "e"), Fraction(1), Fraction(1))
    answer = waves_answer(RiskView(engine_ns=7, waves=waves.shown()))
    assert (answer.engine_ns, answer.gap_ns) == (7, 5_000_000_000)
    assert [one.number for one in answer.waves] == [2, 1]
