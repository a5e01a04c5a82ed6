"""An exporter for tests: /metrics as the daemon renders it, of an exchange in trouble."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import msgspec
import pytest

from monitor.core.view import RiskView
from monitor.exporter.catalogue import CATALOGUE, DECISION_KINDS
from monitor.exporter.collector import declared_measurements
from monitor.exporter.scrape import Scraper
from monitor.runtime.measurements import Measurements
from tests.exporter.views import breaker_view, view_of

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
