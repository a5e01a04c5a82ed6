"""How long to wait before trying again: full jitter, capped, reset after a healthy minute.

Full jitter (a uniform draw between 0 and the cap of this attempt) keeps many clients of one
broken server from coming back in step.
"""

import random

from monitor.runtime.clock import Clock


class Backoff:
    """The delays of one thing that is tried again and again."""

    def __init__(
        self,
        clock: Clock,
        *,
        initial_s: float = 0.1,
        cap_s: float = 10.0,
        healthy_s: float = 60.0,
        generator: random.Random | None = None,
    ) -> None:
        assert 0 < initial_s <= cap_s, f"expected 0 < {initial_s} <= {cap_s}"
        self._clock = clock
        self._initial_s = initial_s
        self._cap_s = cap_s
        self._healthy_s = healthy_s
        self._generator = generator or random.Random()  # noqa: S311 - jitter, not a secret
        self._started_s: float | None = None
        self.attempts = 0

    def started(self) -> None:
        """Note that the thing works from now on; a healthy minute of it forgets the attempts."""
        self._started_s = self._clock.monotonic_s()

    def next_delay_s(self) -> float:
        """Return the seconds to wait after a failure: uniform in 0 to min(cap, initial x 2^n)."""
        if self._started_s is not None:
            if self._clock.monotonic_s() - self._started_s >= self._healthy_s:
                self.attempts = 0
            self._started_s = None
        ceiling_s = min(self._cap_s, self._initial_s * 2 ** min(self.attempts, 32))
        self.attempts += 1
        return self._generator.uniform(0.0, ceiling_s)
