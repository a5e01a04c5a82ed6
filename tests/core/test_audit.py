"""The continuous audit: a leak is named with who moved it, a trade on its way is not."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.decisions import ConservationViolated
from monitor.core.engine import RiskEngine
from monitor.core.events import (
    AccountClosed,
    AnyEvent,
    AuditPoint,
    InstrumentDelisted,
    PositionRecord,
)
from monitor.core.ledger.moves import FINEST
from monitor.core.settings import AuditSettings, EngineSettings, FundSettings
from monitor.core.watched_sum import ARMED_BY
from tests import strategies
from tests.builders import Journal

ALWAYS = EngineSettings(audit=AuditSettings(arm="always"))


def book(kind: str = "linear", **fields: Any) -> Journal:
    """Return a book in which ann is long 10 and bob short 10 at 100."""
    journal = Journal()
    journal.list_instrument("X", kind, **fields)
    for name, size in (("ann", "10"), ("bob", "-10")):
        journal.balance(name, "1000")
        journal.position(name, "X", size, "100")
    return journal


def violations(
    journal: Journal, settings: EngineSettings = ALWAYS, *, shards: int = 1
) -> list[ConservationViolated]:
    """Return what the audit says of a journal, ten seconds after its end at the latest."""
    journal.wait(10).tick()
    engine = RiskEngine(settings, shards=shards)
    made = [decision for _, decision in engine.apply(journal.events)]
    return [one for one in made if isinstance(one, ConservationViolated)]


def point(journal: Journal) -> None:
    """Let the venue say that everything is here."""
    journal.add(AuditPoint(event_ns=journal.now_ns, accounts_position={"0": 100}))


def test_a_trade_of_which_one_side_never_comes_is_named_after_five_seconds() -> None:
    journal = book()
    journal.wait(1)
    began_ns = journal.now_ns
    journal.position("ann", "X", "13", "100")
    (found,) = [one for one in violations(journal) if one.check == "open_interest"]
    assert (found.scope, found.difference, found.accounts, found.left_out) == (
        "X", "3", ["ann"], 0,
    )  # fmt: skip
    assert found.event_ns == began_ns + 5_000_000_000
    (ann,) = found.contributions
    assert (ann.amount, ann.events, ann.first_seq, ann.last_seq) == ("3", 1, 3, 3)


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_a_trade_whose_other_side_comes_in_time_is_none(shards: int) -> None:
    journal = book()
    journal.wait(1).position("ann", "X", "13", "100")
    journal.wait(4.9).position("bob", "X", "-13", "100")
    assert violations(journal, shards=shards) == []


def test_legs_on_their_way_all_the_time_are_no_leak() -> None:
    """For a minute the book is never in balance, but it changes sides."""
    journal = book()
    journal.position("ann", "X", "11", "100")
    for number in range(60):
        size = 11 + number
        journal.wait(1).position("bob", "X", f"-{size + 1}", "100")
        journal.wait(1).position("ann", "X", f"{size + 2}", "100")
    journal.position("bob", "X", "-72", "100")
    journal.position("ann", "X", "72", "100")
    assert violations(journal) == []


def test_a_leak_is_told_once_and_its_correction_is_silent() -> None:
    journal = book()
    journal.position("ann", "X", "13", "100")
    journal.wait(20).position("bob", "X", "-13", "100")
    found = [one for one in violations(journal) if one.check == "open_interest"]
    assert len(found) == 1


def test_at_an_audit_point_a_sum_is_judged_at_once() -> None:
    journal = book()
    journal.wait(1).position("ann", "X", "13", "100")
    point(journal)
    found = violations(journal, EngineSettings(audit=AuditSettings(arm="never")))
    assert [one.check for one in found] == ["open_interest", "pnl", "pnl"]
    assert {one.event_ns for one in found} == {journal.events[-2].event_ns}


def test_a_venue_that_never_sends_both_sides_is_not_accused_by_time() -> None:
    journal = book()
    journal.position("ann", "X", "13", "100")
    assert violations(journal, EngineSettings()) == []


def test_a_venue_is_known_to_send_both_sides_by_its_many_returns_to_balance() -> None:
    journal = book()
    for number in range(ARMED_BY):
        for name, sign in (("ann", ""), ("bob", "-")):
            journal.wait(0.02).position(name, "X", f"{sign}{11 + number}", "100")
    journal.position("ann", "X", "500", "100")
    found = violations(journal, EngineSettings())
    assert [one.check for one in found] == ["open_interest", "pnl", "pnl"]


def test_one_audit_point_is_enough_to_know_it() -> None:
    journal = book()
    point(journal)
    journal.position("ann", "X", "13", "100")
    assert "open_interest" in {one.check for one in violations(journal, EngineSettings())}


def trade(journal: Journal, realized: str) -> None:
    """Let ann sell 4 to cat at 110: ann has gained 40, which is booked as `realized`."""
    journal.balance("cat", "1000")
    journal.wait(1).position("ann", "X", "6", "100", more=True)
    journal.balance("ann", str(1000 + float(realized)), reason="trade", instrument="X")
    journal.position("cat", "X", "4", "110")


def test_pnl_that_is_realized_conserves() -> None:
    """Before, entries add up to 0; now to 6 x 100 + 4 x 110 - 10 x 100 = 40, which ann has."""
    journal = book()
    trade(journal, "40")
    assert violations(journal) == []


def test_pnl_that_nobody_has_lost_is_named_by_currency_and_instrument() -> None:
    journal = book()
    trade(journal, "40.5")
    found = violations(journal)
    assert [(one.check, one.scope, one.difference) for one in found] == [
        ("pnl", "USD", "0.5"),
        ("pnl", "USD/X", "0.5"),
    ]
    assert [(one.account, one.amount) for one in found[0].contributions] == [
        ("ann", "440.5"),
        ("cat", "-440"),
    ]


def test_a_flow_that_names_no_instrument_leaves_only_the_currency() -> None:
    journal = book()
    journal.balance("ann", "1000.5", reason="trade")
    assert [(one.check, one.scope) for one in violations(journal)] == [("pnl", "USD")]


@pytest.mark.parametrize("reason", ["deposit", "withdrawal", "fee", "insurance", "adjustment"])
def test_what_leaves_or_enters_the_accounts_is_no_leak(reason: str) -> None:
    journal = book()
    journal.balance("ann", "900", reason=reason)
    assert violations(journal) == []


def test_inverse_contracts_conserve_in_the_coin() -> None:
    """Ann's 10 from 100 to 125 gain 10 / 100 - 10 / 125 = 0.02 coins."""
    journal = book("inverse", index="X-INDEX")
    journal.index("X-INDEX", "100")
    journal.balance("ann", "5", asset="X")
    journal.position("ann", "X", "0")
    journal.balance("ann", "5.02", asset="X", reason="trade")
    journal.position("cat", "X", "10", "125")
    assert violations(journal) == []
    journal.balance("ann", "5.03", asset="X", reason="trade")
    assert [(one.scope, one.difference) for one in violations(journal)] == [("X", "0.01")]


def test_margin_that_goes_into_an_isolated_position_stays_inside() -> None:
    journal = book()
    journal.balance("cat", "100")
    journal.balance("cat", "70", reason="transfer", instrument="X", more=True)
    journal.position("cat", "X", "1", "100", margin_mode="isolated", isolated_margin="30")
    journal.position("bob", "X", "-11", "100")
    assert violations(journal) == []


def test_funding_is_judged_at_audit_points_alone() -> None:
    journal = book()
    journal.balance("ann", "990", reason="funding")
    journal.wait(60)
    assert violations(journal) == []
    point(journal)
    assert [(one.check, one.difference) for one in violations(journal)] == [("funding", "-10")]


def test_a_snapshot_is_no_flow_but_its_positions_count() -> None:
    journal = book()
    journal.snapshot("ann", owner="ann", role="client", balances={"USD": "7"}, positions=[])
    found = violations(journal)
    assert [(one.check, one.difference) for one in found] == [("open_interest", "-10")]


def test_a_closed_account_takes_its_positions_with_it() -> None:
    journal = book()
    closed = AccountClosed(event_ns=journal.now_ns, account="ann", seq=journal.next_seq("ann"))
    journal.add(closed)
    assert [one.check for one in violations(journal)] == ["open_interest"]


def test_a_delisted_instrument_is_forgotten() -> None:
    journal = book()
    journal.position("ann", "X", "13", "100")
    journal.add(InstrumentDelisted(event_ns=journal.now_ns, instrument="X"))
    assert violations(journal) == []


def crash(journal: Journal, reported: str) -> None:
    """Let lea lose 50 beyond her margin; the fund had 100, and is reported with what is left."""
    journal.mark("X", "100")
    journal.fund("main", "100")
    journal.balance("lea", "50")
    journal.position("lea", "X", "10", "100")
    journal.position("sue", "X", "-10", "100")
    journal.mark("X", "90")
    for step in ("started", "filled", "finished"):
        journal.liquidation(step, "lea", "X", "-10", "90")
    journal.position("lea", "X", "0")
    journal.position("sue", "X", "0")
    journal.fund("main", reported, reason="liquidation")


@pytest.mark.parametrize(("reported", "difference"), [("50", None), ("45", "-5"), ("60", "10")])
def test_a_fund_that_does_not_follow_its_flows_is_named(
    reported: str, difference: str | None
) -> None:
    journal = Journal()
    journal.list_instrument("X", fund="main")
    crash(journal, reported)
    funds = (FundSettings(name="main", asset="USD"),)
    settings = EngineSettings(audit=AuditSettings(arm="always"), funds=funds)
    found = [one for one in violations(journal, settings) if one.check == "fund"]
    assert [(one.scope, one.difference) for one in found] == (
        [] if difference is None else [("main", difference)]
    )


def test_fills_that_are_less_than_the_total_are_named() -> None:
    journal = book()
    journal.liquidation("started", "ann", "X", "-10")
    journal.liquidation("filled", "ann", "X", "-6", "100")
    journal.liquidation("finished", "ann", "X", "-10", "100")
    found = [one for one in violations(journal) if one.check == "fills"]
    assert [(one.scope, one.difference, one.accounts) for one in found] == [("X", "4", ["ann"])]


def test_of_many_accounts_the_twenty_that_moved_most_are_named() -> None:
    journal = book()
    journal.wait(1)
    for number in range(1, 31):
        journal.position(f"c{number:02}", "X", str(number), "100")
    (found,) = [one for one in violations(journal) if one.check == "open_interest"]
    assert found.accounts == [f"c{number:02}" for number in range(30, 10, -1)]
    assert found.left_out == 10


def test_an_account_of_which_an_event_is_missing_makes_it_suspect() -> None:
    journal = book()
    journal.next_seq("ann")
    journal.position("ann", "X", "13", "100")
    assert all(one.suspect for one in violations(journal))


def restored(engine: RiskEngine) -> RiskEngine:
    """Return the engine that a restart from a snapshot makes."""
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(engine.export_state()))
    return RiskEngine.from_state(state, ALWAYS)


def test_a_restart_between_any_two_events_changes_nothing() -> None:
    journal = book()
    trade(journal, "40.5")
    journal.wait(2).position("ann", "X", "7", "100")
    journal.wait(10).tick()
    whole = RiskEngine(ALWAYS)
    expected = [decision for _, decision in whole.apply(journal.events)]
    for cut in range(len(journal.events)):
        engine = RiskEngine(ALWAYS)
        made = [decision for _, decision in engine.apply(journal.events[:cut])]
        engine = restored(engine)
        made += [decision for _, decision in engine.apply(journal.events[cut:])]
        assert made == expected
        assert engine.state_hash() == whole.state_hash()


def test_a_snapshot_event_of_an_unlisted_instrument_is_no_flow_when_it_is_listed() -> None:
    journal = book()
    record = PositionRecord(instrument="LATER", size="2", entry_price="5")
    journal.snapshot("cat", owner="cat", role="client", balances={}, positions=[record])
    journal.list_instrument("LATER")
    assert [(one.check, one.scope) for one in violations(journal)] == [("open_interest", "LATER")]


# --- against sums from scratch ----------------------------------------------------------------


@given(strategies.chaos(), st.integers(1, 3))
def test_the_open_interest_that_is_watched_is_that_of_all_positions(
    sequence: list[AnyEvent], shards: int
) -> None:
    engine = RiskEngine(EngineSettings(), shards=shards)
    for event in sequence:
        engine.apply([event])
        for name in engine.market.instruments:
            long, short = engine.shards.open_interest(name)
            engine.audit.read(engine.engine_ns)
            watched = engine.audit.sums.get(("open_interest", name))
            assert (0 if watched is None else watched.value) == long - short


def entry_values(held: dict[tuple[str, str], tuple[int, int]]) -> Fraction:
    """Return the entry values of a linear X and an inverse Y, by definition."""
    return sum(
        (
            Fraction(size * price) if name == "X" else -Fraction(size, price)
            for (_, name), (size, price) in held.items()
        ),
        Fraction(0),
    )


TRADES = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cat"]),
        st.sampled_from(["X", "Y"]),
        st.integers(-5, 5),
        st.integers(1, 99),
        st.integers(-9, 9),
    ),
    max_size=25,
)


@given(TRADES)
def test_the_pnl_that_is_watched_is_flows_less_entry_values(
    trades: list[tuple[str, str, int, int, int]],
) -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.list_instrument("Y", "inverse", settlement_currency="USD", base="USD")
    held: dict[tuple[str, str], tuple[int, int]] = {}
    cash: dict[str, int] = {}
    engine = RiskEngine(EngineSettings())
    flows = 0
    for account, name, size, price, gain in trades:
        journal.position(account, name, str(size), str(price) if size else None, more=True)
        cash[account] = cash.get(account, 0) + gain
        flows += gain
        journal.balance(account, str(cash[account]), reason="trade", instrument=name)
        engine.apply(journal.take())
        held[account, name] = (size, price)
        expected = flows - entry_values(held)
        engine.audit.read(engine.engine_ns)
        found = engine.audit.sums.get(("pnl", "USD"))
        value = Fraction(0) if found is None else Fraction(found.value, FINEST)
        assert abs(value - expected) <= Fraction(4 * len(trades), FINEST)
