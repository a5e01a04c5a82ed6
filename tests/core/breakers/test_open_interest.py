"""Open interest: against a step function kept whole, and through the engine."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.breaker_settings import OpenInterestSettings
from monitor.core.breakers.open_interest import RATIO_MAX, Interest, OpenInterest
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import Journal


def settings(**changes: Any) -> OpenInterestSettings:
    own = {"name": "interest", "limit": 0.5, "cool_off_s": 0, **changes}
    return OpenInterestSettings(**own)


def interest(contracts: int, notional: int = 0, fund: int | None = None) -> Interest:
    own = None if fund is None else Fraction(fund)
    return Interest(Fraction(contracts), Fraction(notional), own, None)


@given(st.dictionaries(st.integers(0, 40), st.integers(0, 9), max_size=12))
def test_growth_is_over_the_fewest_of_the_lookback(changes: dict[int, int]) -> None:
    rule, restored = (OpenInterest(settings(measure="growth", lookback_s=1e-8)) for _ in range(2))
    levels: list[int | None] = []  # that of one nanosecond holds until that of the next
    for now_ns in range(60):
        before = levels[-1] if levels else None
        levels.append(changes.get(now_ns, before))
        if now_ns in changes:
            rule.observe(now_ns, "X", interest(changes[now_ns]))
        held = [one for one in levels[max(0, now_ns - 11) :] if one is not None]
        is_old = now_ns - max((t for t in changes if t <= now_ns), default=now_ns) > 10
        fewest = 0 if is_old else min(held, default=0)
        wanted = Fraction(held[-1], fewest) - 1 if fewest else Fraction(0)
        assert rule.measure(now_ns).value == wanted
        restored.restore(rule.export_state())
        assert restored.measure(now_ns) == rule.measure(now_ns)


def test_the_worked_numbers_of_the_documentation() -> None:
    """docs/model/breakers.md."""
    growth = OpenInterest(settings(measure="growth"))
    growth.observe(0, "X", interest(500))
    growth.observe(1, "X", interest(800))
    assert growth.measure(1).value == Fraction("0.6")
    assert growth.measure(1).is_beyond
    ratio = OpenInterest(settings(measure="fund_ratio", limit=16))
    ratio.observe(0, "X", interest(1, 4_000_000, 250_000))
    assert ratio.measure(0).value == 16
    assert not ratio.measure(0).is_beyond
    ratio.observe(0, "X", interest(1, 4_000_000, 0))
    assert ratio.measure(0).value == RATIO_MAX
    ratio.observe(0, "X", interest(1, 4_000_000))
    assert ratio.measure(0).value == RATIO_MAX  # what is not known changes nothing


def market() -> Journal:
    """Return two instruments: 4 and 6 contracts at 100 open, ann holds most; a fund of 50."""
    journal = Journal()
    for name in ("X", "Y"):
        journal.list_instrument(name, fund="main")
        journal.mark(name, "100")
    journal.fund("main", "50")
    for name, size in (("X", 4), ("Y", 6)):
        for account, side in (("ann", size), ("bob", -size)):
            journal.balance(account, "9000")
            journal.position(account, name, f"{side}", "100")
            journal.wait(1)
    return journal


def trips(journal: Journal, *rules: Any, shards: int = 1) -> list[tuple[str, str, str]]:
    """Return (breaker, scope, measured) of every trip, the same in one batch and one by one."""
    found = []
    for is_whole in (True, False):
        engine = RiskEngine(EngineSettings(breakers=rules), shards=shards)
        batches = [journal.events] if is_whole else [[event] for event in journal.events]
        made = [one for batch in batches for _, one in engine.apply(batch)]
        restored = RiskEngine.from_state(engine.export_state(), engine.settings)
        assert restored.state_hash() == engine.state_hash()
        found.append(
            [
                (one.breaker, one.scope, one.measured)  # type: ignore[attr-defined]
                for one in made
                if one.kind == "breaker_tripped"
            ]
        )
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize("shards", [1, 2])
def test_the_engine_tells_instruments_and_the_venue(shards: int) -> None:
    each, venue = settings(name="each", limit=500), settings(name="all", scope="venue", limit=999)
    assert trips(market(), each, venue, shards=shards) == [
        ("each", "Y", "600"),
        ("all", "venue", "1000"),
    ]
    at_limits = settings(limit=600), settings(name="all", scope="venue", limit=1_000)
    assert trips(market(), *at_limits, shards=shards) == []


def test_a_side_that_was_not_seen_yet_does_not_count() -> None:
    journal = market()
    journal.position("eve", "X", "50", "100")
    assert trips(journal, settings(limit=700)) == []
    journal.position("joe", "X", "-50", "100")
    assert trips(journal, settings(limit=700)) == [("interest", "X", "5400")]


def test_marks_and_funds_move_what_rests_on_them() -> None:
    journal = market()
    journal.mark("X", "200")
    assert trips(journal, settings(limit=700)) == [("interest", "X", "800")]
    journal = market()
    journal.fund("main", "10")
    ratio = settings(measure="fund_ratio", limit=20)
    assert trips(journal, ratio) == [("interest", "X", "40"), ("interest", "Y", "60")]
    assert trips(journal, settings(measure="fund_ratio", limit=20, notional_min_usd=500)) == [
        ("interest", "Y", "60")
    ]


def test_one_large_owner_is_seen() -> None:
    rule = settings(measure="largest_share", limit=0.99)
    assert trips(market(), rule) == [("interest", "X", "1"), ("interest", "Y", "1")]


def test_a_delisted_instrument_leaves_the_sum() -> None:
    rule = OpenInterest(settings(scope="venue", limit=500))
    rule.observe(0, "X", interest(4, 400))
    rule.observe(0, "Y", interest(6, 600))
    rule.forget("X")
    rule.forget("Z")
    assert rule.measure(0).value == 600
