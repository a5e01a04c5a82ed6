"""What must stay the same in decisions when an exchange is turned, scaled, split or shuffled.

Events in, decisions out. Each relation holds in its domain alone, which the test says; the same
relations on the index alone are in `margin/index/test_index_metamorphic.py`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest

from monitor.core.engine import RiskEngine
from monitor.core.events import Leg, PositionRecord, RiskTier
from monitor.core.settings import EngineSettings
from tests.builders import Journal, text, tier
from tests.core.comparison import plain

MIDDLE = Fraction(100)
STEPS = 60
LEGS: tuple[tuple[Leg, Fraction], ...] = (("long", Fraction(7)), ("short", Fraction(-7)))
NET_AND_LONG: tuple[Leg, ...] = ("net", "long")
FLAT = [tier(None, "0.1", "0.05")]
TIERED = [
    tier("2000", "0.1", "0.05", "0"),
    tier("4000", "0.2", "0.1", "100"),
    tier(None, "0.5", "0.25", "700"),
]
Prices = dict[str, Fraction]
Told = list[tuple[int, dict[str, Any]]]  # number of the price step (-1: before), decision


@dataclass(frozen=True)
class Holding:
    """A position of an account, isolated with so much margin, or cross."""

    account: str
    instrument: str
    size: Fraction
    entry: Fraction
    isolated: Fraction | None = None
    leg: Leg = "net"

    def record(self) -> PositionRecord:
        """Return it as a part of an account's snapshot."""
        return PositionRecord(
            instrument=self.instrument,
            leg=self.leg,
            size=text(self.size),
            entry_price=text(self.entry),
            margin_mode="cross" if self.isolated is None else "isolated",
            isolated_margin=None if self.isolated is None else text(self.isolated),
        )


@dataclass(frozen=True)
class Exchange:
    """What an engine is told: instruments and their rules, balances, positions, a path of marks."""

    instruments: dict[str, dict[str, Any]]
    balances: dict[str, Fraction]
    holdings: list[Holding]
    path: list[Prices]


def random_exchange(
    seed: int, tiers: list[RiskTier], *, instruments: int = 2, at_middle: bool = False
) -> Exchange:
    """Return some accounts (a fifth of their positions isolated), and single marks that wander."""
    chance = random.Random(seed)
    names = [f"I{number}" for number in range(instruments)]
    accounts = [f"a{number:02d}" for number in range(12)]
    holdings = [
        Holding(
            account,
            name,
            Fraction(chance.choice([-1, 1]) * chance.randint(1, 40)),
            MIDDLE if at_middle else Fraction(chance.randint(360, 440), 4),
            Fraction(chance.randint(5, 400)) if chance.random() < 0.2 else None,
        )
        for account in accounts
        for name in names
        if chance.random() < 0.8
    ]
    path: list[Prices] = []
    marks = dict.fromkeys(names, MIDDLE)
    for _ in range(STEPS):
        name = chance.choice(names)
        marks[name] = min(
            max(marks[name] + Fraction(chance.randint(-24, 24), 4), Fraction(40)), Fraction(160)
        )
        path.append({name: marks[name]})
    return Exchange(
        {name: {"risk_tiers": tiers} for name in names},
        {account: Fraction(chance.randint(20, 600)) for account in accounts},
        holdings,
        path,
    )


def told(exchange: Exchange) -> tuple[Told, RiskEngine]:
    """Return the decisions of an engine that is told an exchange, and the engine."""
    journal = Journal()
    for name, rules in exchange.instruments.items():
        journal.list_instrument(name, **rules)
        journal.mark(name, MIDDLE)
    for account, balance in exchange.balances.items():
        positions = [held.record() for held in exchange.holdings if held.account == account]
        journal.snapshot(account, balances={"USD": text(balance)}, positions=positions)
    engine = RiskEngine(EngineSettings())
    made = [(-1, one) for _, one in engine.apply(journal.take())]
    for number, prices in enumerate(exchange.path):
        if len(prices) > 1:
            journal.marks(**prices)
        else:
            journal.mark(*next(iter(prices.items())))
        made += [(number, one) for _, one in engine.apply(journal.take())]
    assert engine.take_refused() == []
    return list(zip([n for n, _ in made], plain([one for _, one in made]), strict=True)), engine


def each(exchange: Exchange, change: Callable[[Holding], list[Holding]]) -> Exchange:
    """Return an exchange with every position replaced by others."""
    return replace(exchange, holdings=[one for held in exchange.holdings for one in change(held)])


SEEDS = pytest.mark.parametrize("seed", range(6))


@SEEDS
def test_mirror(seed: int) -> None:
    """Domain: linear, margined at the entry price, opened at the mark that prices mirror about."""
    exchange = random_exchange(seed, TIERED, at_middle=True)
    for rules in exchange.instruments.values():
        rules["margin_price"] = "entry_price"
    mirrored = replace(
        each(exchange, lambda held: [replace(held, size=-held.size)]),
        path=[{name: 2 * MIDDLE - mark for name, mark in step.items()} for step in exchange.path],
    )
    found = told(exchange)[0]
    assert told(mirrored)[0] == found
    assert len(found) > 20


def scaled_tiers(tiers: list[RiskTier], by: int) -> list[RiskTier]:
    """Return tiers with bounds and deductions so many times as large."""
    return [
        tier(
            None if one.notional_max is None else by * Fraction(one.notional_max),
            one.initial_margin_rate,
            one.maintenance_margin_rate,
            by * Fraction(one.maintenance_deduction or 0),
        )
        for one in tiers
    ]


@SEEDS
@pytest.mark.parametrize("by", [7, 1_000_000])
def test_scaling(seed: int, by: int) -> None:
    """Domain: all amounts, sizes, tier bounds and deductions by one factor; ratios stay."""
    exchange = random_exchange(seed, TIERED)
    larger = Exchange(
        {name: {"risk_tiers": scaled_tiers(TIERED, by)} for name in exchange.instruments},
        {account: by * balance for account, balance in exchange.balances.items()},
        each(
            exchange,
            lambda held: [
                replace(
                    held,
                    size=by * held.size,
                    isolated=None if held.isolated is None else by * held.isolated,
                )
            ],
        ).holdings,
        exchange.path,
    )
    found, enlarged = told(exchange)[0], told(larger)[0]
    amounts = ("equity", "maintenance_margin")
    for (number, small), (other, large) in zip(found, enlarged, strict=True):
        assert number == other
        for amount in amounts:
            assert float(large[amount]) == pytest.approx(by * float(small[amount]), rel=1e-11)
        assert large | dict.fromkeys(amounts) == small | dict.fromkeys(amounts)
    assert len(found) > 20


@SEEDS
def test_splitting_a_position_into_two_instruments_of_one_price(seed: int) -> None:
    """Domain: flat rates and cross margin: what two parts need is what the whole needs."""
    whole = each(random_exchange(seed, FLAT), lambda held: [replace(held, isolated=None)])
    twins = {name: f"{name}B" for name in whole.instruments}
    parts = replace(
        each(
            whole,
            lambda held: [
                replace(held, size=held.size / 4),
                replace(held, instrument=twins[held.instrument], size=held.size * 3 / 4),
            ],
        ),
        instruments={
            name: {"risk_tiers": FLAT, "lot_size": "0.25"}
            for pair in twins.items()
            for name in pair
        },
        path=[
            {name: mark for one, mark in step.items() for name in (one, twins[one])}
            for step in whole.path
        ],
    )
    found = told(whole)[0]
    assert told(parts)[0] == found
    assert len(found) > 20


@SEEDS
def test_an_offsetting_pair_changes_nothing(seed: int) -> None:
    """Domain: a long and a short leg of one size and entry, where nothing is required."""
    exchange = random_exchange(seed, TIERED)
    path = [prices for step in exchange.path for prices in ({"FREE": 2 * min(step.values())}, step)]
    free: dict[str, dict[str, Any]] = {"FREE": {"risk_tiers": []}}
    alone = replace(exchange, instruments=exchange.instruments | free, path=path)
    pairs = [
        Holding(account, "FREE", size, Fraction(90), leg=leg)
        for account in {held.account: None for held in exchange.holdings if held.isolated is None}
        for leg, size in LEGS
    ]
    found = told(alone)[0]
    assert told(replace(alone, holdings=[*alone.holdings, *pairs]))[0] == found
    assert len(found) > 20


@SEEDS
def test_permuting_accounts_permutes_the_decisions(seed: int) -> None:
    """Domain: all accounts of one role, each its own owner."""
    exchange = random_exchange(seed, TIERED)
    names = list(exchange.balances)
    others = dict(zip(names, random.Random(seed).sample(names, len(names)), strict=True))
    shuffled = replace(
        each(exchange, lambda held: [replace(held, account=others[held.account])]),
        balances={others[name]: balance for name, balance in exchange.balances.items()},
    )
    found = [(n, one | {"account": others[one["account"]]}) for n, one in told(exchange)[0]]
    renamed = told(shuffled)[0]
    assert sorted(renamed, key=repr) == sorted(found, key=repr)
    assert len(found) > 20


@SEEDS
def test_one_batch_ends_where_single_ticks_to_the_same_prices_end(seed: int) -> None:
    """Domain: no breaker, and no account in liquidation: reports are a function of prices alone."""
    exchange = random_exchange(seed, TIERED)
    batches: list[Prices] = []
    for first in range(0, STEPS, 12):
        last: Prices = {}
        for step in exchange.path[first : first + 12]:
            last |= step
        batches.append(last)
    singly, together = told(exchange)[1], told(replace(exchange, path=batches))[1]
    assert together.account_reports() == singly.account_reports()
    assert together.view().equity_usd == singly.view().equity_usd
    states = singly.view().accounts
    assert sum(count > 0 for count in states.values()) > 1


def test_outside_of_their_domains_the_relations_fail() -> None:
    """Mirrored at the mark's margin, scaled without its tiers, split across a tier: all differ."""
    exchange = random_exchange(0, TIERED, at_middle=True)
    found = told(exchange)[0]
    mirrored = replace(
        each(exchange, lambda held: [replace(held, size=-held.size)]),
        path=[{name: 2 * MIDDLE - mark for name, mark in step.items()} for step in exchange.path],
    )
    scaled = replace(
        each(exchange, lambda held: [replace(held, size=4 * held.size)]),
        balances={account: 4 * balance for account, balance in exchange.balances.items()},
    )
    halves = each(
        exchange,
        lambda held: (
            [replace(held, size=held.size / 2, leg=leg, isolated=None) for leg in ("net", "long")]
            if held.size > 0 and held.size.numerator % 2 == 0
            else [held]
        ),
    )
    kinds = [(number, one["type"], one["account"]) for number, one in found]
    for other in (mirrored, scaled, halves):
        assert [(number, one["type"], one["account"]) for number, one in told(other)[0]] != kinds
