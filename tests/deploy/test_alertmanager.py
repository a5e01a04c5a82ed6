"""Alertmanager: amtool accepts the file, each alert reaches who must act, causes hide effects."""

import json
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.deployed import DEPLOY, alerts, read_yaml
from tests.observers import Alertmanager

FILE = DEPLOY / "alertmanager/alertmanager.yml"
RECEIVERS = {"critical": "pager", "warning": "chat", "info": "nobody"}


def matcher_text(alert: str) -> list[str]:
    """Return the labels of an alert as amtool takes them."""
    labels = alerts()[alert]["labels"]
    return [f"alertname={alert}", *(f"{name}={value}" for name, value in labels.items())]


def test_amtool_accepts_the_file(amtool: Path) -> None:
    finished = subprocess.run(
        [amtool, "check-config", FILE], capture_output=True, text=True, check=False, timeout=30
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("alert", alerts())
def test_an_alert_goes_to_who_must_act(amtool: Path, alert: str) -> None:
    severity = alerts()[alert]["labels"]["severity"]
    finished = subprocess.run(
        [
            str(amtool), "config", "routes", "test", f"--config.file={FILE}",
            f"--verify.receivers={RECEIVERS[severity]}", *matcher_text(alert),
        ],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_an_alert_without_a_severity_is_not_lost(amtool: Path) -> None:
    command = [
        str(amtool),
        "config",
        "routes",
        "test",
        f"--config.file={FILE}",
        "alertname=Strange",
    ]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert finished.stdout.strip() == "chat"


def test_no_secret_stands_in_the_file() -> None:
    text = FILE.read_text(encoding="utf-8")
    for key in ("routing_key:", "api_url:", "credentials:", "password:", "auth_password:"):
        assert key not in text, f"expected {key[:-1]}_file, received {key}"
    assert "secrets/" in (DEPLOY / "alertmanager/.gitignore").read_text(encoding="utf-8")


def test_critical_alerts_are_told_at_once() -> None:
    critical = next(
        route
        for route in read_yaml(FILE)["route"]["routes"]
        if route["matchers"] == ['severity = "critical"']
    )
    assert critical["group_wait"] == "2s"


def alert_names(matchers: list[str]) -> set[str]:
    """Return the alerts that matchers name."""
    texts = [matcher.split('"')[1] for matcher in matchers if matcher.startswith("alertname")]
    return {name for text in texts for name in text.split("|")}


def test_inhibitions_name_alerts_that_exist_and_never_hide_a_loss() -> None:
    losses = {"LossSocialized", "DeleveragingPlanned", "ShortfallIncurred", "BreakerTripped"}
    for rule in read_yaml(FILE)["inhibit_rules"]:
        hidden = alert_names(rule["target_matchers"])
        assert alert_names(rule["source_matchers"]) | hidden <= set(alerts())
        assert not hidden & (losses | {"Watchdog"})


@pytest.fixture
def running(alertmanager: Callable[[str], Alertmanager]) -> Alertmanager:
    """Return a real Alertmanager with the file of deploy/, whose receivers reach nobody."""
    configuration = dict(read_yaml(FILE))
    configuration["receivers"] = [{"name": one["name"]} for one in configuration["receivers"]]
    return alertmanager(json.dumps(configuration))


def hidden_by(server: Alertmanager, *labels: dict[str, str], wanted: set[str]) -> set[str]:
    """Return the alerts that others hide, once Alertmanager has all; it may work out who later."""
    request = urllib.request.Request(
        f"{server.url}/api/v2/alerts",
        data=json.dumps([{"labels": one} for one in labels]).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10):
        pass

    def hidden(told: list[dict[str, Any]]) -> set[str]:
        return {one["labels"]["alertname"] for one in told if one["status"]["inhibitedBy"]}

    def is_ready(told: list[dict[str, Any]]) -> bool:
        is_processed = all(one["status"]["state"] != "unprocessed" for one in told)
        return len(told) == len(labels) and is_processed and hidden(told) == wanted

    return hidden(server.get_when("/api/v2/alerts", is_ready))


def test_a_lost_feed_hides_that_it_is_stale_and_nothing_of_another_feed(
    running: Alertmanager,
) -> None:
    where = {"job": "loss-monitor", "instance": "m:8080"}
    hidden = hidden_by(
        running,
        {"alertname": "FeedLost", "feed": "pyth", "severity": "warning", **where},
        {"alertname": "FeedStale", "feed": "pyth", "severity": "warning", **where},
        {"alertname": "FeedReconnecting", "feed": "binance", "severity": "warning", **where},
        wanted={"FeedStale"},
    )
    assert hidden == {"FeedStale"}


def test_a_monitor_that_is_down_hides_warnings_and_not_what_is_critical(
    running: Alertmanager,
) -> None:
    where = {"job": "loss-monitor", "instance": "m:8080"}
    hidden = hidden_by(
        running,
        {"alertname": "MonitorDown", "severity": "critical", **where},
        {"alertname": "SuspectAccounts", "severity": "warning", **where},
        {"alertname": "LossSocialized", "severity": "critical", **where},
        wanted={"SuspectAccounts"},
    )
    assert hidden == {"SuspectAccounts"}
