"""Inside the safe radius no verdict changes; the bound is needed and nearly tight."""

import math
import random
from collections.abc import Iterator
from typing import Any

import pytest

from monitor.core import events as e
from monitor.core.engine import RiskEngine
from monitor.core.margin.book import MarginUnit
from monitor.core.margin.measure import Measure, measure
from monitor.core.margin.thresholds import FLOAT_BAND
from monitor.core.margin.totals import unit_totals
from monitor.core.market import Quote
from monitor.core.settings import EngineSettings
from monitor.core.tiers import TierSchedule
from tests.builders import Journal

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


def move(engine: RiskEngine, chance: random.Random, radius: float) -> None:
    """Set every price somewhere within a factor e^radius, corners included."""
    market = engine.market
    for quotes in (market.marks, market.indices):
        for name, quote in quotes.items():
            step = chance.choice([-1.0, 1.0, chance.uniform(-1, 1)]) * radius * 0.999999
            quotes[name] = Quote(f"{quote.number * math.exp(step):.15f}", 3)
    market.change_index(
        e.IndexPriceChanged(event_ns=3, index="COIN-USD", price=market.indices["COIN-USD"].text)
    )


def changes(seed: int, stretch: float, *, every_rule: bool) -> tuple[int, int]:
    """Return (verdicts that changed, verdicts looked at) at `stretch` times the safe radius."""
    chance = random.Random(seed)
    engine = world(chance, every_rule=every_rule)
    shard = engine.shards.engines[0]
    units = list(shard.units())
    before = {}
    for unit in units:
        measured = measure(unit, engine.market)
        assert isinstance(measured, Measure)
        radius = shard.thresholds._safe_radius(measured, liquidating=False)
        before[unit] = (exact_state(engine, unit), radius)
    smallest = min(radius for _, radius in before.values())
    move(engine, chance, min(0.1, smallest * stretch))
    return sum(exact_state(engine, unit) != before[unit][0] for unit in units), len(units)


@pytest.mark.parametrize("every_rule", [False, True])
def test_no_verdict_changes_inside_the_radius(every_rule: bool) -> None:
    results = [changes(seed, 1.0, every_rule=every_rule) for seed in range(600)]
    assert sum(changed for changed, _ in results) == 0
    assert sum(looked for _, looked in results) > 600


@pytest.mark.parametrize("every_rule", [False, True])
def test_verdicts_do_change_beyond_it(every_rule: bool) -> None:
    assert sum(changes(seed, 3.0, every_rule=every_rule)[0] for seed in range(600)) > 8


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


def test_a_jump_far_away_does_not_make_every_tick_exact() -> None:
    jump = [
        e.RiskTier(
            notional_max="1000",
            initial_margin_rate="0.02",
            maintenance_margin_rate="0.01",
            maintenance_deduction="0",
        ),
        e.RiskTier(
            initial_margin_rate="0.04",
            maintenance_margin_rate="0.02",
            maintenance_deduction="10.00000001",
        ),
    ]
    schedule = TierSchedule(jump)
    assert schedule.float_requirement(100.0, math.exp(0.1))[2] == 0.01
    assert schedule.float_requirement(950.0, math.exp(0.1))[2] == math.inf
    assert schedule.float_requirement(1050.0, math.exp(0.1))[2] == math.inf
    assert schedule.float_requirement(2000.0, math.exp(0.1))[2] == 0.02


@pytest.mark.parametrize("every_rule", [False, True])
def test_floats_are_right_to_the_band(every_rule: bool) -> None:
    for seed in range(300):
        engine = world(random.Random(seed), every_rule=every_rule)
        for unit in engine.shards.engines[0].units():
            measured = measure(unit, engine.market)
            totals = unit_totals(unit, engine.market, engine.rules)
            assert measured is not None
            assert totals is not None
            if measured.sensitivity_of_requirement < math.inf:
                band = FLOAT_BAND * measured.gross
                assert abs(measured.equity - totals.equity) <= band
                assert abs(measured.maintenance - totals.maintenance_margin) <= band


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
    shard = engine.shards.engines[0]
    ann, bob, cay = (shard.cross[name] for name in ("ann", "bob", "cay"))
    assert (ann.missing, bob.missing, cay.missing) == ("mark:X-PERP", "mark:Y-PERP", "index:EUR")
    assert shard.thresholds.crossed("mark:X-PERP", 10.0) == {ann}
    journal.wait(1)
    journal.mark("X-PERP", "10")
    journal.index("EUR", "2")
    engine.apply(journal.take())
    assert [unit.state for unit in (ann, bob, cay)] == ["healthy", "unknown", "healthy"]
    journal.mark("Y-PERP", "10")
    engine.apply(journal.take())
    assert (bob.state, bob.missing) == ("liquidatable", None)


def test_what_nothing_values_waits_for_a_listing() -> None:
    journal = Journal()
    journal.balance("ann", "-5", "EUR")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    ann = engine.shards.engines[0].cross["ann"]
    assert (ann.state, ann.missing) == ("unknown", "listing:EUR")
    journal.list_collateral("EUR", index="EUR")
    engine.apply(journal.take())
    assert (ann.state, ann.missing) == ("unknown", "index:EUR")
    journal.index("EUR", "2")
    engine.apply(journal.take())
    assert ann.state == "bankrupt"
