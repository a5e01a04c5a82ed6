"""Every query of the dashboards is answered by a real Prometheus that scrapes the running demo."""

import math
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from monitor.embedded.process import ServiceError, free_port
from monitor.embedded.redis import find_redis_server
from tests import missing_services
from tests.deploy.deployed import (
    ROOT,
    dashboard_queries,
    dashboards,
    interpolated,
    scraping_configuration,
)
from tests.observers import Prometheus

DEMO_SECONDS = 30
POLL_S = 0.5
POLLS = 160
WINDOW_S = 600
STOP_TIMEOUT_S = 15
# The demo's daemon is started once, so this annotation has nothing to mark.
WITHOUT_AN_OCCASION = {"annotation 'Restarts'"}
# What a crash must set off.
EXPECTED_ALERTS = ("BreakerTripped", "ShortfallIncurred", "LossSocialized", "AccountsBankrupt")


@pytest.fixture
def demo_port(tmp_path: Path) -> Iterator[int]:
    """Yield the port of a demo that crashes within DEMO_SECONDS."""
    try:
        find_redis_server()
    except ServiceError:
        missing_services.skip_without("redis-server", "apt-get install -y redis-server")
    port = free_port()
    command = [
        sys.executable, "-m", "monitor", "demo",
        "--seconds", str(DEMO_SECONDS), "--no-browser", "--port", str(port),
    ]  # fmt: skip
    with (tmp_path / "demo.log").open("wb") as output:
        demo = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        yield port
        demo.terminate()
        try:
            demo.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            demo.kill()
            demo.wait()


@pytest.fixture
def scraping(demo_port: int, prometheus: Callable[[str], Prometheus]) -> Prometheus:
    """Return a Prometheus with the rules of deploy/ that scrapes the demo."""
    return prometheus(scraping_configuration(f"127.0.0.1:{demo_port}"))


def has_data(server: Prometheus, expression: str) -> bool:
    """Return whether a query has had a number at any second since the server started."""
    now = float(server.query("vector(time())")[0]["value"][1])
    window = urlencode({"query": expression, "start": now - WINDOW_S, "end": now, "step": "1"})
    series = server.get(f"/api/v1/query_range?{window}")["data"]["result"]
    return any(not math.isnan(float(value)) for one in series for _, value in one["values"])


def test_every_query_of_every_dashboard_has_data_in_the_demo(
    scraping: Prometheus, tmp_path: Path
) -> None:
    pending = {
        (where, interpolated(expression))
        for dashboard in dashboards().values()
        for where, expression in dashboard_queries(dashboard)
        if where not in WITHOUT_AN_OCCASION
    }
    pending |= {(name, f'ALERTS{{alertname="{name}"}}') for name in EXPECTED_ALERTS}
    for _ in range(POLLS):
        pending = {one for one in pending if not has_data(scraping, one[1])}
        if not pending:
            return
        threading.Event().wait(POLL_S)
    told = (tmp_path / "demo.log").read_text(encoding="utf-8")[-2000:]
    (target,) = scraping.get("/api/v1/targets")["data"]["activeTargets"]
    raise AssertionError(
        f"expected data, received none for {sorted(pending)}; last scrape: "
        f"{target['lastError'] or 'worked'}; the demo: {told}"
    )
