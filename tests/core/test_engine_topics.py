"""Two topics have no common order: accounts may come before listings, or behind the prices."""

from fractions import Fraction
from typing import Any

from monitor.core import events
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import SECOND_NS, Journal


def engine_after(journal: Journal) -> RiskEngine:
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.events)
    return engine


def report(engine: RiskEngine, account: str = "ann") -> dict[str, Any]:
    found = engine.account_report(account)
    assert found is not None
    return found


def held(instrument: str) -> events.PositionRecord:
    return events.PositionRecord(instrument=instrument, size="1", entry_price="100")


def test_a_snapshot_before_its_listing_does_not_overwrite_what_came_after_it() -> None:
    journal = Journal()
    journal.list_instrument("Y")
    journal.snapshot("ann", balances={"USD": "100"}, positions=[held("X"), held("Y")])
    journal.balance("ann", "50", reason="withdrawal")
    waiting = report(engine_after(journal))
    assert (waiting["balances"], waiting["flags"]) == ({"USD": "50"}, ["suspect"])
    journal.list_instrument("X")
    engine = engine_after(journal)
    assert report(engine)["balances"] == {"USD": "50"}
    assert [one["instrument"] for one in report(engine)["positions"]] == ["X", "Y"]
    assert report(engine)["flags"] == []
    assert engine.summary()["events"]["applied"] == 4


def test_a_change_behind_the_prices_has_its_second_in_engine_time() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.now_ns += 200 * SECOND_NS
    journal.mark("X", "100")
    journal.now_ns -= 100 * SECOND_NS
    journal.position("ann", "X", "1", "100", more=True)
    journal.now_ns += 100 * SECOND_NS + 1_000
    journal.mark("X", "101")
    journal.now_ns -= 100 * SECOND_NS
    journal.balance("ann", "10")
    engine = engine_after(journal)
    assert engine.take_refused() == []
    assert [one["size"] for one in report(engine)["positions"]] == ["1"]


def test_an_account_closed_and_named_again_in_one_change_goes_on_counting() -> None:
    journal = Journal()
    journal.balance("ann", "10")
    journal.add(events.AccountClosed(event_ns=journal.now_ns, account="ann", seq=2, more=True))
    journal.sequences["ann"] = 2
    journal.balance("ann", "5")
    journal.balance("ann", "6")
    engine = engine_after(journal)
    assert (report(engine)["balances"], report(engine)["flags"]) == ({"USD": "6"}, [])


def test_a_delisted_instrument_ends_its_liquidations() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.balance("ann", "10")
    journal.position("ann", "X", "1", "100")
    journal.liquidation("started", "ann", "X", size="-1")
    journal.add(events.InstrumentDelisted(event_ns=journal.now_ns, instrument="X"))
    assert report(engine_after(journal))["flags"] == []


def test_many_open_changes_wait_apart_from_the_prices() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for number in range(50):
        journal.balance(f"a{number}", "1000")
        journal.position(f"a{number}", "X", "1", "100", more=True)
    engine = engine_after(journal)
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    for each in (engine, restored):
        ending = Journal()
        ending.now_ns = journal.now_ns
        ending.sequences = dict(journal.sequences)
        ending.mark("X", "10")
        ending.balance("a7", "20")
        kinds = [decision.kind for _, decision in each.apply(ending.events)]
        assert kinds == ["account_bankrupt"]


def test_a_busy_market_that_nobody_lists_crowds_out_no_account() -> None:
    journal = Journal()
    trade = {"instrument": "X", "price": "100", "size": "1", "aggressor": "buy"}
    for _ in range(3):
        journal.add(events.TradePrinted(event_ns=journal.now_ns, **trade))
        journal.mark("X", "100")
    journal.position("ann", "X", "1", "100")
    engine = RiskEngine(EngineSettings(held_back_events_max=2))
    engine.apply(journal.events)
    refused = [(one.ordinal, one.held) for one in engine.take_refused()]
    assert refused == [(1, True), (3, True), (5, False), (6, True)]


def test_of_a_change_that_waits_the_rest_is_applied_and_the_account_is_suspect() -> None:
    journal = Journal()
    journal.position("ann", "X", "1", "100", more=True)
    journal.balance("ann", "10")
    journal.balance("ann", "9")
    waiting = report(engine_after(journal))
    assert (waiting["balances"], waiting["flags"]) == ({"USD": "9"}, ["suspect"])
    journal.list_instrument("X")
    whole = report(engine_after(journal))
    assert (whole["balances"], whole["flags"]) == ({"USD": "9"}, [])
    assert [one["size"] for one in whole["positions"]] == ["1"]


def test_a_bootstrap_ends_when_as_many_accounts_are_known_as_the_venue_has() -> None:
    journal = Journal()
    journal.add(events.BootstrapFinished(event_ns=journal.now_ns, accounts=2))
    journal.snapshot("ann", balances={"USD": "-1"})
    engine = RiskEngine(EngineSettings(bootstrap=True))
    assert engine.apply(journal.take()) == []
    assert not engine.view().ready
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    journal.snapshot("bob", balances={"USD": "-2"})
    batch = journal.take()
    for one in (engine, restored):
        made = one.apply(batch)
        assert [(index, decision.kind) for index, decision in made] == [
            (0, "account_bankrupt"),
            (0, "account_bankrupt"),
        ]
        assert all(decision.caught_up for _, decision in made)
        assert one.view().ready


def test_an_instrument_keeps_its_settlement_currency_while_there_are_positions() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.position("ann", "X", "0", None, margin_mode="isolated", isolated_margin="50")
    journal.list_instrument("X", settlement_currency="USDC")
    journal.position("ann", "X", "0", None)
    journal.list_instrument("X", settlement_currency="USDC")
    (refused,) = engine_after(journal).take_refused()
    assert (refused.ordinal, refused.reason) == (2, "unit_is_fixed")
    assert "received USDC" in refused.detail


def test_fills_at_one_price_are_kept_as_one() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.balance("ann", "10")
    journal.position("ann", "X", "10", "100")
    journal.liquidation("started", "ann", "X", size="-10", liquidation_id="L")
    for number in range(1_000):
        price = "90" if number % 2 else "80"
        journal.liquidation(
            "filled", "ann", "X", size="-0.01", price=price, fee="0.001", liquidation_id="L"
        )
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()
    for each in (engine, restored):
        (liquidation,) = each.shards.engines[0].liquidations.open.values()
        assert liquidation.filled == {"80": Fraction(-5), "90": Fraction(-5)}
        assert liquidation.fees == 1


def test_what_comes_again_after_an_account_was_closed_opens_nothing() -> None:
    journal = Journal()
    late = journal.balance("ann", "10"), journal.balance("ann", "11")
    closing = events.AccountClosed(event_ns=journal.now_ns, account="ann", seq=3)
    journal.add(closing)
    for one in (late[1], closing):
        journal.add(one)
    engine = engine_after(journal)
    assert engine.account_ids() == []
    assert engine.summary()["events"]["ignored"] == 2
    restored = RiskEngine.from_state(engine.export_state(), EngineSettings())
    for each in (engine, restored):
        assert each.apply([late[1]]) == []
        assert each.account_ids() == []
        each.apply([late[0]])  # 1 opens it anew
        assert each.account_ids() == ["ann"]
