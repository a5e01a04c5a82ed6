"""The breakers together: who may be reset, and what survives a restart."""

from monitor.core import events
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings, PriceVelocitySettings
from tests.builders import Journal


def settings(limit_ratio: float) -> EngineSettings:
    fast = PriceVelocitySettings(name="fast", lookback_s=60, limit_ratio=limit_ratio)
    return EngineSettings(breakers=(fast,))


def tripped() -> RiskEngine:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.mark("X", "80")
    engine = RiskEngine(settings(0.1))
    assert [decision.kind for _, decision in engine.apply(journal.events)] == ["breaker_tripped"]
    return engine


def states(engine: RiskEngine) -> list[str]:
    return [breaker.state for breaker in engine.view().breakers]


def test_a_restart_keeps_a_breaker_whose_rule_is_the_same() -> None:
    engine = tripped()
    restored = RiskEngine.from_state(engine.export_state(), settings(0.1))
    assert states(restored) == ["tripped"]
    assert restored.state_hash() == engine.state_hash()


def test_a_restart_with_another_rule_begins_armed_as_a_reload_does() -> None:
    assert states(RiskEngine.from_state(tripped().export_state(), settings(0.3))) == []


def test_a_reset_names_a_configured_breaker() -> None:
    engine = tripped()
    reset = events.BreakerReset(event_ns=10**19 // 10, breaker="fats", reason="typo", by="me")
    engine.apply([reset])
    (refused,) = engine.take_refused()
    assert refused.detail == (
        "breaker_reset: expected a configured breaker (fast), received 'fats'"
    )
