"""A listing is for those whom it concerns, and a delisted instrument leaves nothing behind."""

from monitor.core.engine import RiskEngine
from monitor.core.events import InstrumentDelisted
from monitor.core.settings import EngineSettings
from tests.builders import Journal, tier


def book() -> tuple[RiskEngine, Journal]:
    """Return two holders of X, one of them with margin alone, and one of Y."""
    journal = Journal()
    for name in ("X-PERP", "Y-PERP"):
        journal.list_instrument(name)
        journal.mark(name, "10")
    for name in ("ann", "bob", "cay"):
        journal.balance(name, "100")
    journal.position("ann", "X-PERP", "1", "10")
    journal.position("bob", "X-PERP", "0", "10", margin_mode="isolated", isolated_margin="5")
    journal.position("cay", "Y-PERP", "1", "10")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    engine.take_changed_accounts()
    return engine, journal


def delist(journal: Journal, instrument: str) -> None:
    """Write that an instrument is no more."""
    journal.add(InstrumentDelisted(event_ns=journal.now_ns, instrument=instrument))


def applied(engine: RiskEngine, journal: Journal) -> set[str]:
    """Return the accounts that what was written concerns."""
    engine.apply(journal.take())
    return engine.take_changed_accounts()


def test_a_new_instrument_concerns_nobody() -> None:
    engine, journal = book()
    journal.list_instrument("Z-PERP")
    assert applied(engine, journal) == set()


def test_a_new_definition_concerns_its_holders() -> None:
    engine, journal = book()
    journal.list_instrument("X-PERP", risk_tiers=[tier(None, "1", "1")])
    journal.position("ann", "X-PERP", "90", "10")
    assert applied(engine, journal) == {"ann", "bob"}
    view = engine.account_view("ann")
    assert view is not None
    assert view.state == "liquidatable"


def test_what_makes_an_asset_count_concerns_everybody() -> None:
    engine, journal = book()
    journal.list_instrument("COIN-PERP", "inverse")
    assert applied(engine, journal) == {"ann", "bob", "cay"}
    delist(journal, "COIN-PERP")
    assert applied(engine, journal) == {"ann", "bob", "cay"}


def test_a_delisted_instrument_concerns_its_holders_and_leaves_nothing() -> None:
    engine, journal = book()
    delist(journal, "X-PERP")
    assert applied(engine, journal) == {"ann", "bob"}
    (shard,) = engine.shards.engines
    assert set(shard.ledger.store.instrument_numbers) == {"Y-PERP"}
    assert [unit.key for unit in shard.units_of("bob")] == [None]


def test_guards_are_found_again_on_what_is_listed_again() -> None:
    engine, journal = book()
    journal.position("cay", "X-PERP", "1", "10")
    journal.position("cay", "X-PERP", "0", "10")  # its guard on X stays
    delist(journal, "X-PERP")
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "10")
    journal.position("cay", "X-PERP", "100", "10")
    assert applied(engine, journal) == {"ann", "bob", "cay"}
    journal.mark("X-PERP", "9")
    made = [decision.kind for _, decision in engine.apply(journal.take())]
    assert made == ["account_liquidatable"]
