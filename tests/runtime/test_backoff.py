"""Back-off: jitter, cap, and what a healthy minute forgets."""

import random

from monitor.runtime.backoff import Backoff
from monitor.runtime.clock import ManualClock


class UpperBound(random.Random):
    """A generator that always draws the ceiling."""

    def uniform(self, a: float, b: float) -> float:
        """Return the upper bound."""
        return max(a, b)


def test_the_ceiling_doubles_up_to_the_cap() -> None:
    backoff = Backoff(ManualClock(), initial_s=1, cap_s=5, generator=UpperBound())
    assert [backoff.next_delay_s() for _ in range(5)] == [1, 2, 4, 5, 5]


def test_delays_are_drawn_between_zero_and_the_ceiling() -> None:
    backoff = Backoff(ManualClock(), initial_s=1, cap_s=1, generator=random.Random(7))
    delays = [backoff.next_delay_s() for _ in range(200)]
    assert all(0 <= delay <= 1 for delay in delays)
    assert max(delays) - min(delays) > 0.8


def test_a_healthy_minute_forgets_the_attempts() -> None:
    clock = ManualClock()
    backoff = Backoff(clock, initial_s=1, cap_s=60, generator=UpperBound())
    for _ in range(4):
        backoff.next_delay_s()
    backoff.started()
    clock.advance(60)
    assert backoff.next_delay_s() == 1


def test_a_start_that_fails_soon_forgets_nothing() -> None:
    clock = ManualClock()
    backoff = Backoff(clock, initial_s=1, cap_s=60, generator=UpperBound())
    backoff.next_delay_s()
    backoff.started()
    clock.advance(59)
    assert backoff.next_delay_s() == 2


def test_ten_thousand_attempts_stay_at_the_cap() -> None:
    backoff = Backoff(ManualClock(), initial_s=1, cap_s=5, generator=UpperBound())
    assert {backoff.next_delay_s() for _ in range(10_000)} == {1, 2, 4, 5}
