"""What deploy/ holds, read once for its tests: rules, their tests, dashboards, expressions."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from monitor.exporter.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULE_FILES = tuple(sorted((DEPLOY / "prometheus/rules").glob("*.yml")))
RULE_TEST_FILES = tuple(sorted((DEPLOY / "prometheus/tests").glob("*.yml")))
DASHBOARD_FILES = tuple(sorted((DEPLOY / "grafana/dashboards").glob("*.json")))
RUNBOOK = ROOT / "docs/runbook.md"

# What others export and the rules or dashboards read.
FOREIGN_METRICS = frozenset(
    {
        "up", "ALERTS", "alertmanager_notifications_failed_total",
        "process_resident_memory_bytes", "process_cpu_seconds_total",
    }
)  # fmt: skip
# What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "20s", "$__interval": "5s", "$job": ".+", "$instance": ".+"}


@cache
def read_yaml(path: Path) -> Any:
    """Return a YAML document."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    """Return every rule of every file, in order."""
    return [
        rule
        for path in RULE_FILES
        for group in read_yaml(path)["groups"]
        for rule in group["rules"]
    ]


def alerts() -> dict[str, dict[str, Any]]:
    """Return the alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded_names() -> set[str]:
    """Return the names of the recording rules."""
    return {rule["record"] for rule in rules() if "record" in rule}


def known_metrics() -> set[str]:
    """Return every series name that a scrape, a recording rule or Prometheus itself provides."""
    exported = set(FOREIGN_METRICS)
    for metric in CATALOGUE:
        suffixes = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        exported |= {metric.name + suffix for suffix in suffixes}
    return exported | recorded_names()


def dashboards() -> dict[str, dict[str, Any]]:
    """Return the dashboards by file name."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARD_FILES}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the panels of a dashboard without its rows."""
    found = []
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            found += panel.get("panels", [])
        else:
            found.append(panel)
    return found


def dashboard_queries(dashboard: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (where, expression) of every query: panels, annotations and variables."""
    queries = [
        (f"panel {panel['title']!r} {target['refId']}", target["expr"])
        for panel in panels(dashboard)
        for target in panel.get("targets", [])
    ]
    queries += [
        (f"annotation {annotation['name']!r}", annotation["expr"])
        for annotation in dashboard["annotations"]["list"]
    ]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            selector = re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]["query"])
            assert selector, f"expected label_values(SELECTOR, LABEL), received {variable['query']}"
            queries.append((f"variable {variable['name']!r}", selector[1]))
    return queries


def interpolated(expression: str) -> str:
    """Return an expression as Grafana sends it, every job and instance chosen."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """Return every vector selector of an expression; raises ValueError if it is no PromQL."""
    found = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        if isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)

    promql_parser.walk(promql_parser.parse(interpolated(expression)), visit)
    return found


def metric_names(expression: str) -> set[str]:
    """Return the series that an expression reads."""
    return {selector.name for selector in selectors(expression) if selector.name}


def seconds(duration: str) -> int:
    """Return a Prometheus duration such as `1m30s` in seconds."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    parts = re.findall(r"(\d+)([smhd])", duration)
    assert "".join(number + unit for number, unit in parts) == duration, duration
    return sum(int(number) * units[unit] for number, unit in parts)


def scraping_configuration(target: str) -> str:
    """Return a Prometheus configuration with the rules of deploy/ for one target.

    The scrape may take its time: tests share their machine.
    """
    return json.dumps(
        {
            "global": {
                "scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s",
            },
            "rule_files": [str(path) for path in RULE_FILES],
            "scrape_configs": [
                {"job_name": "loss-monitor", "static_configs": [{"targets": [target]}]}
            ],
        }
    )  # fmt: skip
