"""Shadow deleveraging beside the engine: a process of its own looks at one book image at a time.

The book watch hands an image over when one is asked for; the engine waits for nothing. A process
that dies or is late is counted and started anew, and what was found last stays, with its age.
"""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import structlog

from monitor.analysis.analyst import Analyst, Findings, Question
from monitor.analysis.funding_report import funding_forecast
from monitor.analysis.listing import listings_of, no_traders, rates_of
from monitor.analysis.mark_volatility import MarkVolatility
from monitor.analysis.markets import markets_of
from monitor.analysis.path import MarkPath
from monitor.analysis.positions import Book, Counts, Floats
from monitor.analysis.report import ShadowReport, ToldPlan, told_details, units_told
from monitor.analysis.settings import ShadowSettings
from monitor.app.image_passing import ImagePasser, PassedImage, received
from monitor.app.view_holder import ViewHolder
from monitor.core.book_sums import NamedColumns
from monitor.core.engine import RiskEngine
from monitor.core.margin.book import unit_name
from monitor.runtime.companion import Companion, CompanionError
from monitor.runtime.supervise import Supervisor
from monitor.runtime.vitals import Vitals

LOOK_S = 0.25  # how often the marks of a path are looked at
SECOND_NS = 1_000_000_000
SHARE_MAX = 0.2  # of a core
RUNS = "loss_monitor_shadow_runs_total"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ShadowRequest:
    """One image on its way to the analysis."""

    question: Question
    images: list[PassedImage]
    no_traders: list[Counts]


class ShadowAnalysis:
    """What the analysis process does with a request."""

    def __init__(self) -> None:
        self._analyst = Analyst()

    def __call__(self, request: ShadowRequest) -> Findings:
        """Return what every policy would take now."""
        books = [
            Book(received(image), image.instruments, skipped)
            for image, skipped in zip(request.images, request.no_traders, strict=True)
        ]
        return self._analyst.answer(request.question, books)


def start_shadow(
    settings: ShadowSettings,
    engine: RiskEngine,
    views: ViewHolder,
    vitals: Vitals,
    supervisor: Supervisor,
) -> "ShadowWatch | None":
    """Start the tasks of a watch if one is configured; the process starts with the first image."""
    if not settings.enabled:
        return None
    watch = ShadowWatch(engine, views, vitals, settings)
    supervisor.start_restarted("shadow", watch.run)
    supervisor.start_restarted("shadow_marks", watch.follow_marks)
    return watch


class ShadowWatch:
    """Keeps `view.shadows` a few seconds old."""

    def __init__(
        self,
        engine: RiskEngine,
        views: ViewHolder,
        vitals: Vitals,
        settings: ShadowSettings,
        *,
        make_work: Callable[[], Callable[[ShadowRequest], Findings]] = ShadowAnalysis,
    ) -> None:
        """Watch an engine that has been restored; `make_work`: what the process does."""
        self._engine = engine
        self._views = views
        self._vitals = vitals
        self._settings = settings
        self._companion = Companion[ShadowRequest, Findings](make_work)
        self._passer = ImagePasser()
        self._due_s = vitals.clock.monotonic_s() + settings.interval_s
        self._asked: asyncio.Queue[ShadowRequest] = asyncio.Queue(1)
        self._is_busy = False
        self._paths: deque[tuple[Question, MarkPath]] = deque(maxlen=2)  # taken, and looked at
        chances = settings.loss_at_risk
        self._volatility = MarkVolatility(chances.daily_volatility, chances.daily_volatility_min)
        self._reports: dict[float, ShadowReport] = {}
        self._details: dict[float, dict[tuple[str, int], list[ToldPlan]]] = {}

    # --- for the book watch -----------------------------------------------------------------

    def begin(self) -> Callable[[Sequence[NamedColumns]], ShadowRequest] | None:
        """Return what is to be done, in a thread, with the images taken now; None: not now.

        Call `put` with what that returned.
        """
        if self._is_busy or self._vitals.clock.monotonic_s() < self._due_s:
            return None
        listings = listings_of(self._engine.market)
        question = Question(
            as_of_ns=self._engine.engine_ns,
            listings=listings,
            rates=rates_of(self._engine.market, listings),
            markets=markets_of(
                self._engine,
                listings,
                self._settings.cascades,
                self._settings.loss_at_risk,
                self._volatility.of([listing.name for listing in listings]),
            ),
            configured=self._engine.settings.deleveraging.policy,
            counterparties_max=self._settings.counterparties_max,
        )
        skipped = [no_traders(part) for part in self._engine.shards.engines]
        self._paths.append((question, MarkPath(question.as_of_ns, self._marks(question))))
        return lambda images: ShadowRequest(question, self._passer.passed(images), skipped)

    def put(self, request: ShadowRequest) -> None:
        """Have an image looked at."""
        self._is_busy = True
        self._asked.put_nowait(request)

    # --- its own tasks ----------------------------------------------------------------------

    async def run(self) -> None:
        """Look at one image after the other; it ends when cancelled."""
        self._asked, self._is_busy = asyncio.Queue(1), False
        try:
            while True:
                await self._look(await self._asked.get())
        finally:
            self._companion.close()

    async def follow_marks(self) -> None:
        """Note the marks after the moment of an image; it ends when cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.note_marks()

    def note_marks(self) -> None:
        """Note the marks of now where they are due, and show what they mean."""
        if self._volatility.is_due(self._engine.engine_ns):
            marks = self._engine.market.marks.items()
            self._volatility.note(
                self._engine.engine_ns, ((name, mark.number) for name, mark in marks)
            )
        for question, path in self._paths:
            if path.is_due(self._engine.engine_ns):
                path.note(self._engine.engine_ns, self._marks(question))
                self._show_path(path)

    async def _look(self, request: ShadowRequest) -> None:
        clock, measurements = self._vitals.clock, self._vitals.measurements
        started_s = clock.monotonic_s()
        try:
            findings = await self._companion.ask(request, timeout_s=self._settings.timeout_s)
        except CompanionError as error:
            measurements.increase(RUNS, "failed")
            log.warning("shadow_failed", error=str(error))
        else:
            measurements.increase(RUNS, "done")
            self._show(findings)
        finally:
            spent_s = clock.monotonic_s() - started_s
            self._due_s = started_s + max(self._settings.interval_s, spent_s / SHARE_MAX)
            self._is_busy = False

    # --- what was found ---------------------------------------------------------------------

    def _show(self, findings: Findings) -> None:
        names = self._names(findings)
        instruments = [listing.name for listing in findings.question.listings]
        as_of_ns = findings.question.as_of_ns
        marks = next(path.marks for _, path in self._paths if path.as_of_ns == as_of_ns)
        for scenario in findings.scenarios:
            kept = self._details.setdefault(scenario.stress, {})
            kept |= told_details(scenario, instruments, names)
            listed = set(instruments)
            for gone in [key for key in kept if key[0] not in listed]:
                del kept[gone]
            before = self._reports.get(scenario.stress)
            self._reports[scenario.stress] = ShadowReport(
                findings=findings,
                scenario=scenario,
                marks=tuple(marks),
                details=dict(kept),
                before=before.realised if before else None,
            )
        self._publish()
        self._views.take_distances(findings.distances)
        if findings.loss_at_risk is not None:
            self._views.take_loss_at_risk(findings.loss_at_risk)
        self._views.take_funding(
            funding_forecast(
                findings.funding,
                instruments,
                names,
                as_of_ns=as_of_ns,
                interval_s=self._settings.funding_interval_s,
            )
        )

    def _show_path(self, path: MarkPath) -> None:
        found = [each for each in self._reports.values() if each.as_of_ns == path.as_of_ns]
        for report in found:
            self._reports[report.stress] = replace(report, marks=tuple(path.marks))
        if found:
            self._publish()

    def _publish(self) -> None:
        self._views.take_shadows(tuple(report for _, report in sorted(self._reports.items())))

    def _marks(self, question: Question) -> Floats:
        marks = self._engine.market.marks
        return np.array(
            [
                marks[each.name].number if each.name in marks else np.nan
                for each in question.listings
            ],
            np.float64,
        )

    def _names(self, findings: Findings) -> dict[int, str]:
        """Return the names of the units told of; those that are gone by now have none."""
        found = {}
        parts, offsets = self._engine.shards.engines, findings.offsets
        for number in units_told(findings):
            shard = bisect_right(offsets, number) - 1
            part, unit = parts[shard], number - offsets[shard]
            if part.thresholds.index.holds(unit):
                account = part.margin_units.look(unit).account.name
                found[number] = unit_name(account, part.margin_units.keys.get(unit))
        return found
