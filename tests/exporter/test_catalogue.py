"""The catalogue: names, cost and closed sets."""

import re
from typing import get_args

import pytest

from monitor.core.decisions import BreakerState, State
from monitor.exporter.catalogue import BREAKER_STATES, CATALOGUE, SERIES_MAX
from monitor.exporter.catalogue_book import STATES
from monitor.exporter.metric import Metric
from monitor.exporter.readers import READERS
from monitor.exporter.readers_liquidations import DISTRIBUTIONS

NAME_OF_METRIC = [pytest.param(metric, id=metric.name) for metric in CATALOGUE]


def test_all_series_together_stay_below_the_bound() -> None:
    assert SERIES_MAX <= 5_000


def test_names_are_unique() -> None:
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("metric", NAME_OF_METRIC)
def test_a_name_follows_the_rules(metric: Metric) -> None:
    assert re.fullmatch(r"loss_monitor_[a-z0-9_]+[a-z0-9]", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.name.endswith("_info") == (metric.kind == "info")
    if metric.kind != "counter" and metric.unit in {"usd", "seconds", "ratio"}:
        assert metric.unit in metric.name
    assert not re.search(r"_(ms|percent|bps|age)(_|$)", metric.name)


@pytest.mark.parametrize("metric", NAME_OF_METRIC)
def test_no_label_can_carry_an_account(metric: Metric) -> None:
    assert not {"account", "owner", "liquidation_id", "decision_id"} & set(metric.labels)


@pytest.mark.parametrize("metric", NAME_OF_METRIC)
def test_help_is_a_sentence_and_closed_sets_fit(metric: Metric) -> None:
    assert metric.help.endswith(".")
    assert set(metric.values) <= set(metric.labels)
    for values in metric.values.values():
        assert len(values) <= metric.series_max
    assert (metric.kind == "histogram") == bool(metric.buckets)


def test_each_metric_of_the_view_has_its_reader_and_no_reader_is_left() -> None:
    of_the_view = {metric.name for metric in CATALOGUE if metric.source == "view"}
    assert of_the_view - {"loss_monitor_series_left_out"} == set(READERS) | DISTRIBUTIONS


def test_closed_sets_are_those_of_the_core() -> None:
    assert set(get_args(State)) == set(STATES)
    assert set(get_args(BreakerState)) == set(BREAKER_STATES)
