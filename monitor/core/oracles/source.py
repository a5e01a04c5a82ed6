"""One source of one index: its newest report, in the order of what it published."""

from fractions import Fraction
from typing import Any, NamedTuple

from monitor.core.amounts import to_fraction
from monitor.core.oracles.standing import Standing
from monitor.core.oracles.validity import Limits, Quality, Verdict, silent

IGNORED = ("duplicate", "republished", "from_future")


class Report(NamedTuple):
    """What a source said; `received_ns` is the engine's time."""

    price: str
    interval: str
    published_ns: int
    received_ns: int
    round: int | None = None
    signers: int | None = None


class Source:
    """A source of an index; it exists from its first report on."""

    __slots__ = ("_silent_since_ns", "ignored", "interval", "price", "report", "standing")

    def __init__(self, report: Report) -> None:
        """Begin with a first report."""
        self.standing = Standing()
        self.ignored = dict.fromkeys(IGNORED, 0)
        self._silent_since_ns: int | None = None
        self._take(report)

    def _take(self, report: Report) -> None:
        self.report = report
        self.price, self.interval = to_fraction(report.price), to_fraction(report.interval)
        self._silent_since_ns = None

    def take(self, report: Report) -> bool:
        """Take a report that is newer than the last one; return whether it is.

        One round twice is a duplicate; an earlier round or publish time is an old one again.
        """
        why = _why_ignored(self.report, report)
        if why is not None:
            self.ignored[why] += 1
            return False
        self._take(report)
        return True

    def quality(self, mean: Fraction | None) -> Quality:
        """Return what a verdict on the newest report rests on."""
        report = self.report
        return Quality(self.price, self.interval, report.published_ns, report.signers, mean)

    def follow_push(self, center: Fraction, limits: Limits, now_ns: int) -> Verdict | None:
        """Return the verdict on silence: the others have moved, and this one has not published."""
        if limits.push_deviation is None or self.price <= 0:
            return None
        distance = abs(center - self.price) / self.price
        if distance <= limits.push_deviation:
            self._silent_since_ns = None
            return None
        if self._silent_since_ns is None:
            self._silent_since_ns = now_ns
        if now_ns - self._silent_since_ns <= limits.push_grace_ns:
            return None
        return silent(distance, limits.push_deviation)

    def next_silence_ns(self, limits: Limits) -> int | None:
        """Return when silence becomes a verdict."""
        begun_ns = self._silent_since_ns
        return None if begun_ns is None else begun_ns + limits.push_grace_ns + 1

    def export_state(self) -> list[Any]:
        """Return everything as plain values."""
        counts = [self.ignored[reason] for reason in IGNORED]
        return [list(self.report), self.standing.export_state(), counts, self._silent_since_ns]

    @classmethod
    def from_state(cls, state: list[Any]) -> "Source":
        """Return the source that `export_state` described."""
        report, standing, counts, silent_since_ns = state
        source = cls(Report(*report))
        source.standing = Standing.from_state(standing)
        source.ignored = dict(zip(IGNORED, counts, strict=True))
        source._silent_since_ns = silent_since_ns
        return source


def _why_ignored(last: Report, report: Report) -> str | None:
    if report.round is not None and last.round is not None:
        if report.round != last.round:
            is_old = report.round < last.round or report.published_ns < last.published_ns
            return "republished" if is_old else None
        same = (report.price, report.published_ns) == (last.price, last.published_ns)
        return "duplicate" if same else "republished"
    if report.published_ns < last.published_ns:
        return "republished"
    is_same = report[:3] == last[:3] and report.signers == last.signers
    return "duplicate" if is_same else None
