"""The engine's units in the index: found by every price, measured to the band, numbered anew."""

import math
import random
from collections.abc import Iterator
from typing import Any

import pytest

from monitor.core import events as e
from monitor.core.engine import RiskEngine
from monitor.core.instruments import Instrument
from monitor.core.margin.book import MarginUnit
from monitor.core.margin.index.columns import UNDECIDED
from monitor.core.margin.index.terms import terms_of
from monitor.core.margin.index.verdict import FLOAT_BAND
from monitor.core.margin.totals import unit_totals
from monitor.core.settings import EngineSettings
from tests.builders import Journal, tier
from tests.reference import naive_margin
from tests.reference.naive import NaiveEngine

KINDS: tuple[e.InstrumentKind, ...] = ("linear", "inverse", "quanto")
TIERS = [
    e.RiskTier(notional_max="50", initial_margin_rate="0.02", maintenance_margin_rate="0.01"),
    e.RiskTier(notional_max="400", initial_margin_rate="0.05", maintenance_margin_rate="0.04"),
    e.RiskTier(initial_margin_rate="0.2", maintenance_margin_rate="0.15"),
]


MODELS: tuple[e.MarginModel, ...] = (
    e.Tiered(),
    e.SizeLinear(initial_margin_rate="0.05", maintenance_margin_rate="0.02", rate_per_unit="0.001"),
    e.SquareRoot(factor="0.01"),
    e.SkewScaled(skew_scale="400", ratio="0.5"),
    e.OpenInterestScaled(lower="10", upper="100"),
)


def rarer_rules(chance: random.Random) -> dict[str, Any]:
    """Return what else a venue may say of an instrument."""
    return {
        "margin_model": chance.choice(MODELS),
        "closing_fee_rate": chance.choice(["0", "0.001", "0.02"]),
        "closing_fee_basis": chance.choice(["none", "mark_price", "bankruptcy_price"]),
        "bankruptcy_price_after_fee": chance.random() < 0.3,
        "margin_price": chance.choice(["mark_price", "mark_price", "entry_price"]),
        "hedge_margin": chance.choice(["both", "larger"]),
        "liquidation_buffer_rate": chance.choice(["0", "0.01"]),
    }


def world(chance: random.Random, *, every_rule: bool) -> RiskEngine:
    """Return a small exchange with one account of random positions and collateral."""
    engine = RiskEngine(EngineSettings())
    listing: list[e.AnyEvent] = [
        e.CollateralListed(
            event_ns=1,
            asset="COIN",
            index="COIN-USD",
            haircut_tiers=[
                e.HaircutTier(value_max="300", haircut="0.05"),
                e.HaircutTier(haircut="0.4"),
            ],
        ),
        e.IndexPriceChanged(event_ns=1, index="COIN-USD", price=_price(chance, 10)),
    ]
    for number in range(chance.randint(1, 4)):
        kind = chance.choice(KINDS)
        listing += [
            e.InstrumentListed(
                event_ns=1,
                instrument=f"I{number}",
                kind=kind,
                base="COIN",
                quote="USDT",
                settlement_currency="USDT" if kind == "linear" else "COIN",
                contract_size="0.01" if kind == "quanto" else "1",
                lot_size="1",
                tick_size="0.01",
                index="COIN-USD",
                risk_tiers=TIERS[: chance.randint(0, 3)] if chance.random() < 0.8 else TIERS,
                **(rarer_rules(chance) if every_rule else {}),
            ),
            e.MarkPriceChanged(event_ns=1, instrument=f"I{number}", price=_price(chance, 10)),
        ]
    instruments = sum(isinstance(x, e.InstrumentListed) for x in listing)
    engine.apply([*listing, *_account(chance, instruments, hedged=every_rule)])
    return engine


def _price(chance: random.Random, middle: float) -> str:
    return f"{middle * math.exp(chance.gauss(0, 0.2)):.4f}"


def _account(chance: random.Random, instruments: int, *, hedged: bool) -> Iterator[e.AnyEvent]:
    amounts = {"USDT": f"{chance.gauss(60, 120):.2f}", "COIN": f"{chance.gauss(5, 20):.2f}"}
    sequence = 0
    for asset, balance in amounts.items():
        sequence += 1
        yield e.BalanceChanged(
            event_ns=2, account="ann", seq=sequence, asset=asset, balance=balance, reason="deposit"
        )
    for number in range(instruments):
        sequence += 1
        isolated = chance.random() < 0.2
        yield e.PositionChanged(
            event_ns=2,
            account="ann",
            seq=sequence,
            instrument=f"I{number}",
            size=str(chance.choice([-60, -7, -1, 1, 4, 30])),
            entry_price=_price(chance, 10),
            margin_mode="isolated" if isolated else "cross",
            isolated_margin=f"{chance.uniform(0, 30):.2f}" if isolated else None,
        )
        if hedged and chance.random() < 0.3:
            sequence += 1
            leg: e.Leg = chance.choice(["long", "short"])
            yield e.PositionChanged(
                event_ns=2,
                account="ann",
                seq=sequence,
                instrument=f"I{number}",
                leg=leg,
                size=str(chance.choice([1, 10, 29]) * (1 if leg == "long" else -1)),
                entry_price=_price(chance, 10),
                margin_mode="cross",
            )


def exact_state(engine: RiskEngine, unit: MarginUnit) -> str:
    amounts = unit_totals(unit, engine.market, engine.rules)
    assert amounts is not None
    return engine.rules.state(
        amounts.equity, amounts.maintenance_margin, has_position=amounts.has_position
    )


@pytest.mark.parametrize("every_rule", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_guards_find_every_change_that_a_rescan_finds(seed: int, every_rule: bool) -> None:
    chance = random.Random(seed)
    engine = world(chance, every_rule=every_rule)
    instruments = sorted(engine.market.instruments)
    for step in range(60):
        name = chance.choice([*instruments, "COIN-USD"])
        text = _price(chance, 10)
        event: e.AnyEvent = (
            e.IndexPriceChanged(event_ns=4 + step, index=name, price=text)
            if name == "COIN-USD"
            else e.MarkPriceChanged(event_ns=4 + step, instrument=name, price=text)
        )
        engine.apply([event])
        for unit in engine.shards.engines[0].units():
            assert unit.state == exact_state(engine, unit)


def test_a_requirement_that_cancels_is_judged_exactly() -> None:
    steep = [
        e.RiskTier(
            notional_max="1000000", initial_margin_rate="0.01", maintenance_margin_rate="0.01"
        ),
        e.RiskTier(
            initial_margin_rate="1",
            maintenance_margin_rate="1",
            maintenance_deduction="990000",
        ),
    ]
    for cents in range(40):
        engine = RiskEngine(EngineSettings())
        mark = f"1000000.{6300 + cents}"
        maintenance = 1_000_000 - 990_000 + (6_300 + cents) / 10_000
        engine.apply(
            [
                e.InstrumentListed(
                    event_ns=1,
                    instrument="X",
                    kind="linear",
                    base="X",
                    quote="USD",
                    settlement_currency="USD",
                    contract_size="1",
                    lot_size="1",
                    tick_size="1",
                    risk_tiers=steep,
                ),
                e.MarkPriceChanged(event_ns=1, instrument="X", price=mark),
                e.BalanceChanged(
                    event_ns=1,
                    account="ann",
                    seq=1,
                    asset="USD",
                    balance=f"{maintenance + 0.00000001:.8f}",
                    reason="deposit",
                ),
                e.PositionChanged(
                    event_ns=1, account="ann", seq=2, instrument="X", size="1", entry_price=mark
                ),
            ]
        )
        unit = engine.shards.engines[0].cross["ann"]
        assert unit.state == exact_state(engine, unit)


def is_bounded_by_floats(instrument: Instrument) -> bool:
    return not terms_of(instrument, 0, 0).always_exact


@pytest.mark.parametrize("every_rule", [False, True])
def test_floats_are_right_to_the_band(every_rule: bool) -> None:
    looked = 0
    for seed in range(300):
        engine = world(random.Random(seed), every_rule=every_rule)
        (shard,) = engine.shards.engines
        for unit in shard.units():
            ((equity, maintenance, gross),) = shard.thresholds.measures([unit]).tolist()
            totals = unit_totals(unit, engine.market, engine.rules)
            assert totals is not None
            assert abs(equity - totals.equity) <= FLOAT_BAND * gross
            if all(is_bounded_by_floats(position.instrument) for position in unit.positions()):
                jumps = shard.thresholds.index.verdicts([unit.number])[0] == UNDECIDED
                assert jumps or abs(maintenance - totals.maintenance_margin) <= FLOAT_BAND * gross
                looked += 1
    assert looked > 40


def test_a_first_price_is_for_those_alone_who_missed_it() -> None:
    journal = Journal()
    journal.list_collateral("EUR", index="EUR")
    for name in ("X-PERP", "Y-PERP"):
        journal.list_instrument(name)
    journal.balance("ann", "10")
    journal.position("ann", "X-PERP", "1", "10")
    journal.position("bob", "Y-PERP", "1", "10")
    journal.position("bob", "X-PERP", "-1", "10")
    journal.balance("cay", "5", "EUR")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    (shard,) = engine.shards.engines
    ann, bob, cay = (shard.cross[name] for name in ("ann", "bob", "cay"))
    assert [unit.state for unit in (ann, bob, cay)] == ["unknown"] * 3
    journal.wait(1)
    journal.mark("X-PERP", "10")
    journal.index("EUR", "2")
    engine.apply(journal.take())
    assert [unit.state for unit in (ann, bob, cay)] == ["healthy", "unknown", "healthy"]
    journal.mark("Y-PERP", "10")
    engine.apply(journal.take())
    assert bob.state == "liquidatable"


def test_what_nothing_values_waits_for_a_listing() -> None:
    journal = Journal()
    journal.balance("ann", "-5", "EUR")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    states = [engine.shards.engines[0].cross["ann"].state]
    journal.list_collateral("EUR", index="EUR")
    engine.apply(journal.take())
    states.append(engine.shards.engines[0].cross["ann"].state)
    journal.index("EUR", "2")
    engine.apply(journal.take())
    states.append(engine.shards.engines[0].cross["ann"].state)
    assert states == ["unknown", "unknown", "bankrupt"]


def test_numbers_of_units_that_are_gone_are_given_again() -> None:
    journal = Journal()
    for name in ("ann", "bob"):
        journal.balance(name, "10")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    (shard,) = engine.shards.engines
    freed = shard.cross["ann"].number
    closing = e.AccountClosed(event_ns=journal.now_ns, account="ann", seq=journal.next_seq("ann"))
    journal.balance("cay", "10")
    engine.apply([closing, *journal.take()])
    assert shard.cross["cay"].number == freed
    assert shard.thresholds.index.sums().counts.tolist() == [2, 0, 0, 0, 0, 0]


def test_other_terms_get_another_number_and_the_same_ones_do_not() -> None:
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "100")
    journal.balance("ann", "10")
    journal.position("ann", "X-PERP", "1", "100")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    (shard,) = engine.shards.engines

    def number() -> int:
        of = shard.ledger.store.instrument_numbers["X-PERP"]
        return shard.thresholds.numbering.instruments[of][1]

    before = number()
    journal.list_instrument("X-PERP")
    engine.apply(journal.take())
    assert number() == before
    journal.list_instrument("X-PERP", risk_tiers=[tier(None, "0.2", "0.15")])
    engine.apply(journal.take())
    assert number() != before
    assert shard.cross["ann"].state == "liquidatable"


def test_more_accounts_than_reserved_grow_and_stay_right() -> None:
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "100")
    names = [f"account{number}" for number in range(1_500)]
    for number, name in enumerate(names):
        journal.balance(name, str(8 + number % 5))
        journal.position(name, "X-PERP", "1", "100")
    engine = RiskEngine(EngineSettings(accounts_reserved=10))
    engine.apply(journal.take())
    (shard,) = engine.shards.engines
    assert len(shard.thresholds.index.columns.begins) >= len(names)
    journal.mark("X-PERP", "96")
    engine.apply(journal.take())
    assert all(unit.state == exact_state(engine, unit) for unit in shard.units())
    assert {unit.state for unit in shard.units()} == {"healthy", "margin_call", "liquidatable"}


@pytest.mark.parametrize("hedge_margin", ["both", "larger"])
@pytest.mark.parametrize("after_fee", [False, True])
def test_amounts_of_a_hedge_with_fees_at_the_bankruptcy_price_are_those_of_the_twin(
    hedge_margin: str, *, after_fee: bool
) -> None:
    looked = 0
    for seed in range(25):
        chance = random.Random(seed)
        journal = Journal()
        journal.list_instrument(
            "X-PERP",
            risk_tiers=TIERS,
            closing_fee_rate="0.02",
            closing_fee_basis="bankruptcy_price",
            bankruptcy_price_after_fee=after_fee,
            hedge_margin=hedge_margin,
        )
        journal.mark("X-PERP", _price(chance, 10))
        journal.balance("ann", str(chance.randint(1, 80)))
        for leg, sign in (("long", 1), ("short", -1)):
            size = sign * chance.choice([1, 7, 30])
            journal.position("ann", "X-PERP", size, _price(chance, 10), leg=leg)
        engine, twin = RiskEngine(EngineSettings()), NaiveEngine(EngineSettings())
        for event in journal.take():
            engine.apply([event])
            twin.apply(event)
        (shard,) = engine.shards.engines
        found = shard.thresholds.amounts(shard.cross["ann"])
        expected = naive_margin.figures(twin.world, twin.world.accounts["ann"], None)
        assert found is not None
        assert expected is not None
        account = twin.world.accounts["ann"]
        fees = naive_margin.held_fees(twin.world, account, None)
        looked += all(fees.values())
        for amount, exact in zip(
            found, (expected.equity, expected.maintenance_margin), strict=True
        ):
            assert amount == pytest.approx(float(exact), rel=1e-12, abs=1e-10)
    assert looked > 10
