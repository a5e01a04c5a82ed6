"""The breakers together: who may be reset, and what survives a restart."""

from monitor.core import events
from monitor.core.breaker_settings import (
    FeedOutageSettings,
    FundBelowMeanSettings,
    FundDrawdownSettings,
    FundingExtremeSettings,
    LiquidationRateSettings,
    MarkIndexDivergenceSettings,
    PriceVelocitySettings,
)
from monitor.core.breakers.board import BreakerBoard
from monitor.core.decisions import BreakerTripped, Decision
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
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


def test_a_reload_keeps_the_window_of_an_unchanged_rule_and_begins_a_changed_one_anew() -> None:
    def rule(name: str, limit_ratio: float) -> PriceVelocitySettings:
        return PriceVelocitySettings(name=name, lookback_s=60, limit_ratio=limit_ratio)

    def mark(price: str, second: int) -> list[tuple[str, str]]:
        now_ns = second * 1_000_000_000
        event = events.MarkPriceChanged(event_ns=now_ns, instrument="X", price=price)
        decisions = board.mark_changed(event, now_ns)
        return [(decision.kind, getattr(decision, "breaker", "")) for decision in decisions]

    board = BreakerBoard((rule("kept", 0.1), rule("changed", 0.1), rule("removed", 0.1)))
    assert mark("100", 1) == []
    board.configure((rule("kept", 0.1), rule("changed", 0.15), rule("added", 0.1)))
    assert mark("80", 2) == [("breaker_tripped", "kept")]  # the others saw nothing before
    assert mark("60", 3) == [("breaker_tripped", "changed"), ("breaker_tripped", "added")]


def test_a_reset_names_a_configured_breaker() -> None:
    engine = tripped()
    reset = events.BreakerReset(event_ns=10**19 // 10, breaker="fats", reason="typo", by="me")
    engine.apply([reset])
    (refused,) = engine.take_refused()
    assert refused.detail == (
        "breaker_reset: expected a configured breaker (fast), received 'fats'"
    )


FUND_RULES = EngineSettings(
    breakers=(
        FundDrawdownSettings(name="drawdown", fund="main", release_ratio=0.25, cool_off_s=60),
        FundDrawdownSettings(name="each", fund="main", scope="instrument", limit_ratio=0.2),
        FundBelowMeanSettings(name="mean", fund="main", drop_ratio=0.4, drop_min=100),
    )
)


def falling_fund() -> list[events.AnyEvent]:
    """Return a fund of 1,000 that two instruments draw on, and a withdrawal from it."""
    journal = Journal()
    for name in ("ETH-PERP", "BTC-PERP"):
        journal.list_instrument(name, fund="main")
    journal.fund("other", "5")
    for balance, reason, instrument in (
        ("1000", "deposit", None),
        ("850", "liquidation", "ETH-PERP"),
        ("700", "liquidation", "BTC-PERP"),
        ("640", "liquidation", "ETH-PERP"),
        ("470", "withdrawal", None),
        ("600", "fee", None),
    ):
        journal.fund("main", balance, reason=reason, instrument=instrument)
        journal.now_ns += 10 * 10**9
    journal.now_ns += 60 * 10**9
    journal.fund("other", "4")
    return journal.events


def told(engine: RiskEngine, sequence: list[events.AnyEvent]) -> list[tuple[object, ...]]:
    """Return (kind, breaker, scope, measured, limit) of every decision."""
    fields = ("kind", "breaker", "scope", "measured", "limit")
    return [
        tuple(getattr(decision, field, None) for field in fields)
        for event in sequence
        for _, decision in engine.apply([event])
    ]


def test_a_fund_trips_its_breakers_and_those_of_its_instruments() -> None:
    assert told(RiskEngine(FUND_RULES), falling_fund()) == [
        ("breaker_tripped", "drawdown", "main", "0.36", "0.3"),
        ("breaker_tripped", "each", "ETH-PERP", "0.21", "0.2"),
        # The mean of 40 s is 797.5, 60 % of it 478.5: it comes down to 470 before the next event.
        ("breaker_tripped", "mean", "main", "470", "478.5"),
        ("breaker_cooling", "mean", "main", None, None),
        ("breaker_cooling", "drawdown", "main", None, None),
        ("breaker_rearmed", "drawdown", "main", None, None),
    ]


def test_a_restart_in_the_middle_changes_nothing_for_a_fund() -> None:
    sequence = falling_fund()
    for number in range(len(sequence)):
        steady = RiskEngine(FUND_RULES)
        told(steady, sequence[:number])
        restored = RiskEngine.from_state(steady.export_state(), FUND_RULES)
        assert told(restored, sequence[number:]) == told(steady, sequence[number:])
        assert restored.state_hash() == steady.state_hash()


def test_a_delisted_instrument_takes_its_breaker_along_and_the_fund_keeps_its_own() -> None:
    engine = RiskEngine(FUND_RULES)
    sequence = falling_fund()
    told(engine, sequence)
    gone = events.InstrumentDelisted(event_ns=sequence[-1].event_ns, instrument="ETH-PERP")
    engine.apply([gone])
    scopes = {(one.breaker, one.scope) for one in engine.view().breakers}
    assert scopes == {("drawdown", "main"), ("mean", "main"), ("each", "BTC-PERP")}


def test_the_nearness_of_a_lowest_limit_is_limit_over_measured() -> None:
    engine = RiskEngine(FUND_RULES)
    told(engine, falling_fund()[:4])  # 1,000 and nothing else yet
    (mean,) = [one for one in engine.view().breakers if one.breaker == "mean"]
    assert (mean.measured, mean.limit, mean.limit_used_ratio) == (1_000.0, 600.0, 0.6)


def test_indices_and_funding_rates_reach_only_the_rules_that_read_them() -> None:
    apart = MarkIndexDivergenceSettings(name="apart", limit_ratio=0.05)
    extreme = FundingExtremeSettings(name="extreme", scope="X", limit_ratio=0.003)
    journal = Journal()
    for name, index in (("X", "BTCUSD"), ("Y", "ETHUSD")):
        journal.list_instrument(name, index=index)
        journal.mark(name, "100")
        journal.index(index, "100")
    journal.index("BTCUSD", "106")
    for name in ("X", "Y"):
        for rate in ("0.0001", "0.004"):
            journal.add(
                events.FundingRateChanged(
                    event_ns=journal.now_ns,
                    instrument=name,
                    rate=rate,
                    next_funding_ns=10**19 // 10,
                )
            )
    engine = RiskEngine(EngineSettings(breakers=(apart, extreme)))
    assert told(engine, journal.events) == [
        ("breaker_tripped", "apart", "X", "0.0566037735849", "0.05"),
        ("breaker_tripped", "extreme", "X", "0.004", "0.003"),
    ]


def test_a_reload_keeps_the_window_of_a_rule_that_is_unchanged() -> None:
    kept = PriceVelocitySettings(name="kept", lookback_s=60, limit_ratio=0.1)
    other = PriceVelocitySettings(name="other", lookback_s=60, limit_ratio=0.1)
    changed = PriceVelocitySettings(name="other", lookback_s=60, limit_ratio=0.12)
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    engine = RiskEngine(
        EngineSettings(breakers=(kept, other)),
        parse_settings=lambda _: EngineSettings(breakers=(kept, changed)),
    )
    engine.apply(journal.take())
    reload = events.ConfigurationChanged(event_ns=journal.now_ns, hash="0" * 64, text="")
    engine.apply([reload])
    journal.mark("X", "85")  # the first mark that `other` sees
    assert [line[1] for line in told(engine, journal.take())] == ["kept"]


def test_a_reset_of_one_scope_leaves_the_others_as_they_are() -> None:
    journal = Journal()
    for name in ("X", "Y"):
        journal.list_instrument(name)
        journal.mark(name, "100")
        journal.mark(name, "80")
    engine = RiskEngine(settings(0.1))
    engine.apply(journal.take())
    said = {"breaker": "fast", "reason": "looked at", "by": "me"}
    reset = events.BreakerReset(event_ns=journal.now_ns, scope="Y", **said)
    (rearmed,) = [decision for _, decision in engine.apply([reset])]
    assert (rearmed.kind, rearmed.scope) == ("breaker_rearmed", "Y")  # type: ignore[attr-defined]
    assert {one.scope: one.state for one in engine.view().breakers} == {
        "X": "tripped",
        "Y": "armed",
    }
    engine.apply([events.BreakerReset(event_ns=journal.now_ns, scope="Z", **said)])
    (refused,) = engine.take_refused()
    assert refused.detail == "breaker_reset: expected a scope of fast (X, Y), received 'Z'"


def test_a_trip_names_its_window_and_the_events_that_bound_it() -> None:
    journal = Journal()
    journal.list_instrument("X")
    start_ns = journal.now_ns
    for second, price in ((1, "100"), (2, "104"), (3, "104"), (4, "93")):
        journal.now_ns = start_ns + second * 10**9
        journal.mark("X", price)
    (tripped_,) = [one for _, one in RiskEngine(settings(0.1)).apply(journal.events)]
    assert isinstance(tripped_, BreakerTripped)
    assert tripped_.window_start_ns == start_ns + 4 * 10**9 - 60 * 10**9
    assert [(one.role, one.event_ns - start_ns, one.value) for one in tripped_.bounds] == [
        ("extreme", 3 * 10**9, "104"),
        ("newest", 4 * 10**9, "93"),
    ]


def test_a_rate_names_the_first_and_the_last_of_its_window() -> None:
    board = BreakerBoard((LiquidationRateSettings(name="rate", lookback_s=60, limit_count=2),))
    decisions: list[Decision] = []
    for second in (1, 100, 110, 120):
        decisions += board.liquidation_started("X", None, second * 10**9)
    (tripped_,) = decisions
    assert isinstance(tripped_, BreakerTripped)
    assert [(one.role, one.event_ns, one.value) for one in tripped_.bounds] == [
        ("first", 100 * 10**9, "1"),
        ("last", 120 * 10**9, "1"),
    ]


def test_a_rule_without_a_lookback_has_no_window() -> None:
    board = BreakerBoard((FeedOutageSettings(name="outage", limit_s=5),))
    board.feed_changed(events.FeedLost(event_ns=10**9, feed="f", reason="silence"), 10**9)
    timer = board.next_timer()
    assert timer is not None
    (tripped_,) = board.fire(timer[2], timer[0])
    assert isinstance(tripped_, BreakerTripped)
    assert tripped_.window_start_ns is None
    assert [(one.role, one.event_ns) for one in tripped_.bounds] == [("first", 10**9)]
