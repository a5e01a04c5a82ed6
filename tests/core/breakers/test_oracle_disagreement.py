"""Outside prices against the exchange's index, through the engine."""

from collections.abc import Sequence
from typing import Any

from monitor.core import events
from monitor.core.breaker_settings import OracleDisagreementSettings
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import Journal


def engine(**changes: Any) -> RiskEngine:
    own = {"limit_ratio": 0.03, "cool_off_s": 0, **changes}
    return RiskEngine(EngineSettings(breakers=(OracleDisagreementSettings(name="o", **own),)))


def prices(*told: tuple[str, str]) -> list[events.AnyEvent]:
    """Return index prices of `BTCUSD` as (source, price), a second apart."""
    journal = Journal()
    for source, price in told:
        journal.index("BTCUSD", price, source=source)
        journal.wait(1)
    return journal.events


def told(run: RiskEngine, sequence: Sequence[events.Event]) -> list[tuple[str, str, str | None]]:
    """Return (kind, scope, measured) of every decision."""
    made = [decision for event in sequence for _, decision in run.apply([event])]
    return [
        (one.kind, str(getattr(one, "scope", "")), getattr(one, "measured", None)) for one in made
    ]


TRIP = ("breaker_tripped", "BTCUSD", "0.031")
BACK = [("breaker_cooling", "BTCUSD", None), ("breaker_rearmed", "BTCUSD", None)]


def test_the_farthest_source_trips_strictly_beyond_the_limit() -> None:
    sequence = prices(
        ("exchange", "100"), ("a", "100"), ("b", "100"), ("b", "97"), ("b", "96.9"), ("a", "100"),
        ("b", "98"),
    )  # fmt: skip
    assert told(engine(), sequence) == [TRIP, *BACK]


def test_a_first_report_trips_nothing_and_nothing_is_compared_without_an_index() -> None:
    assert told(engine(), prices(("exchange", "100"), ("a", "150"))) == []
    assert told(engine(), prices(("a", "100"), ("a", "150"), ("a", "200"))) == []
    away = prices(("exchange", "100"), ("a", "100"), ("a", "150"))
    assert told(engine(scope="ETHUSD"), away) == []


def test_a_silent_source_neither_trips_nor_disarms() -> None:
    start = (("exchange", "100"), ("a", "100"), ("a", "100"), ("b", "100"), ("b", "100"))
    moved = (("exchange", "110"), ("b", "110"), ("b", "110"))  # `a` is silent
    assert told(engine(), prices(*start, *moved)) == []
    lying = (("a", "103.1"), ("exchange", "103.1"), ("b", "103.1"))  # `a` is silent after it
    assert told(engine(), prices(*start, *lying)) == [TRIP]


def test_a_restart_changes_nothing() -> None:
    sequence = prices(("exchange", "100"), ("a", "100"), ("a", "96.9"), ("a", "100"))
    for number in range(len(sequence)):
        steady = engine()
        told(steady, sequence[:number])
        again = RiskEngine.from_state(steady.export_state(), steady.settings)
        assert told(again, sequence[number:]) == told(steady, sequence[number:])
        assert again.state_hash() == steady.state_hash()
