"""An exporter for tests: /metrics as the daemon renders it, of an exchange in trouble."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import msgspec
import pytest

from monitor.core.liquidation_view import (
    SLIPPAGE_EDGES,
    LiquidationsView,
    PaceRecord,
    SlippageView,
)
from monitor.core.oracle_view import IndexErrorView, IndexSensitivity, IndexView
from monitor.core.view import RiskView
from monitor.exporter.catalogue import CATALOGUE, DECISION_KINDS
from monitor.exporter.collector import declared_measurements
from monitor.exporter.scrape import Scraper
from monitor.runtime.measurements import Measurements
from tests.api.crash_shadow import CrashShadow
from tests.exporter.test_readers_distances import DISTANCES
from tests.exporter.test_readers_funding import FUNDING
from tests.exporter.test_readers_loss_at_risk import LOSS_AT_RISK
from tests.exporter.views import breaker_view, view_of

NOW_S = 1_760_000_000.0
LABELS = {
    "asset": "USDT", "feed": "binance", "fund": "main", "python": "3.11", "reason": "unknown_type",
    "result": "done",
    "task": "mirror", "topic": "market", "version": "0.1.0",
}  # fmt: skip


def liquidations_after(scrapes: int) -> LiquidationsView:
    """Return the distributions of liquidations, one more with each scrape, and a pace."""
    counts = (scrapes, *[0] * len(SLIPPAGE_EDGES))
    slippage = SlippageView(counts=counts, sum=0.01 * scrapes)
    pace = PaceRecord(
        instrument="COIN0000-PERP", direction="sell", window_s="60", liquidated_contracts="4",
        traded_contracts="10", traded_same_direction_contracts="5", depth_contracts="20",
        safe_contracts="2", of_volume_ratio="0.4", of_depth_ratio="0.2", of_safe_ratio="2",
    )  # fmt: skip
    return LiquidationsView(
        fill_slippage=slippage, cost=slippage, bankruptcy_loss=slippage, beyond_ideal=slippage,
        paces=(pace,), backlog=3, fund_usd={("outflow", "liquidation"): float(scrapes)},
    )  # fmt: skip


INDEX = IndexView(
    index="BTC", price=100.0, stable_price=99.0, priced_by="aggregate", live="aggregate",
    validity="valid", reason="", since_ns=1, allowed=("margin", "liquidation"), fit_sources=3,
    quorum=2, confidence_ratio=0.001, published_ns=1,
)  # fmt: skip
WRONG = IndexErrorView(
    error="0.01", error_ratio=0.01, units_down=1, notional_down_usd=5.0, units_up=2,
    notional_up_usd=1.0, undecided=0,
)  # fmt: skip


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
        liquidations=liquidations_after(scrapes),
        indices=(INDEX,),
        sensitivities=(IndexSensitivity(index="BTC", as_of_ns=1, errors=(WRONG,)),),
        funding=FUNDING,
        distances=DISTANCES,
        loss_at_risk=LOSS_AT_RISK,
        shadows=(CrashShadow(as_of_ns=1_700_000_000 * 10**9, needed_usd=1_000.0),),
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
