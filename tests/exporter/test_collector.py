"""The collector over a view and measurements, read back with Prometheus's own parser."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitor.core.view import RiskView
from monitor.exporter.catalogue import CATALOGUE, INSTRUMENTS_MAX, SERIES_MAX
from monitor.exporter.collector import (
    SAMPLES_BETWEEN_PAUSES,
    RiskCollector,
    declared_measurements,
)
from monitor.runtime.measurements import Measurements
from tests.api.crash_ladders import CrashLadders
from tests.exporter.views import NOW_NS, breaker_view, fund_view, instrument_view, view_of

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def text_of(
    view: RiskView,
    measurements: Measurements | None = None,
    pause: Callable[[], object] = lambda: None,
) -> str:
    """Return what /metrics would say."""
    registry = CollectorRegistry(auto_describe=False)
    measurements = measurements or Measurements(declared_measurements())
    registry.register(RiskCollector(lambda: view, measurements, pause=pause))
    return generate_latest(registry).decode()


def samples_of(text: str) -> Samples:
    """Return every series of a text; two of one name and labels are an error."""
    samples: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in samples, f"expected each series once, received {key} twice"
            samples[key] = sample.value
    return samples


def value_of(samples: Samples, name: str, **labels: str) -> float | None:
    """Return one series of a metric, None if it is absent."""
    return samples.get((f"loss_monitor_{name}", frozenset(labels.items())))


def test_the_largest_exchange_stays_below_the_stated_number_of_series() -> None:
    samples = samples_of(text_of(view_of(INSTRUMENTS_MAX)))
    assert 3_500 < len(samples) <= SERIES_MAX


def test_values_of_the_view_appear_with_their_labels() -> None:
    samples = samples_of(text_of(view_of(2)))
    assert value_of(samples, "insurance_fund_balance_usd", fund="main") == 1_000.0
    assert value_of(samples, "insurance_fund_drawn_total", fund="main", asset="USDT") == 40.0
    assert value_of(samples, "shortfall_usd", fund="main") == 50.0
    assert value_of(samples, "socialized_loss_usd", fund="main") == 10.0
    assert value_of(samples, "liquidation_inventory_loss_usd", fund="main") == 70.0
    assert value_of(samples, "liquidation_inventory_gain_usd", fund="main") == 7.0
    assert value_of(samples, "liquidation_inventory_notional_usd", fund="main") == 500.0
    assert value_of(samples, "accounts", state="bankrupt") == 2.0
    assert value_of(samples, "margin_shortfall_usd") == 123.5
    instrument = "COIN0001-PERP"
    assert value_of(samples, "open_interest_contracts", instrument=instrument, side="short") == 4.0
    assert value_of(samples, "mark_price_timestamp_seconds", instrument=instrument) == NOW_NS / 1e9
    deviation = value_of(samples, "mark_index_deviation_ratio", instrument=instrument)
    assert deviation == pytest.approx(0.01)
    assert value_of(samples, "oracle_deviation_ratio", index="BTCUSD", oracle="pyth") == -0.01
    assert value_of(samples, "feed_lost", feed="binance") == 1.0
    armed = {"breaker": "velocity", "scope": instrument, "state": "armed"}
    assert value_of(samples, "breaker_state", **armed) == 1.0
    assert value_of(samples, "breaker_scopes", breaker="velocity", state="armed") == 2.0


def test_the_ladders_tell_their_age_and_what_is_left_out() -> None:
    ladders = CrashLadders(
        as_of_ns=NOW_NS, refreshed_ns=NOW_NS - 30 * 10**9, mark_price=100.0, fallen=0.0
    )
    samples = samples_of(text_of(RiskView(ladders=ladders)))
    assert value_of(samples, "ladder_timestamp_seconds") == NOW_NS / 1e9
    assert value_of(samples, "ladder_refresh_timestamp_seconds") == NOW_NS / 1e9 - 30
    standings = ("placed", "liquidatable", "unknown", "exact_only")
    units = [value_of(samples, "ladder_units", standing=standing) for standing in standings]
    assert units == [1_900.0, 60.0, 7.0, 31.0]
    assert value_of(samples_of(text_of(RiskView())), "ladder_timestamp_seconds") == 0.0  # not yet


def test_closed_sets_stand_at_zero_from_the_start() -> None:
    samples = samples_of(text_of(RiskView()))
    assert value_of(samples, "accounts", state="liquidatable") == 0.0
    assert value_of(samples, "decisions_total", kind="loss_socialized") == 0.0
    assert value_of(samples, "events_total", type="trade_printed") == 0.0
    assert value_of(samples, "kafka_connected") == 0.0
    assert value_of(samples, "decision_latency_seconds_count") == 0.0


def test_what_is_unknown_is_absent() -> None:
    view = RiskView(funds=(fund_view("coins", balance_usd=None),))
    samples = samples_of(text_of(view))
    assert value_of(samples, "insurance_fund_balance_usd", fund="coins") is None
    assert value_of(samples, "redis_connected") is None
    assert value_of(samples, "insurance_fund_drawn_total", fund="coins", asset="USDT") is not None
    unheard = RiskView(funds=(fund_view("coins", balance=None, balance_usd=None),))
    assert "insurance_fund_" not in "".join(
        line for line in text_of(unheard).splitlines() if "coins" in line
    )
    nan = RiskView(margin_shortfall_usd=float("nan"))
    assert value_of(samples_of(text_of(nan)), "margin_shortfall_usd") is None


def test_measurements_appear() -> None:
    measurements = Measurements(declared_measurements())
    measurements.increase("loss_monitor_quarantined_total", "bad_number", by=3)
    measurements.observe("loss_monitor_decision_latency_seconds", 0.004)
    measurements.set_to("loss_monitor_build_info", 1, "1.2.3", "3.11")
    samples = samples_of(text_of(RiskView(), measurements))
    assert value_of(samples, "quarantined_total", reason="bad_number") == 3.0
    assert value_of(samples, "decision_latency_seconds_bucket", le="0.0025") == 0.0
    assert value_of(samples, "decision_latency_seconds_bucket", le="0.005") == 1.0
    assert value_of(samples, "decision_latency_seconds_sum") == 0.004
    assert value_of(samples, "build_info", version="1.2.3", python="3.11") == 1.0


def test_beyond_the_largest_number_the_smallest_are_left_out_and_counted() -> None:
    many = [instrument_view(f"SMALL{number}", open_interest_usd=1.0) for number in range(500)]
    view = RiskView(instruments=(*many, instrument_view("LARGE", open_interest_usd=1e9)))
    samples = samples_of(text_of(view))
    assert value_of(samples, "open_interest_usd", instrument="LARGE") == 1e9
    names = [name for name, _ in samples if name == "loss_monitor_open_interest_usd"]
    assert len(names) == INSTRUMENTS_MAX
    left_out = value_of(samples, "series_left_out")
    assert left_out is not None
    assert left_out >= 101


def test_a_tripped_breaker_is_never_left_out() -> None:
    armed = [breaker_view(f"COIN{number:04d}", measured=0.09) for number in range(1_000)]
    view = RiskView(breakers=(*armed, breaker_view("ZZZ", state="tripped", measured=0.0)))
    samples = samples_of(text_of(view))
    tripped = {"breaker": "velocity", "scope": "ZZZ"}
    assert value_of(samples, "breaker_state", **tripped, state="tripped") == 1.0
    assert value_of(samples, "breaker_extended", **tripped) == 0.0
    assert value_of(samples, "breaker_scopes", breaker="velocity", state="armed") == 1_000.0


def test_of_a_breaker_only_the_nearest_scope_tells_how_much_of_the_limit_is_used() -> None:
    far = [breaker_view(f"COIN{number:04d}", measured=0.01) for number in range(1_000)]
    view = RiskView(breakers=(*far, breaker_view("ZZZ", measured=0.05)))
    samples = samples_of(text_of(view))
    ratio = "breaker_limit_used_ratio"
    assert value_of(samples, ratio, breaker="velocity", scope="ZZZ") == 0.5
    assert value_of(samples, ratio, breaker="velocity", scope="COIN0000") is None


def test_the_writer_pauses_between_slices_of_samples() -> None:
    pauses: list[None] = []
    text = text_of(view_of(INSTRUMENTS_MAX), pause=lambda: pauses.append(None))
    assert len(pauses) >= len(samples_of(text)) // SAMPLES_BETWEEN_PAUSES


@settings(max_examples=60, deadline=None)
@given(names=strategies.lists(strategies.text(max_size=200), min_size=1, max_size=5, unique=True))
def test_no_name_from_outside_can_break_a_scrape(names: list[str]) -> None:
    view = RiskView(instruments=tuple(instrument_view(name) for name in names))
    samples = samples_of(text_of(view))
    found = [name for name, _ in samples if name == "loss_monitor_mark_price"]
    assert len(found) == len(names)


@pytest.mark.parametrize("name", ["\ud800", 'a"} 1\nx{', "x" * 100_000, "\x00", "Ω-PERP"])
def test_a_hostile_name_is_made_harmless(name: str) -> None:
    text = text_of(RiskView(instruments=(instrument_view(name),)))
    values = [
        dict(labels)["instrument"]
        for sample, labels in samples_of(text)
        if sample == "loss_monitor_mark_price"
    ]
    assert len(values) == 1
    assert values[0].isascii()
    assert len(values[0]) <= 64


def test_promtool_accepts_the_text(promtool: Path) -> None:
    text = text_of(view_of(5))
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=text.encode(), capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr.decode() + checked.stdout.decode()


def test_help_and_type_of_every_metric_are_there() -> None:
    lines = text_of(view_of(1)).splitlines()
    for metric in CATALOGUE:
        kind = "gauge" if metric.kind == "info" else metric.kind
        assert f"# TYPE {metric.name} {kind}" in lines
