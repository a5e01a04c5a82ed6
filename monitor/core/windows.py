"""Event-time windows of declared length: extremes and means over a lookback.

Prices are points; a balance is a step function, which holds until the next one is told.
"""

from collections import deque
from fractions import Fraction
from typing import Any, NamedTuple

from monitor.core.amounts import exact_text, to_fraction

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
        number, high, low = float(text), self._high, self._low
        point = (event_ns, number, text)
        while high and (high[-1][1] < number or _compare(high[-1], point) <= 0):
            high.pop()
        high.append(point)
        while low and (low[-1][1] > number or _compare(low[-1], point) >= 0):
            low.pop()
        low.append(point)
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
    def high_ns(self) -> int:
        """Return when the highest price was last seen; the window must not be empty."""
        return self._high[0][0]

    @property
    def low_ns(self) -> int:
        """Return when the lowest price was last seen; the window must not be empty."""
        return self._low[0][0]

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


class PointMeanWindow:
    """The mean of the points with t >= now - lookback_ns, each counted once.

    One row a point inside the lookback. The sum is exact, in whole units of the finest decimal
    place that was seen, and kept by differences. Points must come in ascending time (equal times
    are fine).
    """

    __slots__ = ("_decimals", "_points", "_scale", "_sum", "lookback_ns")

    def __init__(self, lookback_ns: int) -> None:
        """Begin empty."""
        self.lookback_ns = lookback_ns
        self._points: deque[tuple[int, int]] = deque()
        self._sum = 0
        self._decimals, self._scale = 0, 1

    def move_to(self, now_ns: int) -> None:
        """Forget what is older than the lookback."""
        start_ns, points = now_ns - self.lookback_ns, self._points
        while points and points[0][0] < start_ns:
            self._sum -= points.popleft()[1]

    def add(self, event_ns: int, text: str) -> None:
        """Add a point, a decimal text."""
        whole, _, decimals = text.partition(".")
        missing = self._decimals - len(decimals)
        if missing < 0:
            self._refine(-missing)
            missing = 0
        units = int(whole + decimals) * 10**missing
        self._points.append((event_ns, units))
        self._sum += units

    def _refine(self, places: int) -> None:
        """Count in units that are so many decimal places finer."""
        factor = 10**places
        self._decimals, self._scale = self._decimals + places, self._scale * factor
        self._points = deque((event_ns, units * factor) for event_ns, units in self._points)
        self._sum *= factor

    def restart(self) -> None:
        """Forget every point."""
        self._points.clear()
        self._sum = 0

    @property
    def mean(self) -> tuple[int, int] | None:
        """Return the mean of the window's points: numerator and denominator; None without one."""
        count = len(self._points)
        return (self._sum, count * self._scale) if count else None

    def export_state(self) -> list[Any]:
        """Return the window as plain values."""
        return [
            [event_ns, exact_text(Fraction(units, self._scale))] for event_ns, units in self._points
        ]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described."""
        self.restart()
        for event_ns, text in state:
            self.add(event_ns, text)


class SumWindow:
    """The sum of the amounts with t >= now - lookback_ns, exact and kept by differences.

    Amounts must come in ascending time; those of one instant share a row.
    """

    __slots__ = ("_amounts", "lookback_ns", "total")

    def __init__(self, lookback_ns: int) -> None:
        """Begin empty."""
        self.lookback_ns = lookback_ns
        self.total = Fraction(0)
        self._amounts: deque[tuple[int, Fraction]] = deque()

    def move_to(self, now_ns: int) -> None:
        """Forget what is older than the lookback."""
        start_ns = now_ns - self.lookback_ns
        while self._amounts and self._amounts[0][0] < start_ns:
            self.total -= self._amounts.popleft()[1]

    def add(self, event_ns: int, amount: Fraction) -> None:
        """Add an amount."""
        self.total += amount
        if self._amounts and self._amounts[-1][0] == event_ns:
            amount += self._amounts.pop()[1]
        self._amounts.append((event_ns, amount))

    def restart(self) -> None:
        """Forget every amount."""
        self._amounts.clear()
        self.total = Fraction(0)

    @property
    def ends(self) -> tuple[tuple[int, Fraction], tuple[int, Fraction]] | None:
        """Return the (time, amount) of the first and of the last instant, None without any."""
        return (self._amounts[0], self._amounts[-1]) if self._amounts else None

    @property
    def next_expiry_ns(self) -> int | None:
        """Return when the oldest amount has left the window, None without any."""
        return self._amounts[0][0] + self.lookback_ns + 1 if self._amounts else None

    def export_state(self) -> list[Any]:
        """Return the window as plain values, amounts as numerator and denominator."""
        return [
            [event_ns, str(amount.numerator), str(amount.denominator)]
            for event_ns, amount in self._amounts
        ]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described."""
        self._amounts = deque((t, Fraction(int(top), int(under))) for t, top, under in state)
        self.total = sum((amount for _, amount in self._amounts), Fraction(0))


class MaximumWindow:
    """The highest value that a step function had in [now - lookback_ns, now].

    A value counts until `lookback_ns` after the next one has replaced it. A monotone queue: O(1)
    amortized per change.
    """

    __slots__ = ("_past", "current", "lookback_ns")

    def __init__(self, lookback_ns: int, value: Fraction) -> None:
        """Begin with a value."""
        self.lookback_ns = lookback_ns
        self.current = value
        self._past: deque[tuple[int, Fraction]] = deque()  # (when it was replaced, value)

    def change(self, now_ns: int, value: Fraction) -> None:
        """Replace the value."""
        while self._past and self._past[-1][1] <= self.current:
            self._past.pop()
        self._past.append((now_ns, self.current))
        self.current = value

    def move_to(self, now_ns: int) -> None:
        """Forget what was replaced before the lookback."""
        while self._past and self._past[0][0] < now_ns - self.lookback_ns:
            self._past.popleft()

    def restart(self) -> None:
        """Forget everything but the present value."""
        self._past.clear()

    @property
    def maximum(self) -> Fraction:
        """Return the highest value of the window."""
        return max(self._past[0][1], self.current) if self._past else self.current

    @property
    def next_expiry_ns(self) -> int | None:
        """Return when the maximum falls by time alone, None if it does not."""
        if not self._past or self._past[0][1] <= self.current:
            return None
        return self._past[0][0] + self.lookback_ns + 1

    def export_state(self) -> list[Any]:
        """Return the window as plain values."""
        past = [[until_ns, exact_text(value)] for until_ns, value in self._past]
        return [exact_text(self.current), past]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described."""
        self.current = to_fraction(state[0])
        self._past = deque((until_ns, to_fraction(text)) for until_ns, text in state[1])


class Area(NamedTuple):
    """What is under a step function over a window, and how that grows while nothing is told.

    The mean is `area` / `duration_ns`. Until `until_ns` (None: for good) the two grow by
    `area_slope` and `duration_slope` a nanosecond.
    """

    area: Fraction
    duration_ns: int
    area_slope: Fraction
    duration_slope: int
    until_ns: int | None


class MeanWindow:
    """The time-weighted mean of a step function over [now - lookback_ns, now].

    While less than the lookback is known, over what is known; a first value is its own mean. One
    row a change inside the lookback; the area of the past is kept by differences.
    """

    __slots__ = ("_past", "_past_area", "current", "lookback_ns", "since_ns")

    def __init__(self, lookback_ns: int, now_ns: int, value: Fraction) -> None:
        """Begin with a value."""
        self.lookback_ns = lookback_ns
        self.current, self.since_ns = value, now_ns
        self._past: deque[tuple[int, int, Fraction]] = deque()  # (from, until, value)
        self._past_area = Fraction(0)

    def change(self, now_ns: int, value: Fraction) -> None:
        """Replace the value."""
        if now_ns > self.since_ns:
            self._past.append((self.since_ns, now_ns, self.current))
            self._past_area += self.current * (now_ns - self.since_ns)
        self.current, self.since_ns = value, now_ns

    def area(self, now_ns: int) -> Area:
        """Return what is under the steps of the window that ends now, and forget the rest."""
        start_ns = now_ns - self.lookback_ns
        while self._past and self._past[0][1] <= start_ns:
            begin_ns, end_ns, value = self._past.popleft()
            self._past_area -= value * (end_ns - begin_ns)
        own = self.current * (now_ns - max(self.since_ns, start_ns))
        if not self._past:
            known_ns = now_ns - max(self.since_ns, start_ns)
            return Area(own, known_ns, self.current, 1, None)
        begin_ns, end_ns, value = self._past[0]
        if begin_ns > start_ns:
            until_ns = begin_ns + self.lookback_ns
            return Area(self._past_area + own, now_ns - begin_ns, self.current, 1, until_ns)
        area = self._past_area + own - value * (start_ns - begin_ns)
        until_ns = end_ns + self.lookback_ns
        return Area(area, self.lookback_ns, self.current - value, 0, until_ns)

    def restart(self, now_ns: int) -> None:
        """Forget everything but the present value, which counts from now."""
        self._past.clear()
        self._past_area, self.since_ns = Fraction(0), now_ns

    def export_state(self) -> list[Any]:
        """Return the window as plain values."""
        past = [[begin, end, exact_text(value)] for begin, end, value in self._past]
        return [exact_text(self.current), self.since_ns, past]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described."""
        self.current, self.since_ns = to_fraction(state[0]), state[1]
        self._past = deque((begin, end, to_fraction(text)) for begin, end, text in state[2])
        steps = (value * (end - begin) for begin, end, value in self._past)
        self._past_area = sum(steps, Fraction(0))
