"""What to do when the system's clock jumps: nothing at once, and never silently.

Events carry their own time; ours is used for ticks in silence and for refusing events from the
future. A jump that is taken over at once would fire timers early or hold them up, so:

* below JUMP_S it is drift: followed at once;
* from there to FOLLOWED_MAX_S it is followed when it has stood for STANDING_S (a machine that
  slept, a time server that corrects);
* beyond that the monitor keeps its own time and is not ready, until the clock is back or it is
  restarted.
"""

from monitor.runtime.health import Need
from monitor.runtime.vitals import Vitals

JUMP_S = 0.5
FOLLOWED_MAX_S = 60.0
STANDING_S = 10.0
CHECK = "clock"


class ClockWatch:
    """Compares the system's clock with ours; `check` is to be called once a second."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals
        self._since_s: float | None = None

    def check(self) -> None:
        """Follow the system's clock or say why not."""
        clock, health = self._vitals.clock, self._vitals.health
        deviation_s = clock.deviation_s()
        if abs(deviation_s) < JUMP_S:
            clock.adopt()
            self._since_s = None
            health.remove(CHECK)
            return
        now_s = clock.monotonic_s()
        if self._since_s is None:
            self._since_s = now_s
        if abs(deviation_s) <= FOLLOWED_MAX_S and now_s - self._since_s >= STANDING_S:
            clock.adopt()
            self._since_s = None
        detail = f"expected a steady clock, received a jump of {deviation_s:+.1f} s"
        if abs(deviation_s) > FOLLOWED_MAX_S:
            detail += "; keeping the time of before: restart the monitor if the new one is right"
            health.set(CHECK, detail, is_ok=False)
        else:
            health.set(CHECK, detail, is_ok=False, need=Need.DEGRADED)
