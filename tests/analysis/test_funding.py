"""What the next funding payments do, against every unit in exact rationals."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.funding import (
    JOINT_NOTIONAL,
    JOINT_PAYMENT,
    JOINT_UNITS,
    Effects,
    Rates,
    funding_effects,
    hardest_hit,
)
from monitor.analysis.listing import listings_of, no_traders, rates_of
from monitor.analysis.positions import Book, gather
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent, FundingRateChanged
from monitor.core.settings import EngineSettings
from tests import random_settings, strategies
from tests.builders import Journal, tier
from tests.reference.naive_funding import naive_units

BAND = 1e-9  # of a unit's amounts: nearer to its boundary floats and rationals may differ


def effects_of(engine: RiskEngine, rates: Rates) -> Effects:
    listings = listings_of(engine.market)
    books = [
        Book(part.thresholds.index.columns, part.thresholds.instrument_names, no_traders(part))
        for part in engine.shards.engines
    ]
    terms, _ = gather(books, listings)
    return funding_effects(books, listings, terms, rates)


@given(
    random_settings.SETTINGS,
    strategies.chaos(),
    st.integers(1, 2),
    st.lists(st.sampled_from([-0.3, -0.01, 0.0, 0.01, 0.2, None]), min_size=1),
    st.lists(st.integers(1, 2), min_size=1),
)
def test_the_effects_are_those_of_every_unit(
    settings: EngineSettings,
    sequence: list[AnyEvent],
    shards: int,
    drawn: list[float | None],
    moments: list[int],
) -> None:
    engine = RiskEngine(settings, shards=shards)
    engine.apply(sequence)
    names = [listing.name for listing in listings_of(engine.market)]
    told = {name: drawn[number % len(drawn)] for number, name in enumerate(names)}
    when = {name: moments[number % len(moments)] for number, name in enumerate(names)}
    rates = Rates(
        np.array([np.nan if told[name] is None else told[name] for name in names], np.float64),
        np.array([when[name] for name in names], np.int64),
    )
    exact = {name: Fraction(rate) for name, rate in told.items() if rate is not None}
    found, units = effects_of(engine, rates), naive_units(engine, exact)
    soonest = min((when[name] for name in exact), default=None)
    soon = [name for name in exact if when[name] == soonest]
    near = any(
        abs(unit.slack - sum(owed, Fraction(0))) <= BAND * (1 + sum(unit.notional.values()))
        for unit in units.values()
        for owed in ([unit.owed.get(name, Fraction(0)) for name in soon], *_each(unit.owed))
    )
    if near or found.counts[0]:
        return
    joint = [unit for unit in units.values() if unit.is_pushed(*soon)]
    assert found.counts[JOINT_UNITS] == len(joint)
    assert found.sums[JOINT_NOTIONAL] == pytest.approx(
        float(sum((sum(unit.notional.values()) for unit in joint), Fraction(0))), rel=1e-9
    )
    owed = [
        sum((u.owed.get(name, Fraction(0)) for name in soon), Fraction(0)) for u in units.values()
    ]
    scale = float(sum(sum(unit.notional.values()) for unit in units.values())) + 1.0
    assert found.sums[JOINT_PAYMENT] == pytest.approx(
        float(sum(max(Fraction(0), one) for one in owed)), rel=1e-9, abs=1e-9 * scale
    )
    for number, name in enumerate(names):
        alone = [unit for unit in units.values() if name in exact and unit.is_pushed(name)]
        assert found.pushed[number] == len(alone)
        paid = sum((unit.owed.get(name, Fraction(0)) for unit in units.values()), Fraction(0))
        both = float(found.paid[2 * number] + found.paid[2 * number + 1])
        assert both == pytest.approx(float(paid), rel=1e-9, abs=1e-9 * scale)


def _each(owed: dict[str, Fraction]) -> list[list[Fraction]]:
    return [[one] for one in owed.values()]


def worked_example() -> RiskEngine:
    """Return two longs of 10 at 100, with 12 and 60 of equity, and their counterparty."""
    journal = Journal()
    journal.list_instrument("X-PERP", risk_tiers=[tier(None, "0.02", "0.01")])
    journal.mark("X-PERP", "100")
    for account, balance, size in (("a", "12", "10"), ("b", "60", "10"), ("c", "900", "-20")):
        journal.balance(account, balance)
        journal.position(account, "X-PERP", size, "100")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    rate = FundingRateChanged(
        event_ns=engine.engine_ns, instrument="X-PERP", rate="0.003", next_funding_ns=7
    )
    engine.apply([rate])
    return engine


def test_the_worked_example_of_the_documentation() -> None:
    """docs/model/funding.md: 1,000 x 0.003 = 3 is more than the 2 that a has above 10."""
    engine = worked_example()
    rates = rates_of(engine.market, listings_of(engine.market))
    assert (rates.soonest_ns, rates.rate.tolist()) == (7, [0.003])
    found = effects_of(engine, rates)
    assert found.paid.tolist() == pytest.approx([6.0, -6.0])
    assert found.free.tolist() == pytest.approx([52.0, 880.0])
    assert (found.pushed.tolist(), found.notional.tolist()) == ([1], [1_000.0])
    assert (found.counts[JOINT_UNITS], found.sums[JOINT_PAYMENT]) == (1, pytest.approx(6.0))
    first, second = hardest_hit(found).tolist()
    assert (found.owed[first], found.slack[first]) == pytest.approx((3.0, 2.0))
    assert (found.owed[second], found.slack[second]) == pytest.approx((3.0, 50.0))


def test_without_a_rate_nothing_is_paid() -> None:
    engine = worked_example()
    none = Rates(np.array([np.nan]), np.array([0], np.int64))
    assert none.soonest_ns is None
    found = effects_of(engine, none)
    assert not found.paid.any()
    assert not found.counts.any()
    assert not len(hardest_hit(found))
