"""Shadow rounds reach the view through a process of their own, and never stop the engine."""

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from monitor.analysis.analyst import Findings
from monitor.analysis.settings import ShadowSettings
from monitor.analysis.splits import POLICIES
from monitor.app.book_watch import BookWatch
from monitor.app.shadow_watch import ShadowAnalysis, ShadowRequest, ShadowWatch
from monitor.app.view_holder import ViewHolder
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.core.shadow_view import Shadow
from monitor.exporter.collector import declared_measurements
from monitor.runtime.clock import Clock
from monitor.runtime.measurements import Measurements
from monitor.runtime.vitals import Vitals
from tests.builders import Journal

SETTINGS = ShadowSettings(interval_s=1e-9, timeout_s=60.0)
RUNS = "loss_monitor_shadow_runs_total"


def make_ill() -> Callable[[ShadowRequest], Findings]:
    """Return an analysis that dies at once."""

    def work(request: ShadowRequest) -> Findings:
        del request
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    return work


def small_market(shards: int) -> tuple[Journal, RiskEngine]:
    """Return three longs of whom one is nearly bankrupt, and shorts; a vault is none of them."""
    journal = Journal()
    journal.list_instrument("X-PERP", index="X")
    journal.mark("X-PERP", "100")
    for number, (balance, size) in enumerate([("6", "1"), ("80", "4"), ("200", "5")]):
        journal.balance(f"long{number}", balance)
        journal.position(f"long{number}", "X-PERP", size, "100")
    for number, (balance, size) in enumerate([("50", "-4"), ("300", "-5"), ("20", "-1")]):
        journal.balance(f"short{number}", balance)
        journal.position(f"short{number}", "X-PERP", size, "110")
    engine = RiskEngine(EngineSettings(), shards=shards)
    engine.apply(journal.take())
    return journal, engine


class Watched:
    """An engine, who looks at its book, and the shadow watch that runs beside."""

    def __init__(
        self,
        shards: int = 1,
        make_work: Callable[[], Callable[[ShadowRequest], Findings]] = ShadowAnalysis,
    ) -> None:
        self.journal, self.engine = small_market(shards)
        self.vitals = Vitals(measurements=Measurements(declared_measurements()))
        self.views = ViewHolder(Clock())
        self.views.follow(self.engine)
        self.shadow = ShadowWatch(
            self.engine, self.views, self.vitals, SETTINGS, make_work=make_work
        )
        self.book = BookWatch(self.engine, self.views, Clock())
        self.book.shadow = self.shadow

    def runs(self, result: str) -> float:
        """Return how many runs ended so."""
        return self.vitals.measurements.value(RUNS, result)

    async def look(self) -> None:
        """Look at the book, and wait until the shadow round is over."""
        before = self.runs("done") + self.runs("failed")
        running = asyncio.create_task(self.shadow.run())
        await asyncio.sleep(0)
        while self.runs("done") + self.runs("failed") == before:
            await self.book.look()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    @property
    def worst(self) -> Shadow:
        """Return the round of the worst accounts."""
        return self.views.view.shadows[0]


@pytest.mark.parametrize("shards", [1, 2])
async def test_a_round_names_who_would_pay(shards: int) -> None:
    watched = Watched(shards)
    await watched.look()
    assert watched.worst.as_of_ns == watched.engine.engine_ns
    side = watched.worst.of("X-PERP", "long")
    assert side is not None
    assert (side.accounts, side.lots, side.candidates) == (1, 1.0, 3)
    assert side.price == pytest.approx(94 * 0.99)
    assert side.needed_usd == pytest.approx(0.94)
    assert side.feasible_ratio == 1.0
    plans = {plan.policy: plan for plan in side.plans}
    assert set(plans) == set(POLICIES)
    queue = plans["queue-bitmex"]
    assert [payer.account for payer in queue.payers] == ["short0"]
    assert queue.payers[0].amount_usd == pytest.approx(0.94)
    assert watched.worst.of("X-PERP", "short") is not None
    distances = watched.views.view.distances
    assert distances is not None
    assert distances.as_of_ns == watched.engine.engine_ns
    assert (distances.sides[0].instrument, distances.sides[0].side) == ("X-PERP", "long")
    assert distances.sides[0].first_round_ratio == pytest.approx(0.06, abs=0.001)
    funding = watched.views.view.funding
    assert funding is not None
    assert (funding.as_of_ns, funding.next_funding_ns) == (watched.engine.engine_ns, None)
    assert watched.worst.of("Y-PERP", "long") is None
    assert [shadow.stress for shadow in watched.views.view.shadows] == [0.0, 0.05]


async def test_the_path_of_the_marks_says_what_was_taken_too_much() -> None:
    watched = Watched()
    await watched.look()
    journal, engine, shadow = watched.journal, watched.engine, watched.shadow
    assert watched.worst.realised is None
    for seconds, mark in ((0.5, "100"), (0.5, "90"), (1, "80"), (3, "110")):
        journal.wait(seconds).mark("X-PERP", mark)
        engine.apply(journal.take())
        shadow.note_marks()
    side = watched.worst.of("X-PERP", "long")
    assert side is not None
    price = 94 * 0.99
    lost = [max(0.0, 94 - price * ratio) for ratio in (1, 1, 0.9, 0.8, 1.1)]
    assert side.plans[0].overshoot_usd == pytest.approx([each - 0.94 for each in lost])
    assert watched.worst.realised is not None


async def test_an_analysis_that_dies_is_counted_and_the_last_answer_stays() -> None:
    watched = Watched(make_work=make_ill)
    await watched.look()
    assert (watched.runs("done"), watched.runs("failed")) == (0.0, 1.0)
    assert watched.views.view.shadows == ()
    assert watched.views.view.book is not None
