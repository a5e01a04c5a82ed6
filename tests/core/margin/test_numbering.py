"""Compiled code reads from the ledger's columns what objects say, item by item."""

import math
import random

import numpy as np
import pytest

from monitor.core import events as e
from monitor.core.accounts import AccountEngine
from monitor.core.engine import RiskEngine
from monitor.core.margin.book import MarginUnit, owns_payment
from monitor.core.margin.index.columns import (
    AMOUNT,
    BUCKETS_USED,
    COLLATERAL,
    POSITION,
    ROWS_USED,
)
from monitor.core.margin.index.index import Item
from monitor.core.settings import EngineSettings
from tests.builders import Journal, tier

NAMES = ("A-PERP", "B-PERP", "C-PERP")
ASSETS = ("USD", "USDT", "A", "B", "EUR", "JUNK", "MUD")


def items_of(shard: AccountEngine, unit: MarginUnit) -> list[Item]:
    """Return a unit's items the slow way: from objects, by names."""
    market, numbering, account = shard.market, shard.thresholds.numbering, unit.account
    items: list[Item] = []

    def add(asset: str, units: int) -> None:
        amount = units * market.unit(asset).number
        items.append(Item(AMOUNT, numbering.value_slot(asset), amount))

    if unit.key is None:
        for asset, units in account.balances.items():
            rule = market.collateral.get(asset)
            if units > 0 and rule is not None:
                amount = units * market.unit(asset).number
                items.append(Item(COLLATERAL, numbering.haircut(asset, rule), amount))
            elif units < 0 or market.counts(asset):
                add(asset, units)
    elif (own := account.position(unit.key)) is not None:
        add(own.instrument.settlement, own.isolated_margin)
    for payment in account.pending_funding:
        if owns_payment(unit, payment):
            add(payment.asset, -payment.amount)
    numbers = account.store.instrument_numbers
    for position in unit.positions():
        number = numbering.terms(numbers[position.instrument.name], position.instrument)
        items.append(Item(POSITION, number, position.quantity, position.entry))
    return items


class Exchange:
    """Random events, and after each a look at every unit in the index."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.journal = Journal()
        self.engine = RiskEngine(EngineSettings(accounts_reserved=2))
        for name in NAMES:
            self.list_instrument(name)
        self.journal.list_collateral("EUR", index="EUR", haircut="0.1")

    def list_instrument(self, name: str) -> None:
        """List an instrument, or list it again by other rules."""
        kind = "inverse" if name == "B-PERP" else "linear"
        rate = self.chance.choice(["0.05", "0.1"])
        self.journal.list_instrument(name, kind, risk_tiers=[tier(None, "0.2", rate)])

    def step(self) -> None:
        """Let one random thing happen."""
        chance, journal = self.chance, self.journal
        name, account = chance.choice(NAMES), f"account{chance.randrange(12)}"
        what = chance.random()
        if what < 0.35:
            journal.balance(account, str(chance.choice([-7, 0, 3, 40])), chance.choice(ASSETS))
        elif what < 0.7:
            isolated = {"margin_mode": "isolated", "isolated_margin": chance.choice(["0", "5"])}
            size = str(chance.choice([-3, 0, 2]))
            journal.position(account, name, size, "10", **chance.choice([{}, {}, isolated]))
        elif what < 0.78:
            journal.mark(name, str(chance.choice([9, 10, 11])))
            journal.index(chance.choice(["A", "B", "EUR"]), str(chance.choice([1, 2])))
        elif what < 0.84:
            journal.funding(name, chance.choice(["0.01", "-0.01"]), "10")
        elif what < 0.9:
            self.list_instrument(name)
        elif what < 0.93:
            journal.list_collateral(chance.choice(["EUR", "JUNK"]), index="EUR", haircut="0.3")
        elif what < 0.96:
            event_ns, seq = journal.now_ns, journal.next_seq(account)
            journal.add(e.AccountClosed(event_ns=event_ns, account=account, seq=seq))
        else:
            journal.add(e.InstrumentDelisted(event_ns=journal.now_ns, instrument=name))
            self.list_instrument(name)
        self.engine.apply(journal.take())

    def differences(self) -> list[tuple[str, list[float], list[float]]]:
        """Return each unit that measures otherwise than its items do."""
        (shard,) = self.engine.shards.engines
        index, found = shard.thresholds.index, []
        spare = len(index.columns.begins) - 1
        for unit in shard.units():
            (measured,) = shard.thresholds.measures([unit]).tolist()
            index.set_unit(spare, items_of(shard, unit))
            (wanted,) = index.measures([spare]).tolist()
            index.remove_units([spare])
            if not np.allclose(measured, wanted, rtol=1e-13, atol=0.0, equal_nan=True):
                found.append((unit.name, measured, wanted))
        return found


@pytest.mark.parametrize("seed", range(12))
def test_the_index_has_of_every_unit_what_objects_say(seed: int) -> None:
    exchange = Exchange(seed)
    for _ in range(150):
        exchange.step()
        assert exchange.differences() == []


def sizes(engine: RiskEngine) -> dict[str, int]:
    """Return how much room what is listed takes."""
    (shard,) = engine.shards.engines
    numbering, columns, store = (
        shard.thresholds.numbering,
        shard.thresholds.index.columns,
        shard.ledger.store,
    )
    kept = {
        name: len(getattr(numbering, name))
        for name in ("slots", "instruments", "collateral", "instrument_names", "left")
    }
    names = ("slots", "instruments", "positions", "tiers", "steps", "haircuts", "buckets")
    return {
        **kept,
        **{name + " column": len(getattr(columns, name)) for name in names},
        "buckets used": int(columns.counters[BUCKETS_USED]),
        "rows used": int(columns.counters[ROWS_USED]),
        "numbers": len(store.instruments) + len(store.asset_meanings.records),
        "open interest": len(shard.ledger.open_interest),
        "units": shard.margin_units.used,
    }


def test_a_venue_that_lists_anew_every_day_needs_room_for_what_is_listed_alone() -> None:
    chance, journal, engine = random.Random(1), Journal(), RiskEngine(EngineSettings())
    journal.list_instrument("STAYS-PERP")
    journal.mark("STAYS-PERP", "10")
    journal.balance("ann", "100", "USD")
    journal.balance("ann", "10", "EUR")
    journal.position("ann", "STAYS-PERP", "5", "10")
    found = {}
    for day in range(10_000):
        name, tiers = f"DAY{day}-PERP", [tier(None, "0.2", f"0.0{chance.randint(1, 9)}")]
        if chance.random() < 0.5:
            tiers = [tier("40", "0.1", "0.01"), *tiers]
        journal.list_instrument(name, risk_tiers=tiers)
        journal.mark(name, "10")
        journal.position("ann", name, "1", "10")
        journal.list_instrument("STAYS-PERP", risk_tiers=tiers)
        journal.list_collateral("EUR", haircut=f"0.{chance.randint(1, 9)}")
        journal.add(e.InstrumentDelisted(event_ns=journal.now_ns, instrument=name))
        engine.apply(journal.take())
        if day == 100:
            found = sizes(engine)
    assert sizes(engine) == found
    (shard,) = engine.shards.engines
    (measured,) = shard.thresholds.measures([shard.cross["ann"]]).tolist()
    index = shard.thresholds.index
    index.set_unit(200, items_of(shard, shard.cross["ann"]))
    assert index.measures([200])[0].tolist() == pytest.approx(measured, rel=1e-13)


def test_numbers_are_given_again_when_nobody_holds_them_any_more() -> None:
    journal, engine = Journal(), RiskEngine(EngineSettings())
    for name in NAMES:
        journal.list_instrument(name)
        journal.mark(name, "10")
        for account in ("ann", "bob"):
            journal.position(account, name, "1", "10")
    engine.apply(journal.take())
    # Every instrument gets other terms in one step, while bob still holds those of before.
    journal.list_collateral("USD", index="USD-USD")
    engine.apply(journal.take())
    (shard,) = engine.shards.engines
    numbers = [number for _, number, _ in shard.thresholds.numbering.instruments.values()]
    assert sorted(numbers) == [3, 4, 5]
    journal.index("USD-USD", "1")
    journal.list_instrument("A-PERP", risk_tiers=[tier(None, "0.5", "0.4")])
    engine.apply(journal.take())
    of = shard.ledger.store.instrument_numbers["A-PERP"]
    assert shard.thresholds.numbering.instruments[of][1] in (0, 1, 2)
    assert [
        shard.thresholds.index.measures([unit.number])[0, 1] == pytest.approx(5.0)
        for unit in shard.units()
    ] == [True, True]


def test_a_debt_in_what_is_no_collateral_counts_and_a_credit_does_not() -> None:
    journal = Journal()
    journal.balance("ann", "5", "JUNK")
    journal.balance("bob", "-5", "JUNK")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    (shard,) = engine.shards.engines
    equities = shard.thresholds.measures(list(shard.units()))[:, 0].tolist()
    assert equities[0] == 0.0
    assert math.isnan(equities[1])
