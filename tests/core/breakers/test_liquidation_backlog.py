"""What waits to be liquidated: through the engine, with one shard and two."""

from typing import Any

import pytest

from monitor.core.breaker_settings import LiquidationBacklogSettings
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import Journal


def crash() -> Journal:
    """Return three longs of 2 at 100 that a fall to 85 makes liquidatable; one is begun on."""
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for number in range(3):
        journal.balance(f"ann{number}", "30")
        journal.position(f"ann{number}", "X", "2", "100")
    journal.wait(1).mark("X", "85")
    journal.wait(1).liquidation("started", "ann0", "X", "-2")
    return journal


def decided(journal: Journal, shards: int = 1, **changes: Any) -> list[tuple[int, str, str]]:
    """Return (second, kind, measured) of what the breaker decides, whole and one by one."""
    rule = LiquidationBacklogSettings(name="waits", cool_off_s=0, **changes)
    found = []
    for is_whole in (True, False):
        engine = RiskEngine(EngineSettings(breakers=(rule,)), shards=shards)
        taken = [list(journal.events)] if is_whole else [[one] for one in journal.events]
        found.append(
            [
                (one.event_ns, one.kind, getattr(one, "measured", ""))
                for batch in taken
                for _, one in engine.apply(batch)
                if one.kind.startswith("breaker_")
            ]
        )
        restored = RiskEngine.from_state(engine.export_state(), engine.settings)
        assert restored.state_hash() == engine.state_hash()
    assert found[0] == found[1]
    start_ns = journal.events[0].event_ns
    return [((at - start_ns) // 10**9, kind, measured) for at, kind, measured in found[0]]


@pytest.mark.parametrize("shards", [1, 2])
def test_what_waits_trips_and_what_is_begun_releases(shards: int) -> None:
    assert decided(crash(), shards, limit_count=2) == [
        (1, "breaker_tripped", "3"),
        (2, "breaker_cooling", ""),
        (2, "breaker_rearmed", ""),
    ]
    assert decided(crash(), shards, limit_count=3) == []


def test_a_notional_is_that_of_those_that_wait() -> None:
    assert decided(crash(), limit_usd=509, release_usd=300) == [(1, "breaker_tripped", "510")]
    assert decided(crash(), limit_usd=510) == []
