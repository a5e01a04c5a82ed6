"""Liquidations that end too early, too late, or at too high a fee."""

from fractions import Fraction

import pytest

from monitor.core.engine import RiskEngine
from tests.builders import SECOND_NS, START_NS, Journal
from tests.core.liquidation_watch.watching import engine_with, findings, kinds_of, long_of


def closed(journal: Journal, size: int, price: str, fee: str = "0") -> Journal:
    """Close contracts of ann's long within one second, at one price."""
    left = 10 - size
    balance = Fraction(60) - size * (100 - Fraction(price)) - Fraction(fee)
    journal.wait(1).liquidation("started", "ann", "X", -size)
    journal.liquidation("filled", "ann", "X", -size, price, fee=fee)
    journal.position("ann", "X", left, "100")
    journal.balance("ann", balance, reason="liquidation")
    journal.liquidation("finished", "ann", "X", -size, price, fee=fee)
    return journal


def fallen() -> Journal:
    """Return a long of 10 with 20 of equity at a mark of 96, and 48 to keep."""
    journal = long_of(10, "60")
    journal.wait(1).mark("X", "96")
    return journal


@pytest.mark.parametrize(("size", "is_found"), [(1, True), (6, False)])
def test_a_liquidation_that_leaves_its_unit_liquidatable_is_incomplete(
    size: int, is_found: bool
) -> None:
    engine, journal = engine_with(incomplete_after_s=2), closed(fallen(), size, "96")
    journal.wait(5).tick()
    found = findings(engine, journal)
    assert [one.kind for one in found] == ["liquidation_incomplete"] * is_found
    for one in found:
        assert one.event_ns == START_NS + 4 * SECOND_NS
        assert one.reason == "liquidatable after its end"


def test_another_liquidation_within_the_time_completes_it() -> None:
    engine, journal = engine_with(incomplete_after_s=2), closed(fallen(), 1, "96")
    journal.wait(1).liquidation("started", "ann", "X", -9, liquidation_id="L2")
    journal.wait(5).tick()
    assert findings(engine, journal) == []


def test_what_was_looked_at_survives_a_restart() -> None:
    engine, journal = engine_with(incomplete_after_s=2), closed(fallen(), 1, "96")
    assert findings(engine, journal) == []
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()
    journal.wait(5).tick()
    assert kinds_of(restored, journal) == ["liquidation_incomplete"]


def test_a_bankrupt_unit_after_the_last_attempt_is_told() -> None:
    engine = engine_with(incomplete_after_s=1, attempts_max=2)
    journal = long_of(10, "60")
    journal.wait(1).mark("X", "90")
    for number in (1, 2):
        journal.wait(5).liquidation("started", "ann", "X", -1, liquidation_id=f"L{number}")
        journal.liquidation("finished", "ann", "X", 0, liquidation_id=f"L{number}")
        journal.wait(5).tick()
        expected = ["liquidation_incomplete", "liquidation_attempts_exhausted"][:number]
        assert kinds_of(engine, journal) == expected


@pytest.mark.parametrize(("beyond", "is_found"), [(0.5, True), (0.7, False)])
def test_closing_more_than_restores_margin_is_oversized(beyond: float, is_found: bool) -> None:
    """Of 10 at 96 with 20 of equity, 6 restore margin: 4 x 96 x 5 % = 19.2 is below 20."""
    engine = engine_with(oversized_beyond_ratio=beyond)
    found = findings(engine, closed(fallen(), 10, "96"))
    assert [one.kind for one in found] == ["liquidation_oversized"] * is_found
    for one in found:
        assert one.reason == "closed 10 contracts; 6 would have restored margin"


def test_what_a_falling_mark_needs_is_not_oversized() -> None:
    engine, journal = engine_with(oversized_beyond_ratio=0.0), fallen()
    journal.wait(1).liquidation("started", "ann", "X", -9)
    journal.mark("X", "95")  # 10 of equity are left: only 2 contracts may stay open
    journal.liquidation("filled", "ann", "X", -8, "95")
    journal.liquidation("finished", "ann", "X", -8, "95")
    assert findings(engine, journal) == []


@pytest.mark.parametrize(("fee", "is_found"), [("10", False), ("11", True)])
def test_a_fee_that_uses_up_more_than_is_left_is_excessive(fee: str, is_found: bool) -> None:
    engine = engine_with(fee_may_bankrupt=False)
    found = findings(engine, closed(fallen(), 10, "95", fee))
    assert [one.kind for one in found] == ["liquidation_fee_excessive"] * is_found
    for one in found:
        assert one.reason == "fees of 11 USD; 10 USD were left before them"


def test_without_fills_the_totals_of_the_end_stand_for_them() -> None:
    engine, journal = engine_with(fee_may_bankrupt=False), fallen()
    journal.liquidation("started", "ann", "X", -10)
    journal.liquidation("finished", "ann", "X", -10, "95", fee="11")
    assert kinds_of(engine, journal) == ["liquidation_fee_excessive"]
    (kept,) = engine.view().liquidations.worst
    assert (kept.mean_price, kept.fees_usd) == ("95", "11")


def test_by_default_nothing_is_judged() -> None:
    engine = engine_with()
    journal = closed(fallen(), 1, "90", "50")
    journal.wait(500).tick()
    assert findings(engine, journal) == []
