"""Liquidations of a lookback: against all of them kept, and through the engine."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core import events
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
            rule.observe(now_ns, None)
        held = [begun for begun in beginnings if now_ns - 10 <= begun <= now_ns]
        assert rule.measure(now_ns).value == len(held)
        restored.restore(rule.export_state())
        assert restored.measure(now_ns) == rule.measure(now_ns)


Amounts = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 9)), max_size=12).map(sorted)


@given(Amounts, Amounts)
def test_the_share_is_that_of_all_liquidations_and_trades(
    begun: list[tuple[int, int]], traded: list[tuple[int, int]]
) -> None:
    own = settings(lookback_s=1.2e-7, limit_count=None, limit_volume_ratio=0.5, volume_min_usd=3)
    rule, restored = LiquidationRate(own), LiquidationRate(own)
    for now_ns in range(250):
        for _, amount in (one for one in begun if one[0] == now_ns):
            rule.observe(now_ns, Fraction(amount))
        for _, amount in (one for one in traded if one[0] == now_ns):
            rule.observe_trade(now_ns, Fraction(amount))
        liquidated = sum(amount for at, amount in begun if now_ns - 120 <= at <= now_ns)
        # a trade counts while the beginning of its step, of 2 ns here, is inside
        held = (one for one in traded if now_ns - 120 <= one[0] - one[0] % 2 and one[0] <= now_ns)
        volume = sum(amount for _, amount in held)
        wanted = Fraction(liquidated, volume) if volume >= 3 else Fraction(0)
        assert rule.measure(now_ns).value == wanted
        restored.restore(rule.export_state())
        assert restored.measure(now_ns) == rule.measure(now_ns)


def test_trades_that_leave_the_window_trip_without_an_event() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.balance("ann", "10")
    journal.position("ann", "X", "1", "100")
    start_ns = journal.now_ns
    for contracts in ("10", "2"):
        traded = events.TradePrinted(
            event_ns=journal.now_ns, instrument="X", price="100", size=contracts, aggressor="buy"
        )
        journal.add(traded)
        journal.wait(5)
    journal.mark("X", "85")
    journal.liquidation("started", "ann", "X", "-1")
    journal.wait(1)
    journal.tick()
    # 85 of 1,200, until those 1,000 are 10 s old: 85 of 200
    share = settings(limit_count=None, limit_volume_ratio=0.3)
    assert start_ns % share.lookback_s == 0
    assert trips(journal, share) == [("rate", "venue", "0.425")]
    assert trips(journal, settings(limit_count=None, limit_volume_ratio=0.425)) == []


def test_a_notional_is_that_at_the_mark() -> None:
    by_worth = settings(limit_count=None, limit_usd=180, scope="instrument")
    assert trips(liquidations(), by_worth) == []
    assert trips(liquidations(), settings(limit_count=None, limit_usd=269)) == [
        ("rate", "venue", "270")
    ]


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
