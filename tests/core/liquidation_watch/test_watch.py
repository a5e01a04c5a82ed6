"""Overdue, unjustified and mispriced liquidations, told with their evidence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import parse_configuration
from monitor.core import events
from monitor.core.decisions import Decision, LiquidationDecision
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings, LiquidationWatchSettings
from tests.builders import SECOND_NS, START_NS, Journal

FOUND = ("liquidation_overdue", "liquidation_unjustified", "liquidation_mispriced")


def engine_with(**limits: Any) -> RiskEngine:
    return RiskEngine(EngineSettings(liquidation_watch=LiquidationWatchSettings(**limits)))


def findings(engine: RiskEngine, journal: Journal) -> list[LiquidationDecision]:
    made: list[Decision] = [decision for _, decision in engine.apply(journal.take())]
    assert engine.take_refused() == []
    return [one for one in made if isinstance(one, LiquidationDecision)]


def long_of_one(balance: str = "10") -> Journal:
    """Return the opening: a long of 1 at 100 that keeps 5 %, liquidatable at 94.73 with 10."""
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.balance("ann", balance)
    journal.position("ann", "X", "1", "100")
    return journal


# --- overdue ------------------------------------------------------------------------------------


def test_a_unit_that_nobody_liquidates_is_overdue_once_at_its_time() -> None:
    engine, journal = engine_with(overdue_after_s=30), long_of_one()
    journal.wait(1).mark("X", "94")
    journal.wait(29.999).tick()
    assert findings(engine, journal) == []
    assert engine.view().liquidations_overdue == 0
    journal.wait(100).tick()
    (overdue,) = findings(engine, journal)
    assert (overdue.kind, overdue.account, overdue.instrument) == (
        "liquidation_overdue",
        "ann",
        None,
    )
    assert overdue.event_ns == START_NS + 31 * SECOND_NS
    assert overdue.reason == "liquidatable for 30 s and no liquidation is under way"
    assert engine.view().liquidations_overdue == 1


def test_without_the_setting_nothing_is_overdue() -> None:
    engine, journal = engine_with(), long_of_one()
    journal.wait(1).mark("X", "94")
    journal.wait(10_000).tick()
    assert findings(engine, journal) == []


@pytest.mark.parametrize("ends", ["started", "recovered", "closed", "position"])
def test_what_happens_in_time_is_not_overdue(ends: str) -> None:
    engine, journal = engine_with(overdue_after_s=30), long_of_one()
    journal.wait(1).mark("X", "94")
    journal.wait(10)
    if ends == "started":
        journal.liquidation("started", "ann", "X", "-1")
    elif ends == "recovered":
        journal.mark("X", "100")
    elif ends == "closed":
        journal.add(
            events.AccountClosed(
                event_ns=journal.now_ns, account="ann", seq=journal.next_seq("ann")
            )
        )
    else:
        journal.position("ann", "X", "0")
    journal.wait(100).tick()
    assert findings(engine, journal) == []
    assert engine.view().liquidations_overdue == 0


def test_an_overdue_unit_is_counted_until_its_liquidation_begins() -> None:
    engine, journal = engine_with(overdue_after_s=30), long_of_one()
    journal.wait(1).mark("X", "94")
    journal.wait(40).tick()
    assert len(findings(engine, journal)) == 1
    journal.liquidation("started", "ann", "X", "-1")
    assert findings(engine, journal) == []
    assert engine.view().liquidations_overdue == 0


def test_an_incomplete_liquidation_is_overdue_after_the_same_time() -> None:
    engine, journal = engine_with(overdue_after_s=30), long_of_one()
    journal.wait(1).mark("X", "94")
    journal.wait(10).liquidation("started", "ann", "X", "-1")
    journal.wait(100).liquidation("finished", "ann", "X", "0")
    journal.wait(29).tick()
    assert findings(engine, journal) == []
    journal.wait(2).tick()
    (overdue,) = findings(engine, journal)
    assert overdue.event_ns == START_NS + 141 * SECOND_NS


def test_the_end_of_an_isolated_liquidation_gives_the_cross_unit_no_more_time() -> None:
    engine, journal = engine_with(overdue_after_s=30), long_of_one()
    journal.list_instrument("Y")
    journal.mark("Y", "100")
    journal.position("ann", "Y", "1", "100", margin_mode="isolated", isolated_margin="6")
    journal.wait(1).marks(X="94", Y="98")  # both units are liquidatable
    journal.liquidation("started", "ann", "Y", "-1")
    journal.wait(19).position("ann", "Y", "0")
    journal.liquidation("finished", "ann", "Y", "-1")
    journal.wait(20).tick()
    (overdue,) = findings(engine, journal)
    assert (overdue.instrument, overdue.event_ns) == (None, START_NS + 31 * SECOND_NS)


ACCOUNTS = ("ann", "bob")
STEPS = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.sampled_from(["fall", "rise", "begin", "end"]),
        st.sampled_from(ACCOUNTS),
    ),
    max_size=30,
)


def written(steps: list[tuple[int, str, str]]) -> Journal:
    """Return two longs, and the steps: so many seconds later, what happens (to whom)."""
    journal, open_ids = long_of_one(), dict.fromkeys(ACCOUNTS, "")
    journal.balance("bob", "10")
    journal.position("bob", "X", "1", "100")
    for number, (seconds, what, name) in enumerate(steps):
        journal.wait(seconds)
        if what in ("fall", "rise"):
            journal.mark("X", "94" if what == "fall" else "100")
        elif (what == "begin") != bool(open_ids[name]):
            identity = open_ids[name] or f"{name}-{number}"
            stage = "started" if what == "begin" else "finished"
            journal.liquidation(stage, name, "X", "0", liquidation_id=identity)
            open_ids[name] = identity if what == "begin" else ""
    journal.wait(60).tick()
    return journal


def overdue_by_looking(journal: Journal, after_s: int) -> list[tuple[str, int]]:
    """Return (account, event_ns) of all that are overdue: every unit is asked every second."""
    engine, found = RiskEngine(EngineSettings()), []
    waited = dict.fromkeys(ACCOUNTS, 0)  # seconds, 0: does not wait
    pending = list(journal.events)
    for second in range((journal.now_ns - START_NS) // SECOND_NS + 1):
        now_ns = START_NS + second * SECOND_NS
        for name, seconds in waited.items():
            if seconds:
                waited[name] += 1
                if seconds == after_s:
                    found.append((name, now_ns))
        while pending and pending[0].event_ns <= now_ns:
            engine.apply([pending.pop(0)])
            for name in ACCOUNTS:
                unit = engine.shards.unit((name, None))
                waits = unit is not None and unit.state == "liquidatable" and not unit.liquidations
                waited[name] = max(1, waited[name]) if waits else 0
    return found


@given(STEPS, st.integers(1, 8), st.integers(0, 30))
def test_overdue_is_what_a_watch_finds_that_asks_everybody_every_second(
    steps: list[tuple[int, str, str]], after_s: int, saved: int
) -> None:
    journal = written(steps)
    expected = overdue_by_looking(journal, after_s)
    engine = engine_with(overdue_after_s=after_s)
    found = []
    for number, event in enumerate(journal.events):
        if number == saved:
            engine = RiskEngine.from_state(engine.export_state(), engine.settings)
        found += [(d.account, d.event_ns) for _, d in engine.apply([event]) if d.kind in FOUND]  # type: ignore[attr-defined]
    assert sorted(found) == sorted(expected)


def test_a_restart_keeps_what_waits_and_what_is_overdue() -> None:
    engine, journal = engine_with(overdue_after_s=30), long_of_one()
    journal.balance("bob", "20")
    journal.position("bob", "X", "1", "100")
    journal.wait(1).mark("X", "94")
    journal.wait(20).mark("X", "80")
    journal.wait(15).tick()
    assert [one.account for one in findings(engine, journal)] == ["ann"]
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()
    assert restored.view().liquidations_overdue == 1
    journal.wait(20).tick()
    assert [one.account for one in findings(restored, journal)] == ["bob"]


def test_a_reload_makes_what_waits_due_by_the_new_limit() -> None:
    journal = long_of_one()
    engine = RiskEngine(
        EngineSettings(),
        parse_settings=lambda text: parse_configuration(text, where="test").engine_settings(),
    )
    journal.wait(1).mark("X", "94")
    journal.wait(50)
    text = "[liquidation_watch]\noverdue_after_s = 60"
    journal.add(events.ConfigurationChanged(event_ns=journal.now_ns, hash="h", text=text))
    journal.wait(9).tick()
    assert findings(engine, journal) == []
    journal.wait(2).tick()
    (overdue,) = findings(engine, journal)
    assert overdue.event_ns == START_NS + 61 * SECOND_NS


def test_a_reload_that_switches_it_off_leaves_nothing_overdue() -> None:
    journal = long_of_one()
    limits = LiquidationWatchSettings(overdue_after_s=30)
    engine = RiskEngine(
        EngineSettings(liquidation_watch=limits), parse_settings=lambda _: EngineSettings()
    )
    journal.balance("bob", "20")
    journal.position("bob", "X", "1", "100")
    journal.wait(1).mark("X", "94")
    journal.wait(20).mark("X", "80")
    journal.wait(15).tick()
    assert [one.account for one in findings(engine, journal)] == ["ann"]
    journal.add(events.ConfigurationChanged(event_ns=journal.now_ns, hash="h", text=""))
    journal.wait(1_000).tick()
    assert findings(engine, journal) == []
    assert engine.view().liquidations_overdue == 0


def test_at_the_first_fresh_event_what_is_overdue_is_told_again() -> None:
    engine, journal = engine_with(overdue_after_s=30), long_of_one()
    journal.wait(1).mark("X", "94")
    journal.wait(50).tick()
    assert engine.apply(journal.take(), received_ns=START_NS + 1_000 * SECOND_NS) == []
    journal.wait(949).tick()
    told = [
        decision
        for _, decision in engine.apply(journal.take(), received_ns=START_NS + 1_000 * SECOND_NS)
    ]
    assert [(one.kind, one.caught_up) for one in told] == [
        ("account_liquidatable", True),
        ("liquidation_overdue", True),
    ]


# --- unjustified --------------------------------------------------------------------------------


def test_a_liquidation_far_from_danger_is_unjustified_with_its_evidence() -> None:
    engine, journal = engine_with(unjustified_beyond_ratio=0.01), long_of_one()
    journal.wait(1).liquidation("started", "ann", "X", "-1", liquidation_id="L7")
    (found,) = findings(engine, journal)
    assert (found.kind, found.liquidation_id) == ("liquidation_unjustified", "L7")
    assert (found.instrument, found.leg) == ("X", "net")
    assert found.reason == ("healthy at a mark of 100; liquidatable at a mark of 94.7368421053")


@pytest.mark.parametrize(("mark", "count"), [("95.6", 0), ("95.7", 1)])
def test_a_mark_within_the_tolerance_accuses_nobody(mark: str, count: int) -> None:
    """Of 0.01: 94.7368 is 0.0090 below 95.6, and 0.0101 below 95.7."""
    engine, journal = engine_with(unjustified_beyond_ratio=0.01), long_of_one()
    journal.wait(1).mark("X", mark)
    journal.liquidation("started", "ann", "X", "-1")
    assert len(findings(engine, journal)) == count


@pytest.mark.parametrize(("seconds", "count"), [(2, 0), (2.001, 1)])
def test_a_message_that_is_a_moment_late_accuses_nobody(seconds: float, count: int) -> None:
    engine = engine_with(unjustified_beyond_ratio=0.01, unjustified_beyond_s=2)
    journal = long_of_one()
    journal.wait(1).mark("X", "94")
    journal.wait(1).mark("X", "100")
    journal.wait(seconds).liquidation("started", "ann", "X", "-1")
    assert len(findings(engine, journal)) == count


@pytest.mark.parametrize("mark", ["94", "80", None])
def test_a_liquidatable_a_bankrupt_and_an_unknown_unit_may_be_liquidated(mark: str | None) -> None:
    engine, journal = engine_with(unjustified_beyond_ratio=0.01), long_of_one()
    if mark is None:
        journal.list_instrument("Y")
        journal.position("ann", "Y", "1", "5")  # without a mark
    else:
        journal.wait(1).mark("X", mark)
    journal.liquidation("started", "ann", "X", "-1")
    assert findings(engine, journal) == []


def test_a_unit_that_cannot_be_liquidated_at_any_mark_says_so() -> None:
    engine, journal = engine_with(unjustified_beyond_ratio=0.01), long_of_one("1000")
    journal.liquidation("started", "ann", "X", "-1")
    (found,) = findings(engine, journal)
    assert found.reason == "healthy at a mark of 100; liquidatable at no mark"


# --- mispriced ----------------------------------------------------------------------------------

FILLABLE = {
    "fill_limit": "fillable_price",
    "bankruptcy_adjustment": 1.0,
    "spread_to_maintenance_ratio": 0.1,
}


@pytest.mark.parametrize(("price", "count"), [("90", 0), ("89.99", 1)])
def test_a_long_sold_below_its_bankruptcy_price_is_mispriced(price: str, count: int) -> None:
    engine, journal = engine_with(fill_limit="bankruptcy_price"), long_of_one()
    journal.wait(1).mark("X", "94")
    journal.liquidation("started", "ann", "X", "-1")
    journal.liquidation("filled", "ann", "X", "-1", price=price)
    found = findings(engine, journal)
    assert len(found) == count
    if found:
        assert found[0].reason == "filled at 89.99; bankruptcy_price when it began: at least 90"


def test_a_short_bought_back_above_the_fillable_price_is_mispriced_once() -> None:
    """6 of equity, 5.2 to keep at 104... at 105: equity 5, 5.25 to keep."""
    engine, journal = engine_with(**FILLABLE), Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.balance("ann", "10")
    journal.position("ann", "X", "-1", "100")
    journal.wait(1).mark("X", "105")
    journal.liquidation("started", "ann", "X", "1")
    journal.liquidation("filled", "ann", "X", "0.4", price="105.025")
    assert findings(engine, journal) == []  # 105 + (1 - 5/5.25) x 0.1 x 5.25
    journal.liquidation("filled", "ann", "X", "0.3", price="105.026")
    journal.liquidation("filled", "ann", "X", "0.3", price="106")
    (found,) = findings(engine, journal)
    assert found.reason == "filled at 105.026; fillable_price when it began: at most 105.025"
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()


@pytest.mark.parametrize(
    ("balance", "mark", "expected"),
    [
        ("10", "100", "100"),  # equity above maintenance: no discount
        ("10", "94", "93.93"),  # (1 - 4 / 4.7) x 0.1 x 4.7
        ("10", "80", "79.6"),  # bankrupt: the whole of 0.1 x 4
    ],
)
def test_the_fillable_price_of_a_long(balance: str, mark: str, expected: str) -> None:
    engine, journal = engine_with(**FILLABLE), long_of_one(balance)
    journal.wait(1).mark("X", mark)
    findings(engine, journal)
    report = engine.account_report("ann")
    assert report is not None
    assert report["positions"][0]["fillable_price"] == expected


def test_the_fillable_price_of_an_inverse_contract_is_taken_in_the_coin() -> None:
    engine, journal = engine_with(**FILLABLE), Journal()
    journal.list_instrument("BTC-PERP", kind="inverse")
    journal.index("BTC", "100")
    journal.mark("BTC-PERP", "80")
    journal.balance("ann", "0.1", asset="BTC")
    journal.position("ann", "BTC-PERP", "100", "100")
    findings(engine, journal)
    report = engine.account_report("ann")
    assert report is not None
    # Bankrupt: 0.1 - (100/80 - 1) < 0. The cost is 0.1 x 0.05 x 100/80 coins: 80 / 1.005.
    assert report["positions"][0]["fillable_price"] == "79.6019900497512438"


def test_without_a_rule_there_is_no_fillable_price() -> None:
    engine, journal = engine_with(), long_of_one()
    findings(engine, journal)
    report = engine.account_report("ann")
    assert report is not None
    assert report["positions"][0]["fillable_price"] is None
