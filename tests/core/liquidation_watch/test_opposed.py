"""Owners on both sides of an instrument: a score with its evidence."""

from typing import Any

from monitor.core.engine import RiskEngine
from monitor.core.liquidation_watch import opposed
from monitor.core.liquidation_watch.opposed import Opening, OpposedPairs
from monitor.core.settings import LiquidationWatchSettings
from tests.builders import Journal
from tests.core.liquidation_watch.watching import engine_with, findings


def pair(gap_s: float = 12, **fields: Any) -> Journal:
    """Return a long of 10 on 125 of margin, and 12 s later its owner's short of 9 on 100."""
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for name, balance in (("a1", "125"), ("a2", "100")):
        journal.open(name, **({"owner": "sue"} | fields))
        journal.balance(name, balance)
    journal.position("a1", "X", 10, "100")
    journal.wait(gap_s).position("a2", "X", -9, "100")
    return journal


def test_the_score_is_that_of_the_document() -> None:
    engine, journal = engine_with(opposed_window_s=60), pair()
    findings(engine, journal)
    (case,) = engine.view().liquidations.opposed
    assert (case.owner, case.instrument, case.accounts) == ("sue", "X", ("a1", "a2"))
    assert (case.opposite_ratio, case.closeness_ratio) == ("0.9", "0.8")
    assert (case.margin_use_ratio, case.fund_ratio, case.score) == ("0.8", "0", "0.625")
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()
    journal.wait(1).mark("X", "85")
    journal.liquidation("started", "a1", "X", -10)
    journal.liquidation("filled", "a1", "X", -10, "85")
    journal.liquidation("finished", "a1", "X", -10, "85")
    findings(restored, journal)
    (case,) = restored.view().liquidations.opposed
    assert (case.fund_ratio, case.score, case.liquidation_id) == ("1", "0.875", "L1")
    assert restored.view().liquidations.opposed_count == 1


def test_two_owners_are_no_case() -> None:
    engine = engine_with(opposed_window_s=60)
    findings(engine, pair(owner=None))
    assert engine.view().liquidations.opposed == ()


def test_too_far_apart_only_a_liquidation_makes_a_case() -> None:
    engine, journal = engine_with(opposed_window_s=60), pair(gap_s=61)
    findings(engine, journal)
    assert engine.view().liquidations.opposed == ()
    journal.liquidation("started", "a1", "X", -10)
    findings(engine, journal)
    (case,) = engine.view().liquidations.opposed
    assert (case.opposite_ratio, case.closeness_ratio, case.score) == ("0.9", "0", "0.225")


def test_by_default_nobody_is_looked_at() -> None:
    engine = engine_with()
    findings(engine, pair())
    assert engine.view().liquidations.opposed == ()


def test_cases_openings_and_names_are_bounded() -> None:
    pairs = OpposedPairs()
    pairs.use(LiquidationWatchSettings(opposed_window_s=60))
    for number in range(opposed.CASES_MAX + 5):
        for side in (1, -1):
            unit = f"{number}{side}"
            pairs.opened((f"o{number}", "X"), Opening(unit, unit, side, 0, 0))
    for number in range(opposed.OPENINGS_MAX + 5):
        pairs.opened((f"p{number}", "X"), Opening("u", "u", 1, 0, 0))
    state = pairs.export_state()
    assert len(state["cases"]) == opposed.CASES_MAX
    assert state["cases"][0][0] == "o5"
    assert len(state["openings"]) == opposed.OPENINGS_MAX
    for number in range(20):
        pairs.opened(("one", "X"), Opening(f"u{number}", f"u{number}", (-1) ** number, 0, 0))
    (case,) = [one for one in pairs.records(2_000) if one.owner == "one"]
    assert len(case.accounts) == opposed.ACCOUNTS_MAX
