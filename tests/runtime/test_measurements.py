"""Counters, gauges and histograms of the running parts."""

import pytest

from monitor.runtime.measurements import (
    CHILDREN_MAX,
    Distribution,
    Measurements,
    UndeclaredMeasurementError,
)


def test_a_counter_adds_up_by_label() -> None:
    measurements = Measurements()
    measurements.increase("refused_total", "bad_number")
    measurements.increase("refused_total", "bad_number", by=2)
    measurements.increase("refused_total", "bad_json")
    assert measurements.children("refused_total") == {("bad_number",): 3.0, ("bad_json",): 1.0}


def test_a_gauge_keeps_the_last_value_and_can_be_removed() -> None:
    measurements = Measurements()
    measurements.set_to("connected", 1)
    measurements.set_to("connected", 0)
    assert measurements.children("connected") == {(): 0.0}
    measurements.remove("connected")
    assert measurements.children("connected") == {}
    assert measurements.value("connected") == 0.0


def test_an_observation_at_a_bound_counts_below_it() -> None:
    distribution = Distribution((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        distribution.observe(value)
    assert distribution.cumulative() == [2, 3, 4]
    assert distribution.sum == 12.0


def test_a_declared_histogram_has_its_own_bounds() -> None:
    measurements = Measurements({"latency_seconds": (0.5,)})
    measurements.observe("latency_seconds", 0.2)
    distribution = measurements.distribution("latency_seconds")
    assert distribution is not None
    assert distribution.bounds == (0.5,)
    assert measurements.distribution("other_seconds") is None


def test_an_undeclared_name_is_a_programmers_error() -> None:
    measurements = Measurements({"known_total": ()})
    measurements.increase("known_total")
    for touch in (measurements.increase, lambda name: measurements.observe(name, 1.0)):
        with pytest.raises(UndeclaredMeasurementError, match="misspelt_total"):
            touch("misspelt_total")


def test_label_values_beyond_the_bound_count_as_other() -> None:
    measurements = Measurements()
    for number in range(CHILDREN_MAX + 10):
        measurements.increase("refused_total", str(number))
    children = measurements.children("refused_total")
    assert len(children) == CHILDREN_MAX + 1
    assert children[("other",)] == 10.0
