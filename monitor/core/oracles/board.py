"""All indices: reports in, decisions out, and the price that each index has now.

An index exists from its first report on. Timers fire in (due, name) order like those of breakers.
"""

import heapq
from collections.abc import Iterable
from typing import Any, NamedTuple

from monitor.core import events
from monitor.core.decisions import Decision
from monitor.core.oracle_settings import SOURCES_MAX, OracleSettings
from monitor.core.oracles.index_price import IndexPrice
from monitor.core.oracles.rules import EXCHANGE, IndexRules
from monitor.core.oracles.source import Report
from monitor.core.oracles.validity import SECOND_NS
from monitor.core.refusals import RefusedError

NAMES_MAX = 10_000  # of indices; three times as many sources: names are kept for good


class IndexFitness(NamedTuple):
    """What an index is worth now, and what that may be used for.

    `reason` is None while the price values collateral; else since when it does not, and why.
    """

    price: str | None
    published_ns: int
    margins: bool
    reason: str | None
    since_ns: int


class OracleBoard:
    """The indices with their sources, by name."""

    def __init__(self, settings: OracleSettings) -> None:
        """Begin without an index."""
        self.settings = settings
        self.indices: dict[str, IndexPrice] = {}
        self._sources = 0
        # As a heap: one is outdated when its index has another due time by now.
        self._timers: list[tuple[int, str, str]] = []

    # --- facts ----------------------------------------------------------------------------

    def index_changed(self, event: events.IndexPriceChanged, now_ns: int) -> list[Decision]:
        """Take an index price: of the exchange, or of a source that judges.

        Raises RefusedError if there is no room for another name.
        """
        report = Report(event.price, "0", event.event_ns, now_ns)
        return self._report(event.index, event.source, report, now_ns)

    def reported(self, event: events.OracleReported, now_ns: int) -> list[Decision]:
        """Take an oracle's report; one from the future is only counted.

        Raises RefusedError if there is no room for another name.
        """
        report = Report(
            event.price,
            event.confidence_interval,
            event.published_ns,
            now_ns,
            event.round,
            event.signers,
        )
        return self._report(event.index, event.oracle, report, now_ns)

    def _report(self, name: str, source: str, report: Report, now_ns: int) -> list[Decision]:
        index = self.indices.get(name)
        if index is None or source not in index.sources:
            self._check_room(index, name, source)
        if index is None:
            index = self.indices[name] = IndexPrice(name, IndexRules(self.settings, name))
        ahead_ns = round(self.settings.published_ahead_max_s * SECOND_NS)
        known = index.sources.get(source)
        if report.published_ns > now_ns + ahead_ns:
            if known is not None:
                known.ignored["from_future"] += 1
            return []
        is_news = index.report(source, report)
        self._sources += known is None
        return self._look(index, now_ns) if is_news else []

    def _check_room(self, index: IndexPrice | None, name: str, source: str) -> None:
        if index is None and len(self.indices) >= NAMES_MAX:
            raise _no_room(NAMES_MAX, f"indices, received {name}")
        if self._sources >= 3 * NAMES_MAX:
            raise _no_room(3 * NAMES_MAX, f"sources of indices, received {source!r} of {name!r}")
        if index is not None and len(index.sources) >= SOURCES_MAX:
            raise _no_room(SOURCES_MAX, f"sources of an index, received {source!r} of {name!r}")

    def _look(self, index: IndexPrice, now_ns: int) -> list[Decision]:
        decisions = index.evaluate(now_ns)
        index.follow_stable(now_ns)
        self._note_timer(index)
        return decisions

    # --- timers ---------------------------------------------------------------------------

    def _note_timer(self, index: IndexPrice) -> None:
        if index.due_ns is not None:
            timer = (index.due_ns, f"oracle:{index.name}", index.name)
            if not self._timers or self._timers[0] != timer:
                heapq.heappush(self._timers, timer)
        if len(self._timers) > 2 * len(self.indices) + 64:
            self._timers = [
                (each.due_ns, f"oracle:{name}", name)
                for name, each in self.indices.items()
                if each.due_ns is not None
            ]
            heapq.heapify(self._timers)

    def next_timer(self) -> tuple[int, str, str] | None:
        """Return the first timer as (due_ns, name, index), None without one."""
        while self._timers:
            due_ns, _, name = self._timers[0]
            if self.indices[name].due_ns == due_ns:
                return self._timers[0]
            heapq.heappop(self._timers)  # outdated
        return None

    def fire(self, name: str, due_ns: int) -> list[Decision]:
        """Look at an index because time has passed."""
        index = self.indices[name]
        decisions = index.evaluate(due_ns)
        self._note_timer(index)
        return decisions

    # --- questions ------------------------------------------------------------------------

    def fitness(self, name: str) -> IndexFitness | None:
        """Return what an index is worth now; None if nobody ever said."""
        index = self.indices.get(name)
        if index is None:
            return None
        rules, verdict = index.rules, index.standing.verdict
        is_fit = rules.allows(verdict.validity, "liquidation")
        return IndexFitness(
            price=None if index.made is None else index.made.text,
            published_ns=0 if index.made is None else index.made.published_ns,
            margins=rules.allows(verdict.validity, "margin"),
            reason=None if is_fit else verdict.reason,
            since_ns=index.standing.since_ns,
        )

    def stable_price(self, name: str) -> str | None:
        """Return the stable price of an index, None without one."""
        index = self.indices.get(name)
        return None if index is None or index.stable is None else index.stable.text

    def standing(self, now_ns: int) -> list[Decision]:
        """Return every rejection that stands now."""
        return [
            decision
            for name in sorted(self.indices)
            for decision in self.indices[name].standing_decisions(now_ns)
        ]

    def exchange_price(self, name: str) -> str | None:
        """Return what the exchange says an index is worth, whatever values collateral."""
        index = self.indices.get(name)
        source = None if index is None else index.sources.get(EXCHANGE)
        return None if source is None else source.report.price

    # --- settings and state ---------------------------------------------------------------

    def configure(self, settings: OracleSettings, now_ns: int) -> list[Decision]:
        """Take new settings and look at every index again."""
        self.settings = settings
        decisions: list[Decision] = []
        for name in sorted(self.indices):
            self.indices[name].use(IndexRules(settings, name))
            decisions += self.fire(name, now_ns)
        return decisions

    def export_state(self) -> list[Any]:
        """Return everything as plain values, in a canonical order."""
        return [self.indices[name].export_state() for name in sorted(self.indices)]

    def restore(self, state: Iterable[list[Any]]) -> None:
        """Take what `export_state` described."""
        for plain in state:
            index = self.indices[plain[0]] = IndexPrice(
                plain[0], IndexRules(self.settings, plain[0])
            )
            index.restore(plain)
            self._sources += len(index.sources)
            self._note_timer(index)


def _no_room(most: int, rest: str) -> RefusedError:
    return RefusedError("invalid_field", f"expected at most {most} {rest}")
