"""Dashboards: the rules of Grafana's dashboard-linter, and ours."""

import re
from typing import Any

import pytest

from monitor.exporter.catalogue import CATALOGUE
from tests.deploy.deployed import (
    DEPLOY,
    FOREIGN_METRICS,
    alerts,
    dashboard_queries,
    dashboards,
    known_metrics,
    metric_names,
    panels,
    read_yaml,
    rules,
    selectors,
)

DASHBOARDS = dashboards()
COUNTERS = {metric.name for metric in CATALOGUE if metric.kind == "counter"}
DATASOURCE = {"type": "prometheus", "uid": "$datasource"}
COLUMNS = 24
# Alerts stand above the dashboard's choice of job and instance.
ABOVE_THE_CHOICE = {"ALERTS"}

pytestmark = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=list(DASHBOARDS))


def variables(dashboard: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the template variables by name."""
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def targets(dashboard: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (panel, expression) of every query of a panel."""
    return [(where, text) for where, text in dashboard_queries(dashboard) if "panel" in where]


def test_it_has_an_address_of_its_own_and_cannot_be_edited(dashboard: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z-]{5,40}", dashboard["uid"])
    assert dashboard["editable"] is False
    assert "id" not in dashboard
    assert dashboard["title"]
    assert dashboard["description"]
    assert dashboard["timezone"] == "utc"


def test_it_has_exactly_one_choice_of_data_source(dashboard: dict[str, Any]) -> None:
    sources = [one for one in variables(dashboard).values() if one["type"] == "datasource"]
    assert [one["name"] for one in sources] == ["datasource"]
    assert sources[0]["label"] == "Data source"
    assert sources[0]["query"] == "prometheus"


@pytest.mark.parametrize("name", ["job", "instance"])
def test_job_and_instance_can_be_chosen(dashboard: dict[str, Any], name: str) -> None:
    variable = variables(dashboard)[name]
    assert variable["label"] == name.title()
    assert variable["datasource"] == DATASOURCE
    assert variable["multi"] is True
    assert variable["includeAll"] is True
    assert variable["allValue"] == ".+"
    assert variable["refresh"] == 2, "expected a choice that follows the time range"


def test_every_panel_says_what_it_shows_in_which_unit(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        assert panel["title"], panel["id"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        if panel["type"] == "alertlist":
            continue
        assert panel["datasource"] == DATASOURCE, panel["title"]
        assert panel["targets"], f"expected a query in {panel['title']}"
        for target in panel["targets"]:
            assert target["datasource"] == DATASOURCE, panel["title"]
            assert target["legendFormat"], panel["title"]


def test_panels_have_identities_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    everything = dashboard["panels"]
    identities = [panel["id"] for panel in everything]
    assert len(set(identities)) == len(identities)
    titles = [panel["title"] for panel in everything]
    assert len(set(titles)) == len(titles)
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS, panel["title"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies on another panel"
        taken |= cells


def test_every_query_is_promql_and_reads_only_what_exists(dashboard: dict[str, Any]) -> None:
    for where, expression in dashboard_queries(dashboard):
        unknown = metric_names(expression) - known_metrics()
        assert not unknown, f"{where}: expected metrics of the catalogue, received {unknown}"


def test_every_query_follows_the_choice_of_job_and_instance(dashboard: dict[str, Any]) -> None:
    for where, expression in dashboard_queries(dashboard):
        if "variable" in where:
            continue
        for selector in selectors(
            expression.replace('"$job"', '"J"').replace('"$instance"', '"I"')
        ):
            if selector.name in ABOVE_THE_CHOICE:
                continue
            matched = {str(matcher) for matcher in selector.matchers.matchers}
            assert {'job=~"J"', 'instance=~"I"'} <= matched, f"{where}: {selector.name}"


def test_rates_follow_the_zoom(dashboard: dict[str, Any]) -> None:
    for where, expression in targets(dashboard):
        for function, window in re.findall(r"\b(i?rate|increase)\(.*?\[([^\]]+)\]", expression):
            assert window == "$__rate_interval", f"{where}: {function}[{window}]"


def test_counters_are_shown_as_rates_and_summed(dashboard: dict[str, Any]) -> None:
    for where, expression in targets(dashboard):
        for name in metric_names(expression) & (COUNTERS | {"process_cpu_seconds_total"}):
            assert re.search(rf"(rate|increase)\({name}\b", expression), f"{where}: {name}"
            assert "sum" in expression, f"{where}: {name}"


def test_the_state_of_the_exchange_comes_first(dashboard: dict[str, Any]) -> None:
    rows = [panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"]
    assert rows[0] == "State"
    second = next(p["gridPos"]["y"] for p in dashboard["panels"] if p["title"] == rows[1])
    titles = [p["title"] for p in dashboard["panels"] if 0 < p["gridPos"]["y"] < second]
    for title in ("Monitor", "Breakers tripped", "Insurance funds", "Accounts by state",
                  "Oldest feed", "Alerts"):  # fmt: skip
        assert title in titles


def test_alerts_are_listed_and_decisions_annotated(dashboard: dict[str, Any]) -> None:
    lists = [panel for panel in panels(dashboard) if panel["type"] == "alertlist"]
    assert [panel["options"]["datasource"] for panel in lists] == ["Prometheus"]
    decisions = dashboard["annotations"]["list"][0]
    assert decisions["datasource"] == DATASOURCE
    assert decisions["enable"] is True
    assert "loss_monitor_decisions_total" in metric_names(decisions["expr"])


def test_it_leads_to_the_console_and_the_runbook(dashboard: dict[str, Any]) -> None:
    links = {link["title"]: link["url"] for link in dashboard["links"]}
    assert links["Console"] == "http://127.0.0.1:8080/"
    mounted = read_yaml(DEPLOY / "compose.yaml")["services"]["grafana"]["volumes"]
    assert f"../docs/runbook.md:/usr/share/grafana{links['Runbook']}:ro" in mounted


def test_a_figure_that_calls_for_an_act_has_a_panel(dashboard: dict[str, Any]) -> None:
    recorded = {one["record"]: metric_names(one["expr"]) for one in rules() if "record" in one}

    def exported(expression: str) -> set[str]:
        names = metric_names(expression)
        return names.union(*(recorded.get(name, set()) for name in names)) - FOREIGN_METRICS

    shown = set().union(*(exported(text) for _, text in targets(dashboard)))
    for name, rule in alerts().items():
        read = exported(rule["expr"])
        assert not read or read & shown, f"expected a panel about {name}: {read}"


def test_the_provisioned_sources_and_folder_are_those_it_names(dashboard: dict[str, Any]) -> None:
    provisioning = DEPLOY / "grafana/provisioning"
    sources = read_yaml(provisioning / "datasources/loss-monitor.yml")["datasources"]
    assert {source["type"] for source in sources} == {"prometheus", "alertmanager"}
    assert variables(dashboard)["datasource"]["current"]["value"] in {
        source["uid"] for source in sources
    }
    prometheus, alertmanager = sources
    assert prometheus["jsonData"]["alertmanagerUid"] == alertmanager["uid"]
    (provider,) = read_yaml(provisioning / "dashboards/loss-monitor.yml")["providers"]
    mounted = read_yaml(DEPLOY / "compose.yaml")["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounted
    assert provider["allowUiUpdates"] is False
