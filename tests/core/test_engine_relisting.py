"""A new definition reaches the holders of an instrument in slices, and everybody agrees on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import decisions
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent, InstrumentDelisted
from monitor.core.ledger.relisting import bucket_of
from monitor.core.settings import EngineSettings
from tests import random_settings, strategies
from tests.builders import Journal, tier
from tests.core.comparison import assert_same, plain
from tests.reference import naive_report
from tests.reference.naive import NaiveEngine

X = "X-PERP"
STEEP = [tier(None, "0.9", "0.8")]
NAMES = sorted((f"account-{number}" for number in range(20)), key=bucket_of)


@contextmanager
def slices_of(holders: int) -> Iterator[None]:
    """Let an event judge about so many positions anew."""
    with (
        mock.patch("monitor.core.ledger.relisting.SLICE_HOLDERS", holders),
        mock.patch("tests.reference.naive_relisting.SLICE_HOLDERS", holders),
    ):
        yield


@st.composite
def relistings(draw: st.DrawFn) -> list[AnyEvent]:
    """Draw a sequence in which instruments are listed again and again."""
    writer = strategies.Writer(draw, Journal(), strategies.ACCOUNTS, "all")
    writer.world()
    writer.book()
    for _ in range(draw(st.integers(1, 8))):
        writer.relist()
        if writer.chance(3):  # as many lots of the same unit
            (*_, listed) = writer.journal.events
            writer.journal.events[-1] = msgspec.structs.replace(listed, lot_size="2", size_unit="1")
        for _ in range(draw(st.integers(0, 3))):
            writer.step()
    return writer.journal.events


def parts(settings: EngineSettings, events: list[AnyEvent], cut: int) -> list[list[object]]:
    """Return the decisions of three shards, and of an engine that restarts at an event."""
    shards, restarting = RiskEngine(settings, shards=3), RiskEngine(settings)
    made: list[list[object]] = [[], []]
    for number, event in enumerate(events):
        if number == cut:
            restarted = RiskEngine.from_state(restarting.export_state(), settings)
            assert restarted.export_state() == restarting.export_state()
            restarting = restarted
        for number_of, engine in enumerate((shards, restarting)):
            made[number_of] += plain([one for _, one in engine.apply([event])])
    return made


@given(random_settings.SETTINGS, relistings(), st.integers(1, 3))
def test_slices_and_reports_equal_those_of_the_twin(
    settings: EngineSettings, events: list[AnyEvent], holders: int
) -> None:
    with slices_of(holders):
        engine, twin = RiskEngine(settings), NaiveEngine(settings)
        assert_same(engine, twin, events)
        for name, account in twin.world.accounts.items():
            if not account.change:
                assert engine.account_report(name) == naive_report.account_report(twin, name)


@given(random_settings.SETTINGS, relistings(), st.integers(1, 3), st.data())
def test_neither_shards_nor_a_restart_change_the_order(
    settings: EngineSettings, events: list[AnyEvent], holders: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(events) - 1))
    with slices_of(holders):
        engine = RiskEngine(settings)
        made = plain([one for event in events for _, one in engine.apply([event])])
        assert parts(settings, events, cut) == [made, made]


def book() -> tuple[RiskEngine, Journal]:
    """Return twenty holders of one instrument, all healthy."""
    journal = Journal()
    journal.list_instrument(X)
    journal.mark(X, "10")
    for name in NAMES:
        journal.balance(name, "5")
        journal.position(name, X, "1", "10")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    return engine, journal


def fallen(engine: RiskEngine, journal: Journal) -> list[int]:
    """Return who became liquidatable by what was written, as places in the order of turns."""
    made = plain([one for _, one in engine.apply(journal.take())])
    return sorted(NAMES.index(one["account"]) for one in made)


def numbers(engine: RiskEngine) -> int:
    """Return how many terms the index keeps for the instrument."""
    (shard,) = engine.shards.engines
    return len(shard.thresholds.numbering.instruments)


def test_the_old_definition_is_valid_until_an_accounts_turn() -> None:
    engine, journal = book()
    with slices_of(5):
        journal.list_instrument(X, risk_tiers=STEEP)
        found = fallen(engine, journal)
        assert 0 < len(found) < 12
        while len(found) < len(NAMES):
            assert numbers(engine) == 2
            last = NAMES[-1]
            journal.balance(last, "6")  # its own events do not bring its turn nearer
            journal.position(last, X, "0")
            journal.position(last, X, "1", "10")
            view = engine.account_view(last)
            assert view is not None
            assert view.state == "healthy"
            found += fallen(engine, journal)
            assert found == list(range(len(found)))
    assert numbers(engine) == 1


def test_few_holders_are_judged_at_once() -> None:
    engine, journal = book()
    journal.list_instrument(X, risk_tiers=STEEP)
    assert fallen(engine, journal) == list(range(len(NAMES)))


def test_another_worth_holds_for_everybody_at_once() -> None:
    engine, journal = book()
    with slices_of(5):
        journal.list_instrument(X, risk_tiers=STEEP, contract_size="2")
        assert fallen(engine, journal) == list(range(len(NAMES)))


def test_lots_are_counted_by_one_definition_at_a_time() -> None:
    """The last one's turn is far off: short 5, it can close no whole lot of 10."""
    engine, journal = book()
    bob, sue = NAMES[-2:]
    for name, balance, size in ((bob, "30", "20"), (sue, "900", "-5")):
        journal.balance(name, balance)
        journal.position(name, X, size, "10")
    with slices_of(1):
        journal.list_instrument(X, size_unit="1", lot_size="10")
        journal.liquidation("started", bob, X, "-20", None, "L1")
        journal.mark(X, "8")
        journal.position(bob, X, "0")
        journal.balance(bob, "-10", "USD", "liquidation")
        journal.liquidation("finished", bob, X, "-20", "8", "L1")
        made = [one for _, one in engine.apply(journal.take())]
    (planned,) = [one for one in made if isinstance(one, decisions.DeleveragingPlanned)]
    assert (planned.taken, planned.left, planned.reductions) == ("0", "10", [])


def test_several_instruments_take_turns() -> None:
    engine, journal = book()
    journal.list_instrument("A-PERP")
    for name in NAMES:
        journal.position(name, "A-PERP", "1", "10")
    journal.mark("A-PERP", "10")
    engine.apply(journal.take())
    (shard,) = engine.shards.engines
    with slices_of(5):
        for instrument in (X, "A-PERP"):
            journal.list_instrument(instrument, risk_tiers=[tier(None, "0.2", "0.1")])
        engine.apply(journal.take())
        done = []
        while shard.ledger.store.relistings:
            done.append(sorted(shard.ledger.store.relistings))
            journal.tick()
            engine.apply(journal.take())
    assert done == [["A-PERP", X]] * 3 + [[X]] * 3  # each began with its own listing


def test_an_empty_shard_waits_like_the_others() -> None:
    """Who opens a position before its turn has the old definition, wherever its account lies."""
    made = []
    for shards in (1, 8):
        journal = Journal()
        journal.list_instrument(X)
        journal.mark(X, "10")
        for name in NAMES[:2]:
            journal.balance(name, "5")
            journal.position(name, X, "1", "10")
        engine = RiskEngine(EngineSettings(), shards=shards)
        engine.apply(journal.take())
        with slices_of(1):
            journal.list_instrument(X, risk_tiers=STEEP)
            for name in reversed(NAMES[2:]):
                journal.balance(name, "5")
                journal.position(name, X, "1", "10")
            made.append(plain([one for _, one in engine.apply(journal.take())]))
    assert made[0] == made[1]


def test_a_second_relisting_ends_the_first_one_at_once() -> None:
    engine, journal = book()
    with slices_of(2):
        journal.list_instrument(X, risk_tiers=STEEP)
        journal.list_instrument(X)
        assert len(fallen(engine, journal)) >= len(NAMES)
        assert numbers(engine) == 2
        for _ in range(20):
            journal.tick()
        engine.apply(journal.take())
        assert numbers(engine) == 1
    assert engine.summary()["accounts"]["healthy"] == len(NAMES)


def test_an_instrument_that_is_gone_is_not_relisted_further() -> None:
    engine, journal = book()
    with slices_of(2):
        journal.list_instrument(X, risk_tiers=STEEP)
        journal.add(InstrumentDelisted(event_ns=journal.now_ns, instrument=X))
        engine.apply(journal.take())
    (shard,) = engine.shards.engines
    assert not shard.ledger.store.relistings
    assert numbers(engine) == 0
    assert engine.summary()["accounts"]["healthy"] == len(NAMES)
