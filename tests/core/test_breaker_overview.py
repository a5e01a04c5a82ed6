"""Whether the venue followed a breaker, and whether a breaker still sees."""

import pytest

from monitor.core import events
from monitor.core.breaker_overview import FOLLOWED_WITHIN_NS, SILENT_AFTER_NS
from monitor.core.breaker_settings import (
    BreakerAction,
    FundingExtremeSettings,
    LiquidationRateSettings,
    PriceVelocitySettings,
)
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.core.view import BreakerView
from tests.builders import Journal


def tripped(action: BreakerAction = "halt") -> tuple[Journal, RiskEngine]:
    """Return an engine with a breaker on X that has just tripped."""
    rule = PriceVelocitySettings(
        name="fast", lookback_s=600, limit_ratio=0.1, halt_s=3_600, action=action
    )
    engine = RiskEngine(EngineSettings(breakers=(rule,)))
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.mark("X", "80")
    engine.apply(journal.take())
    return journal, engine


def view(engine: RiskEngine) -> BreakerView:
    (breaker,) = engine.view().breakers
    return breaker


def tell(engine: RiskEngine, journal: Journal, status: events.TradingStatus) -> None:
    event = events.TradingStatusChanged(
        event_ns=journal.now_ns, instrument="X", status=status, until_ns=None
    )
    engine.apply([event])


def tick(engine: RiskEngine, at_ns: int) -> None:
    engine.apply([events.ClockTicked(event_ns=at_ns)])


def test_a_venue_has_ten_seconds_to_follow() -> None:
    _, engine = tripped()
    changed_ns = view(engine).changed_ns
    assert view(engine).following == "waiting"
    tick(engine, changed_ns + FOLLOWED_WITHIN_NS)
    assert view(engine).following == "waiting"
    tick(engine, changed_ns + FOLLOWED_WITHIN_NS + 1)
    assert view(engine).following == "not_followed"


@pytest.mark.parametrize(
    ("action", "status", "following"),
    [
        ("halt", "halted", "followed"),
        ("halt", "closed", "followed"),
        ("halt", "reduce_only", "not_followed"),
        ("halt", "open", "not_followed"),
        ("reduce_only", "reduce_only", "followed"),
        ("reduce_only", "halted", "followed"),
        ("reduce_only", "open", "not_followed"),
        ("notify", "halted", None),
        ("margin_multiplier", "open", None),
    ],
)
def test_a_status_follows_an_action_or_does_not(
    action: BreakerAction, status: events.TradingStatus, following: str | None
) -> None:
    journal, engine = tripped(action)
    tell(engine, journal, status)
    tick(engine, view(engine).changed_ns + FOLLOWED_WITHIN_NS + 1)
    assert view(engine).following == following


def test_a_venue_that_opens_again_under_a_standing_trip_follows_no_longer() -> None:
    journal, engine = tripped()
    tell(engine, journal, "halted")
    assert view(engine).following == "followed"
    tick(engine, view(engine).changed_ns + FOLLOWED_WITHIN_NS + 1)
    tell(engine, journal, "open")
    assert view(engine).following == "not_followed"


def test_an_armed_breaker_asks_for_nothing() -> None:
    journal, engine = tripped()
    said = {"breaker": "fast", "reason": "looked at", "by": "me"}
    engine.apply([events.BreakerReset(event_ns=journal.now_ns, **said)])
    assert view(engine).following is None


def test_a_breaker_of_the_venue_has_no_status_to_follow() -> None:
    rule = LiquidationRateSettings(name="rate", lookback_s=60, limit_count=1, action="halt")
    engine = RiskEngine(EngineSettings(breakers=(rule,)))
    for _ in range(2):
        engine.venue.board.liquidation_started("X", None, 10**9)
    assert (view(engine).state, view(engine).following) == ("tripped", None)


def test_a_silent_mark_degrades_its_breaker_which_neither_trips_nor_disarms() -> None:
    journal, engine = tripped()
    told_ns = journal.now_ns
    tick(engine, view(engine).changed_ns + SILENT_AFTER_NS)
    assert view(engine).silent_since_ns is None
    tick(engine, told_ns + 2 * SILENT_AFTER_NS)
    silent_since_ns = view(engine).silent_since_ns
    assert silent_since_ns is not None
    assert silent_since_ns <= told_ns
    assert view(engine).state == "tripped"
    journal.now_ns = told_ns + 2 * SILENT_AFTER_NS
    journal.mark("X", "81")
    engine.apply(journal.take())
    assert view(engine).silent_since_ns is None


def test_a_rule_without_marks_is_not_degraded_by_their_silence() -> None:
    rule = FundingExtremeSettings(name="rate", limit_ratio=0.01)
    engine = RiskEngine(EngineSettings(breakers=(rule,)))
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    now_ns = journal.now_ns
    journal.add(
        events.FundingRateChanged(
            event_ns=now_ns, instrument="X", rate="0.001", next_funding_ns=now_ns + 1
        )
    )
    engine.apply(journal.take())
    tick(engine, now_ns + 10 * SILENT_AFTER_NS)
    assert view(engine).silent_since_ns is None
