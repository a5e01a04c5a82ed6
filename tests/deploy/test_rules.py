"""Alert rules: their own tests pass, and no alert lacks a test, a label, a sentence, a heading."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.deployed import (
    DEPLOY,
    RULE_FILES,
    RULE_TEST_FILES,
    RUNBOOK,
    alerts,
    dashboard_queries,
    dashboards,
    known_metrics,
    metric_names,
    read_yaml,
    recorded_names,
    rules,
    seconds,
)

EVALUATION_INTERVAL_S = 5
ALERTS = alerts()
# Alerts that guard safety itself: they may not wait longer than this.
SAFETY_COMPONENTS = ("breakers", "funds")
SAFETY_FOR_MAX_S = 30
# Alerts about a yes or no: their value says nothing.
WITHOUT_A_VALUE = ("Watchdog", "MonitorDown", "MonitorNotReady", "ConfigReloadFailed",
                   "KafkaDisconnected", "RedisDisconnected", "AllFeedsLost",
                   "BreakerTripped")  # fmt: skip


def run(*command: str | Path) -> None:
    """Run a checking tool; what it says is the failure."""
    finished = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def alert_tests() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return (test group, expectation) of every promtool test."""
    return [
        (group, expectation)
        for path in RULE_TEST_FILES
        for group in read_yaml(path)["tests"]
        for expectation in group["alert_rule_test"]
    ]


def test_promtool_accepts_the_rules_and_the_configuration(promtool: Path) -> None:
    run(promtool, "check", "rules", *RULE_FILES)
    run(promtool, "check", "config", DEPLOY / "prometheus/prometheus.yml")


@pytest.mark.parametrize("path", RULE_TEST_FILES, ids=lambda path: path.stem)
def test_the_tests_of_the_rules_pass(promtool: Path, path: Path) -> None:
    run(promtool, "test", "rules", path)


def test_every_rule_is_promql_and_reads_only_what_exists() -> None:
    unknown = {
        (rule.get("alert") or rule["record"], name)
        for rule in rules()
        for name in metric_names(rule["expr"])
        if name not in known_metrics()
    }
    assert not unknown, f"expected metrics of the catalogue or recorded ones, received {unknown}"


def test_recorded_names_are_level_metric_operations() -> None:
    for name in recorded_names():
        assert re.fullmatch(r"[a-z]+:loss_monitor_[a-z_]+:[a-z0-9_]+", name), name


def test_every_recorded_series_is_read() -> None:
    read = {name for rule in rules() for name in metric_names(rule["expr"])}
    for dashboard in dashboards().values():
        for _, expression in dashboard_queries(dashboard):
            read |= metric_names(expression)
    assert recorded_names() <= read, f"nobody reads {recorded_names() - read}"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_grave_what_and_where_to_read_on(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert re.fullmatch(r"[a-z]+", rule["labels"]["component"])
    assert "for" in rule
    annotations = rule["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert annotations["summary"].endswith(".")
    assert annotations["description"].endswith(".")
    if name not in WITHOUT_A_VALUE:
        assert "$value" in annotations["description"], "expected the value in the description"
    assert annotations["runbook_url"] == f"docs/runbook.md#{name.lower()}"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_heading_in_the_runbook(name: str) -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    section = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"expected a heading ### {name} in docs/runbook.md"
    for part in ("**Meaning.**", "**Impact.**", "**First look.**", "**What to do.**", "**Ends.**"):
        assert part in section[1], f"expected {part} below ### {name}"


def test_the_runbook_tells_of_no_alert_that_is_gone() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    headings = set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
    assert headings == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_tested_silent_firing_and_at_its_boundary(name: str) -> None:
    silent: set[tuple[str, int]] = set()
    firing: set[tuple[str, int]] = set()
    for group, expectation in alert_tests():
        if expectation["alertname"] == name:
            moment = (group["name"], seconds(expectation["eval_time"]))
            (firing if expectation["exp_alerts"] else silent).add(moment)
    assert firing, "expected a firing case"
    if name == "Watchdog":
        assert not silent
        return
    assert silent, "expected a silent case"
    boundaries = {(group, moment + EVALUATION_INTERVAL_S) for group, moment in silent} & firing
    assert boundaries, "expected the last silent evaluation and the next, firing one"
    assert any(
        (group, moment) in silent
        for group, start in boundaries
        for _, moment in silent
        if moment > start
    ), "expected the end of the alert"


@pytest.mark.parametrize("name", ALERTS)
def test_the_boundary_is_that_of_the_rule(name: str) -> None:
    if ALERTS[name]["labels"]["component"] in SAFETY_COMPONENTS:
        assert seconds(ALERTS[name]["for"]) <= SAFETY_FOR_MAX_S


def test_every_file_of_rules_with_alerts_has_its_file_of_tests() -> None:
    with_alerts = {
        path.name
        for path in RULE_FILES
        if any("alert" in rule for group in read_yaml(path)["groups"] for rule in group["rules"])
    }
    assert with_alerts == {path.name for path in RULE_TEST_FILES}
    for path in RULE_TEST_FILES:
        assert seconds(read_yaml(path)["evaluation_interval"]) == EVALUATION_INTERVAL_S


def test_prometheus_evaluates_as_often_as_the_tests_of_the_rules() -> None:
    configuration = read_yaml(DEPLOY / "prometheus/prometheus.yml")
    assert seconds(configuration["global"]["evaluation_interval"]) == EVALUATION_INTERVAL_S
    jobs = [job["job_name"] for job in configuration["scrape_configs"]]
    assert "loss-monitor" in jobs
