"""The evidence of an unjustified liquidation: the marks near its start."""

from monitor.core.decisions import LiquidationUnjustified
from monitor.core.engine import RiskEngine
from tests.core.liquidation_watch.watching import engine_with, findings, long_of


def test_the_marks_seen_near_the_start_are_the_evidence() -> None:
    engine, journal = (
        engine_with(unjustified_beyond_ratio=0.01, unjustified_beyond_s=5),
        long_of(1, "10"),
    )
    journal.wait(1).mark("X", "97")
    journal.wait(2).mark("X", "99", low="96.5", high="101", count=3)
    assert findings(engine, journal) == []
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()
    journal.wait(1).liquidation("started", "ann", "X", -1)
    (found,) = findings(restored, journal)
    assert isinstance(found, LiquidationUnjustified)
    assert [(one.mark_price, one.equity, one.maintenance_margin) for one in found.evidence] == [
        ("96.5", "6.5", "4.825"),
        ("99", "9", "4.95"),
        ("101", "11", "5.05"),
    ]


def test_a_mark_that_was_low_enough_within_the_tolerance_justifies_it() -> None:
    engine, journal = (
        engine_with(unjustified_beyond_ratio=0.0, unjustified_beyond_s=5),
        long_of(1, "10"),
    )
    journal.wait(1).mark("X", "99", low="94", high="100", count=3)
    journal.wait(1).liquidation("started", "ann", "X", -1)
    assert findings(engine, journal) == []


def test_many_marks_of_one_instant_are_seen_too() -> None:
    engine, journal = engine_with(unjustified_beyond_ratio=0.0), long_of(1, "10")
    journal.wait(2).marks(X="98")
    journal.marks(X="99")
    journal.liquidation("started", "ann", "X", -1)
    (found,) = findings(engine, journal)
    assert isinstance(found, LiquidationUnjustified)
    assert [one.mark_price for one in found.evidence] == ["98", "99"]
