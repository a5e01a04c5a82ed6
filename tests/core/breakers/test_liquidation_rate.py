"""Liquidations of a lookback: against all of them kept, and through the engine."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.breaker_settings import LiquidationRateSettings, ShortfallSettings
from monitor.core.breakers.liquidation_rate import LiquidationRate
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import Journal


def settings(**changes: Any) -> LiquidationRateSettings:
    own = {"lookback_s": 10.0, "limit_count": 2, "cool_off_s": 0, **changes}
    return LiquidationRateSettings(name="rate", **own)


@given(st.lists(st.integers(0, 40), max_size=12).map(sorted))
def test_the_measure_is_that_of_all_liquidations(beginnings: list[int]) -> None:
    rule, restored = (LiquidationRate(settings(lookback_s=1e-8)) for _ in range(2))
    for now_ns in range(60):
        for _ in range(beginnings.count(now_ns)):
            rule.observe(now_ns)
        held = [begun for begun in beginnings if now_ns - 10 <= begun <= now_ns]
        assert rule.measure(now_ns).value == len(held)
        restored.restore(rule.export_state())
        assert restored.measure(now_ns) == rule.measure(now_ns)


def liquidations() -> Journal:
    """Return three liquidations in 2 s: two in `X`, one in `Y`; the last leaves a shortfall."""
    journal = Journal()
    for name in ("X", "Y"):
        journal.list_instrument(name)
        journal.mark(name, "100")
    for number, name in enumerate(("X", "Y", "X")):
        account = f"ann{number}"
        journal.balance(account, "10")
        journal.position(account, name, "1", "100")
    journal.mark("X", "85")
    for number, name in enumerate(("X", "Y", "X")):
        journal.liquidation("started", f"ann{number}", name, "-1", liquidation_id=f"L{number}")
        journal.wait(1)
    return journal


def trips(journal: Journal, *rules: Any) -> list[tuple[str, str, str]]:
    """Return (breaker, scope, measured) of every trip."""
    engine = RiskEngine(EngineSettings(breakers=rules))
    made = [one for event in journal.events for _, one in engine.apply([event])]
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()
    return [
        (one.breaker, one.scope, one.measured)  # type: ignore[attr-defined]
        for one in made
        if one.kind == "breaker_tripped"
    ]


def test_the_venue_and_each_instrument_count_on_their_own() -> None:
    each = LiquidationRateSettings(name="each", scope="instrument", lookback_s=10, limit_count=1)
    found = trips(liquidations(), settings(), each)
    assert sorted(found) == [("each", "X", "2"), ("rate", "venue", "3")]
    assert trips(liquidations(), settings(lookback_s=0.5)) == []


def test_a_shortfall_reaches_its_breakers_when_the_liquidation_ends() -> None:
    journal = liquidations()
    journal.liquidation("filled", "ann2", "X", "-1", price="85", liquidation_id="L2")
    journal.position("ann2", "X", "0")
    journal.balance("ann2", "-5")
    journal.liquidation("finished", "ann2", "X", "-1", price="85", liquidation_id="L2")
    sums = ShortfallSettings(name="sum", lookback_s=60, limit_usd=4)
    each = ShortfallSettings(name="each", scope="instrument", lookback_s=60, limit_usd=5)
    assert trips(journal, sums, each) == [("sum", "venue", "5")]
