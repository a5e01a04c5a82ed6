"""Every query of the dashboards is answered by a real Prometheus that scrapes the real exporter."""

import math
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import msgspec
import pytest

from monitor.core.view import RiskView
from monitor.exporter.catalogue import CATALOGUE, DECISION_KINDS
from monitor.exporter.collector import declared_measurements
from monitor.exporter.scrape import Scraper
from monitor.runtime.measurements import Measurements
from tests.deploy.deployed import (
    RULE_FILES,
    alerts,
    dashboard_queries,
    dashboards,
    interpolated,
    recorded_names,
)
from tests.exporter.views import breaker_view, view_of
from tests.observers import Prometheus

NOW_S = 1_760_000_000.0
LABELS = {
    "asset": "USDT", "feed": "binance", "fund": "main", "python": "3.11", "reason": "unknown_type",
    "task": "mirror", "topic": "market", "version": "0.1.0",
}  # fmt: skip


def exchange_after(scrapes: int) -> RiskView:
    """Return an exchange that has been busier with each scrape, with a breaker tripped."""
    view = view_of(3)
    tripped = breaker_view("COIN0000-PERP", state="tripped", measured=0.12)
    return msgspec.structs.replace(
        view,
        accounts={"healthy": 90, "margin_call": 3, "liquidatable": 5, "bankrupt": 2, "unknown": 1},
        events_applied={"mark_price_changed": 7 * scrapes},
        decisions=dict.fromkeys(DECISION_KINDS, scrapes),
        breakers=(tripped, *view.breakers[1:]),
    )


def measured() -> Measurements:
    """Return measurements in which every metric that parts of the daemon measure has a value."""
    measurements = Measurements(declared_measurements())
    for metric in CATALOGUE:
        if metric.source != "measurements":
            continue
        labels = [LABELS[label] for label in metric.labels]
        if metric.kind == "histogram":
            measurements.observe(metric.name, 0.02)
        elif metric.kind == "counter":
            measurements.increase(metric.name, *labels)
        else:
            is_moment = metric.name.endswith("_timestamp_seconds")
            measurements.set_to(metric.name, NOW_S if is_moment else 1.0, *labels)
    return measurements


@pytest.fixture
def exporter() -> Iterator[str]:
    """Yield host:port of a server that renders /metrics as the daemon does."""
    scrapes = count(1)
    measurements = measured()
    scraper = Scraper(lambda: exchange_after(next(scrapes)), measurements)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer a scrape."""
            for histogram in ("decision_latency_seconds", "engine_apply_duration_seconds"):
                measurements.observe(f"loss_monitor_{histogram}", 0.02)
            text = scraper.render()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    scraper.close()


@pytest.fixture
def scraping(exporter: str, prometheus: Callable[[str], Prometheus]) -> Prometheus:
    """Return a Prometheus with the rules of deploy/ that scrapes the exporter every second."""
    files = "\n".join(f"  - {path}" for path in RULE_FILES)
    return prometheus(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        f"rule_files:\n{files}\n"
        "scrape_configs:\n"
        "  - job_name: loss-monitor\n"
        f"    static_configs: [{{targets: ['{exporter}']}}]\n"
    )


def numbers(series: list[dict[str, Any]]) -> list[float]:
    """Return the values of an answer that are numbers."""
    values = [float(one["value"][1]) for one in series]
    return [value for value in values if not math.isnan(value)]


def test_every_query_of_every_dashboard_returns_data(scraping: Prometheus) -> None:
    scraping.wait_for("changes(instance:loss_monitor_events:rate1m[1m]) > 0")
    silent = []
    for dashboard in dashboards().values():
        for where, expression in dashboard_queries(dashboard):
            if not numbers(scraping.query(interpolated(expression))):
                silent.append((where, expression))
    # What moves only when something goes wrong has no rhythm to show here.
    silent = [one for one in silent if one[0] != "annotation 'Restarts'"]
    assert not silent, f"expected data, received none for {silent}"


def test_every_recorded_series_exists(scraping: Prometheus) -> None:
    for name in recorded_names():
        scraping.wait_for(name)


def test_the_alerts_of_this_exchange_fire(scraping: Prometheus) -> None:
    assert "BreakerTripped" in alerts()
    for name in ("Watchdog", "BreakerTripped"):
        scraping.wait_for(f'ALERTS{{alertname="{name}", alertstate="firing"}}')
    scraping.wait_for('ALERTS{alertname="AccountsBankrupt"}')
    scraping.wait_for('ALERTS{alertname="FeedLost", feed="binance"}')
