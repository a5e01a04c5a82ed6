"""The far ends of what a venue may send: each a stated rule, and the book stays intact."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from monitor.core import booking, events, facts, gate
from monitor.core.engine import RiskEngine
from monitor.core.margin.index.columns import ITEMS_MAX
from monitor.core.margin.index.verdict import FLOAT_BAND
from monitor.core.oracles import board
from monitor.core.settings import EngineSettings
from tests.builders import Journal, tier
from tests.core.comparison import Pair, assert_same
from tests.reference.naive import NaiveEngine


def compare(journal: Journal) -> RiskEngine:
    engine = RiskEngine(EngineSettings())
    assert_same(engine, NaiveEngine(EngineSettings()), journal.events)
    return engine


def report(engine: RiskEngine, account: str = "ann") -> dict[str, Any]:
    found = engine.account_report(account)
    assert found is not None
    return found


@pytest.mark.parametrize("price", ["0", "-1"])
def test_a_price_that_is_not_positive_is_refused(price: str) -> None:
    journal = Journal()
    mark = gate.encode(journal.mark("X", "100")).replace(b'"100"', f'"{price}"'.encode())
    (refused,) = gate.decode(mark)
    assert isinstance(refused, gate.Refusal)
    assert refused.reason == "invalid_field"
    assert f"received {price}" in refused.detail


@pytest.mark.parametrize("inverse", [False, True])
def test_prices_from_tiny_to_huge_are_judged_exactly(inverse: bool) -> None:
    journal = Journal()
    journal.list_instrument("X", "inverse" if inverse else "linear")
    journal.index("X", "1")
    for name, size in (("ann", "3"), ("bob", "-3")):
        journal.balance(name, "10", "X" if inverse else "USD")
        journal.position(name, "X", size, "1")
    for price in ("1", "0.000000000001", "1000000000000", "1", "100", "1", "0.01", "1"):
        journal.mark("X", price)
    compare(journal)


def test_a_position_flips_through_zero_in_one_event() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.balance("ann", "30")
    for size in ("5", "-5", "0", "5"):
        journal.position("ann", "X", size, "100" if size != "0" else None)
        journal.mark("X", "95")
        journal.mark("X", "100")
    engine = compare(journal)
    assert engine.summary()["open_interest"]["X"]["long"] == "5"


def test_a_size_beyond_what_floats_count_is_kept_to_the_lot() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "0.000001")
    journal.balance("ann", "1000000000")
    journal.position("ann", "X", str(2**53 + 1), "0.000001")
    engine = compare(journal)
    assert report(engine)["positions"][0]["size"] == "9007199254740993"
    assert report(engine)["positions"][0]["notional"] == "9007199254.740993"


def test_an_instrument_without_tiers_requires_nothing() -> None:
    journal = Journal()
    journal.list_instrument("X", risk_tiers=[])
    journal.mark("X", "100")
    journal.balance("ann", "1")
    journal.position("ann", "X", "1", "100")
    journal.mark("X", "99.5")
    assert report(compare(journal))["state"] == "healthy"
    journal.mark("X", "99")
    assert report(compare(journal))["state"] == "liquidatable"  # equity 0 = requirement 0


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        ([tier("10", "0.1", "0.05"), tier("5", "0.2", "0.1")], "expected ascending notional_max"),
        ([tier("10", "0.1", "0.05"), tier("10", "0.2", "0.1")], "expected ascending notional_max"),
        ([tier(None, "0.1", "0.05"), tier("5", "0.2", "0.1")], "without notional_max"),
        ([tier("10", "0.1", "0.05"), tier(None, "0.05", "0.1")], "expected rates that do not fall"),
        ([tier("10", "0.1", "0.05"), tier(None, "0.2", "0.01")], "expected rates that do not fall"),
    ],
)
def test_tiers_that_make_no_schedule_are_refused(
    tiers: list[events.RiskTier], expected: str
) -> None:
    (refused,) = gate.decode(gate.encode(Journal().list_instrument("X", risk_tiers=tiers)))
    assert isinstance(refused, gate.Refusal)
    assert expected in refused.detail


def test_collateral_whose_index_is_missing_leaves_its_holder_unknown() -> None:
    journal = Journal()
    journal.list_collateral("EUR", index="EUR-USD")
    journal.balance("ann", "5", "EUR")
    assert report(compare(journal))["state"] == "unknown"
    journal.index("EUR-USD", "1.1")
    assert report(compare(journal))["equity"] == "5.5"


def test_an_account_with_a_thousand_positions_is_one_unit() -> None:
    names = [f"I{number:04d}" for number in range(1_000)]
    journal = Journal()
    for name in names:
        journal.list_instrument(name)
    journal.marks(**dict.fromkeys(names, "1"))
    records = [
        events.PositionRecord(instrument=name, size="1" if number % 2 else "-1", entry_price="1")
        for number, name in enumerate(names)
    ]
    journal.snapshot("ann", balances={"USD": "95"}, positions=records)
    engine = RiskEngine(EngineSettings())
    assert [kind for _, kind in _kinds(engine, journal)] == []
    journal.marks(**dict.fromkeys(names[1::2], "0.9"))  # the longs lose 50: 45 for 47.5
    assert _kinds(engine, journal) == [(0, "account_liquidatable")]
    journal.marks(**dict.fromkeys(names[::2], "0.5"))  # the shorts gain 250
    assert _kinds(engine, journal) == [(0, "account_recovered")]
    assert Fraction(report(engine)["equity"]) == 95 - 50 + 250


def _kinds(engine: RiskEngine, journal: Journal) -> list[tuple[int, str]]:
    return [(index, decision.kind) for index, decision in engine.apply(journal.take())]


def test_more_accounts_than_anybody_expected_are_taken() -> None:
    journal = Journal()
    for number in range(20_000):
        journal.balance(f"account-{number}", "1")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    assert engine.summary()["accounts"]["healthy"] == 20_000


def test_more_than_an_account_may_hold_is_refused_before_anything_is_booked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(booking, "POSITIONS_MAX", 2)
    monkeypatch.setattr(booking, "ASSETS_MAX", 2)
    journal = Journal()
    for name in ("X", "Y", "Z"):
        journal.list_instrument(name)
        journal.mark(name, "10")
        journal.balance("ann", "5", asset=name)
        journal.position("ann", name, "1", "10")
    records = [
        events.PositionRecord(instrument=name, leg="net", size="1", entry_price="10")
        for name in ("X", "Y", "Z")
    ]
    journal.snapshot("ann", balances={}, positions=records)
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.events)
    assert [one.detail for one in engine.take_refused()] == [
        "ann: expected at most 2 balances, received 3",
        "ann: expected at most 2 positions, received 3",
        "ann: expected at most 2 positions, received 3",
    ]
    assert [one["instrument"] for one in report(engine)["positions"]] == ["X", "Y"]


def test_names_beyond_a_bound_are_refused_and_the_known_ones_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(facts, "NAMES_MAX", 2)
    monkeypatch.setattr(board, "NAMES_MAX", 2)
    monkeypatch.setattr(booking, "ASSET_NAMES_MAX", 2)
    journal = Journal()
    for name in ("A", "B", "C", "A"):
        journal.index(name, "1")
        journal.index(name, "1", source="feed")
        journal.add(
            events.OracleReported(
                event_ns=journal.now_ns, oracle="o", index=name, price="1",
                confidence_interval="0", published_ns=journal.now_ns,
            )
        )  # fmt: skip
        journal.balance("ann", "5", asset=name)
        journal.fund(name, "5", "USD")
    journal.list_instrument("A-LISTED", fund="C")
    journal.list_instrument("B-LISTED", fund="B")
    journal.snapshot("ann", balances={"A": "1", "C": "1"})
    journal.snapshot("ann", balances={"B": "7"})
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.events)
    assert [one.detail for one in engine.take_refused()] == [
        "expected at most 2 indices, received C",
        "expected at most 2 indices, received C",
        "expected at most 2 indices, received C",
        "ann: expected at most 2 assets of a shard, received 'C'",
        "expected at most 2 funds, received C",
        "expected at most 2 funds, received C",
        "ann: expected at most 2 assets of a shard, received 'C'",
    ]
    assert report(engine)["balances"] == {"B": "7"}


def test_what_an_account_may_hold_fits_into_one_margin_unit() -> None:
    each = booking.POSITIONS_MAX + 2 * booking.ASSETS_MAX  # positions, balances, what is owed
    assert each <= ITEMS_MAX // 2
    # The float band (decision 0001) covers the rounding of a sum of so many terms.
    assert (each + 8) * 2.0**-53 <= 2.0 * FLOAT_BAND


def test_an_account_with_thousands_of_positions_is_judged_exactly_and_restored() -> None:
    """Long 1 at 100 in each of 3,000 instruments, on exactly what it must keep at 99."""
    count, journal = 3_000, Journal()
    names = [f"X{number}" for number in range(count)]
    for name in names:
        journal.list_instrument(name)
    journal.add(
        events.MarkPricesChanged(event_ns=journal.now_ns, prices=dict.fromkeys(names, "99"))
    )
    keeps = Decimal("0.05") * 99 * count  # 5 % of each
    journal.balance("ann", str(keeps + count + Decimal("0.00000001")))
    positions = [
        events.PositionRecord(instrument=name, size="1", entry_price="100") for name in names
    ]
    balances = {"USD": str(keeps + count + Decimal("0.00000001"))}
    journal.snapshot("ann", balances=balances, positions=positions)
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    assert engine.take_refused() == []
    before = engine.view().accounts
    assert (before["margin_call"], before["liquidatable"]) == (1, 0)
    journal.balance("ann", str(keeps + count))
    engine.apply(journal.take())
    assert engine.view().accounts["liquidatable"] == 1
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    assert restored.state_hash() == engine.state_hash()
    assert restored.view().accounts == engine.view().accounts


@pytest.mark.parametrize("price", ["101", "0.0099"])
def test_a_jump_of_ten_thousand_percent_is_a_price_like_any_other(price: str) -> None:
    """From 1, up and down by a factor of 101: both sides are judged, and the way back too."""
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "1")
    for name, size in (("ann", "3"), ("bob", "-3")):
        journal.balance(name, "10")
        journal.position(name, "X", size, "1")
        journal.position(name, "X", size, "1", leg="long" if name == "ann" else "short")
    journal.mark("X", price)
    journal.mark("X", "1")
    pair = Pair(RiskEngine(EngineSettings()), NaiveEngine(EngineSettings()))
    for event in journal.take():
        pair.apply(event)
        pair.check_all()


@pytest.mark.parametrize("margin", ["-2", "-1000"])
def test_a_margin_that_implies_leverage_below_zero_is_a_debt_of_that_unit_alone(
    margin: str,
) -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.balance("ann", "50")
    journal.position("ann", "X", "1", "100", margin_mode="isolated", isolated_margin=margin)
    engine = compare(journal)
    (position,) = report(engine)["positions"]
    assert (position["state"], position["equity"]) == ("bankrupt", margin)
    assert (report(engine)["state"], report(engine)["equity"]) == ("healthy", "50")


def test_an_event_told_twice_and_one_told_late_leave_the_book_intact() -> None:
    """Twice: ignored and counted. Late: booked in the order of its seq, and time stands still."""
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.balance("ann", "10")
    journal.position("ann", "X", "1", "100")
    journal.events += journal.events[-2:]
    before_ns = journal.now_ns
    journal.wait(-3600)
    journal.balance("ann", "4")
    engine = compare(journal)
    assert report(engine)["state"] == "liquidatable"
    assert report(engine)["flags"] == []
    assert engine.summary()["open_interest"]["X"]["long"] == "1"
    assert engine.view().events_ignored == {"sequence_repeated": 2}
    assert engine.engine_ns == before_ns
