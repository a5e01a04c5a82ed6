"""The metrics of shadow deleveraging."""

from dataclasses import replace

from monitor.core.view import RiskView
from tests.api.crash_shadow import CrashShadow
from tests.exporter.test_collector import samples_of, text_of, value_of

SHADOW = CrashShadow(as_of_ns=1_700_000_000 * 10**9, needed_usd=1_000.0)


def test_the_worst_sides_tell_what_could_be_closed() -> None:
    samples = samples_of(text_of(RiskView(shadows=(SHADOW,))))
    of = {"instrument": "BTC-PERP", "side": "long"}
    assert value_of(samples, "deleveraging_feasible_ratio", **of) == 0.5
    assert (
        value_of(samples, "shadow_side_equity_fraction_max_ratio", **of, rule="configured") == 0.42
    )
    assert value_of(samples, "shadow_timestamp_seconds") == 1_700_000_000.0


def test_the_venue_s_rule_stands_beside_the_best() -> None:
    samples = samples_of(text_of(RiskView(shadows=(replace(SHADOW, stress=0.1), SHADOW))))
    told = [
        value_of(samples, f"shadow_{name}", rule=rule)
        for name in ("collected_usd", "accounts_touched", "hedges_broken")
        for rule in ("configured", "best")
    ]
    assert told == [1_000.0, 1_000.0, 3.0, 9.0, 2.0, 0.0]
    overshoot = value_of(samples, "shadow_overshoot_usd", rule="configured", after_s="5")
    assert overshoot == 100_000.0


def test_a_yardstick_as_the_venue_s_rule_has_no_plan_and_no_round_says_nothing() -> None:
    samples = samples_of(text_of(RiskView(shadows=(replace(SHADOW, configured="minmax"),))))
    assert value_of(samples, "shadow_collected_usd", rule="configured") == 0.0
    nothing = samples_of(text_of(RiskView(shadows=(replace(SHADOW, stress=0.1),))))
    side = {"instrument": "BTC-PERP", "side": "long"}
    assert value_of(nothing, "deleveraging_feasible_ratio", **side) is None
