"""How long and how large what waits is."""

from monitor.core import events
from monitor.core.engine import RiskEngine
from tests.builders import Journal
from tests.core.liquidation_watch.watching import engine_with, findings, long_of


def two_fallen() -> Journal:
    journal = long_of(10, "60")
    journal.balance("bob", "18")
    journal.position("bob", "X", 2, "100")
    journal.wait(1).mark("X", "96")  # ann: 20 of 48
    journal.wait(20).mark("X", "95.5")  # bob: 9 of 9.55
    return journal


def test_what_waits_is_counted_by_its_time_with_its_notional() -> None:
    engine, journal = engine_with(), two_fallen()
    journal.wait(2).tick()
    assert findings(engine, journal) == []
    restored = RiskEngine.from_state(engine.export_state(), engine.settings)
    for each in (engine, restored):
        waits = each.view().liquidations.waits
        assert waits.counts == (0, 1, 0, 1, 0, 0)
        assert waits.notional_usd == (0.0, 191.0, 0.0, 960.0, 0.0, 0.0)


def test_what_is_taken_in_hand_waits_no_more_until_it_ends() -> None:
    engine, journal = engine_with(), two_fallen()
    journal.liquidation("started", "ann", "X", -10)
    findings(engine, journal)
    assert sum(engine.view().liquidations.waits.counts) == 1
    journal.wait(7).liquidation("finished", "ann", "X", 0)
    findings(engine, journal)
    assert engine.view().liquidations.waits.counts == (1, 0, 1, 0, 0, 0)


def test_the_liquidation_of_a_delisted_instrument_is_under_way_no_more() -> None:
    engine, journal = engine_with(), two_fallen()
    journal.list_instrument("Y")
    journal.mark("Y", "100")
    journal.position("ann", "Y", 1, "100")
    journal.liquidation("started", "ann", "Y", -1)
    findings(engine, journal)
    assert sum(engine.view().liquidations.waits.counts) == 1
    journal.add(events.InstrumentDelisted(event_ns=journal.now_ns, instrument="Y"))
    findings(engine, journal)
    assert sum(engine.view().liquidations.waits.counts) == 2
