"""Event-time windows of declared length: extremes over a lookback."""

from collections import deque
from typing import Any

from monitor.core.amounts import to_fraction

_Point = tuple[int, float, str]  # event_ns, price, price as text


class ExtremesWindow:
    """The highest and lowest price of the points with t >= now - lookback_ns.

    Two monotone queues: O(1) amortized per point, exact, equal to keeping every point. Points
    must come in ascending time (equal times are fine).
    """

    __slots__ = ("_high", "_low", "last", "lookback_ns")

    def __init__(self, lookback_ns: int) -> None:
        """Begin empty."""
        self.lookback_ns = lookback_ns
        self.last: _Point | None = None
        self._high: deque[_Point] = deque()
        self._low: deque[_Point] = deque()

    def move_to(self, now_ns: int) -> None:
        """Forget what is older than the lookback."""
        start = now_ns - self.lookback_ns
        for queue in (self._high, self._low):
            while queue and queue[0][0] < start:
                queue.popleft()

    def add(self, event_ns: int, text: str) -> None:
        """Add a point; `last` is the newest one."""
        point = (event_ns, float(text), text)
        while self._high and _compare(self._high[-1], point) <= 0:
            self._high.pop()
        self._high.append(point)
        while self._low and _compare(self._low[-1], point) >= 0:
            self._low.pop()
        self._low.append(point)
        self.last = point

    def restart(self, now_ns: int) -> None:
        """Forget everything but the last price, which counts from now."""
        last = self.last
        self._high.clear()
        self._low.clear()
        if last is not None:
            self.add(now_ns, last[2])

    @property
    def high(self) -> str:
        """Return the highest price as text; the window must not be empty."""
        return self._high[0][2]

    @property
    def low(self) -> str:
        """Return the lowest price as text; the window must not be empty."""
        return self._low[0][2]

    @property
    def high_number(self) -> float:
        """Return the highest price; the window must not be empty."""
        return self._high[0][1]

    @property
    def low_number(self) -> float:
        """Return the lowest price; the window must not be empty."""
        return self._low[0][1]

    @property
    def next_expiry_ns(self) -> int | None:
        """Return when the older of the two extremes has left the window."""
        if not self._high:
            return None
        return min(self._high[0][0], self._low[0][0]) + self.lookback_ns + 1

    def export_state(self) -> dict[str, Any]:
        """Return the window as plain values."""
        return {
            "last": None if self.last is None else [self.last[0], self.last[2]],
            "high": [[t, text] for t, _, text in self._high],
            "low": [[t, text] for t, _, text in self._low],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.last = None
        if state["last"] is not None:
            t, text = state["last"]
            self.last = (t, float(text), text)
        self._high = deque((t, float(text), text) for t, text in state["high"])
        self._low = deque((t, float(text), text) for t, text in state["low"])


def _compare(one: _Point, other: _Point) -> float:
    """Return < 0, 0 or > 0 as a price is below, equal to or above another, exactly."""
    if one[1] != other[1] or one[2] == other[2]:
        return one[1] - other[1]
    return 1 if to_fraction(one[2]) > to_fraction(other[2]) else -1
