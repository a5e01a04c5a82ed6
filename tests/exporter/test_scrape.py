"""A scrape: off the event loop, shared by everybody who comes at once."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from monitor.core.view import RiskView
from monitor.exporter.collector import declared_measurements
from monitor.exporter.scrape import Scraper
from monitor.runtime.measurements import Measurements
from tests.api.crash import END, Crash
from tests.api.serving import ServedCrash
from tests.exporter.views import view_of
from tests.observers import Prometheus


class CountingView:
    """A view that remembers which threads asked for it."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self._view = view_of(3)

    def __call__(self) -> RiskView:
        self.threads.append(threading.get_ident())
        return self._view


@pytest.fixture
def counting_view() -> CountingView:
    return CountingView()


@pytest.fixture
def scraper(counting_view: CountingView) -> Iterator[Scraper]:
    scraper = Scraper(counting_view, Measurements(declared_measurements()))
    yield scraper
    scraper.close()


async def test_rendering_never_runs_in_the_event_loops_thread(
    scraper: Scraper, counting_view: CountingView
) -> None:
    content_type, text = await scraper.scrape()
    assert content_type.startswith("text/plain; version=0.0.4")
    assert b'loss_monitor_accounts{state="bankrupt"} 2.0' in text
    assert b"process_resident_memory_bytes" in text
    assert counting_view.threads
    assert threading.get_ident() not in counting_view.threads


async def test_a_crowd_of_scrapers_costs_one_rendering(
    scraper: Scraper, counting_view: CountingView
) -> None:
    texts = await asyncio.gather(*(scraper.scrape() for _ in range(50)))
    assert len(counting_view.threads) == 1
    assert len(set(texts)) == 1


class ScrapedCrash(Crash):
    """The crash with its real exporter."""

    def __init__(self) -> None:
        super().__init__()
        self.measurements = Measurements(declared_measurements())
        self.scraper = Scraper(lambda: self.view, self.measurements)

    async def metrics(self) -> tuple[str, bytes]:
        """Return what Prometheus scrapes."""
        return await self.scraper.scrape()


def test_a_real_prometheus_sees_the_crash(prometheus: Callable[[str], Prometheus]) -> None:
    crash = ScrapedCrash()
    with ServedCrash(second=END, crash=crash) as served:
        server = prometheus(
            "global: {scrape_interval: 1s}\n"
            "scrape_configs: [{job_name: loss-monitor, static_configs: "
            f"[{{targets: ['127.0.0.1:{served.server.port}']}}]}}]\n"
        )
        (fund,) = server.wait_for("loss_monitor_insurance_fund_balance_usd")
        assert (fund["metric"]["fund"], fund["value"][1]) == ("main", "1150000")
        (breaker,) = server.query('loss_monitor_breaker_state{state="tripped"} == 1')
        assert breaker["metric"]["scope"] == "BTC-PERP"
        (bankrupt,) = server.query('loss_monitor_accounts{state="bankrupt"}')
        assert bankrupt["value"][1] == "14"
        (is_up,) = server.query("up")
        assert is_up["value"][1] == "1"
    crash.scraper.close()
