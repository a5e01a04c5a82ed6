"""Every query of the dashboards is answered by a real Prometheus that scrapes the real exporter."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.deployed import (
    alerts,
    dashboard_queries,
    dashboards,
    interpolated,
    recorded_names,
    scraping_configuration,
)
from tests.observers import Prometheus


@pytest.fixture
def scraping(exporter: str, prometheus: Callable[[str], Prometheus]) -> Prometheus:
    """Return a Prometheus with the rules of deploy/ that scrapes the exporter."""
    return prometheus(scraping_configuration(exporter))


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
