"""Whether a connection still says something: silence is detected, never taken for calm."""

from collections.abc import Iterable


class Freshness:
    """When each required channel of a connection last moved on, in monotonic seconds.

    A channel moves on with a valid frame whose venue time is later than any before: frames that
    repeat one instant for ever are silence too.
    """

    def __init__(self, channels: Iterable[str], *, stale_after_s: float, now_s: float) -> None:
        self._stale_after_s = stale_after_s
        self._moved_s = dict.fromkeys(channels, now_s)
        self._newest_ns = dict.fromkeys(self._moved_s, -1)
        assert self._moved_s, "expected at least one required channel, received none"

    def moved(self, channel: str, event_ns: int, now_s: float) -> None:
        """Note a valid frame of a channel; channels that are not required do not count."""
        newest_ns = self._newest_ns.get(channel)
        if newest_ns is not None and event_ns > newest_ns:
            self._newest_ns[channel] = event_ns
            self._moved_s[channel] = now_s

    def is_complete(self) -> bool:
        """Return whether every required channel has sent something."""
        return min(self._newest_ns.values()) >= 0

    def remaining_s(self, now_s: float) -> float:
        """Return the seconds until the connection is stale; 0 or less: it is."""
        return min(self._moved_s.values()) + self._stale_after_s - now_s

    def stalest(self) -> str:
        """Return the channel that has been silent longest."""
        return min(self._moved_s, key=self._moved_s.__getitem__)
