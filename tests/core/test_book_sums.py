"""Live sums of the engine: equal to a recount in exact numbers, after every event."""

import math
from collections import defaultdict
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.book_sums import NamedColumns, book_sums, image_sums
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.margin.exact import position_pnl
from monitor.core.margin.totals import unit_totals
from monitor.core.settings import EngineSettings
from monitor.core.view import BookSums
from tests import random_settings, strategies
from tests.builders import Journal

KNOWN = ("healthy", "margin_call", "liquidatable", "bankrupt")


def summed(engine: RiskEngine) -> BookSums:
    """Return the sums over an engine's book as it is."""
    images = []
    for part in engine.shards.engines:
        names = [
            (name, engine.market.instruments[name].settlement)
            for name in part.thresholds.instrument_names
            if name in engine.market.instruments
        ]
        if len(names) == len(part.thresholds.instrument_names):
            images.append(NamedColumns(part.thresholds.index.columns, names))
    return book_sums(images, image_sums(images), engine.engine_ns)


def by_state(engine: RiskEngine) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    """Return equity and maintenance margin by state, unit by unit."""
    equity: dict[str, Fraction] = defaultdict(Fraction)
    maintenance: dict[str, Fraction] = defaultdict(Fraction)
    for part in engine.shards.engines:
        for unit in part.units():
            totals = unit_totals(unit, part.market, part.rules)
            if totals is not None and unit.state != "unknown":
                equity[unit.state] += totals.equity
                maintenance[unit.state] += totals.maintenance_margin
    return equity, maintenance


@given(random_settings.SETTINGS, strategies.chaos(), st.integers(1, 2))
def test_equity_by_state_and_the_deficit_are_exact_after_every_event(
    settings: EngineSettings, sequence: list[AnyEvent], shards: int
) -> None:
    engine = RiskEngine(settings, shards=shards)
    for event in sequence:
        engine.apply([event])
        view = engine.view()
        tiered = any(
            len(rule.tiers) > 1 or any(width is not None for width, _ in rule.tiers)
            for rule in engine.market.collateral.values()
        )
        if tiered or engine.changes.buffers:  # class 2, or a state older than its amounts
            continue
        equity, _ = by_state(engine)
        for state in KNOWN:
            assert view.equity_usd[state] == pytest.approx(float(equity[state]), abs=1e-6)
        assert view.deficit_usd == pytest.approx(float(-equity["bankrupt"]), abs=1e-6)


@given(random_settings.SETTINGS, strategies.chaos(), st.integers(1, 2))
def test_the_sums_of_a_book_equal_a_recount(
    settings: EngineSettings, sequence: list[AnyEvent], shards: int
) -> None:
    engine = RiskEngine(settings, shards=shards)
    engine.apply(sequence)
    if engine.changes.buffers or engine.summary()["events"]["by_type"].get("instrument_delisted"):
        return
    book = summed(engine)
    equity, maintenance = by_state(engine)
    for state in KNOWN:
        assert book.equity_usd[state] == pytest.approx(float(equity[state]), abs=1e-6)
        assert book.maintenance_margin_usd[state] == pytest.approx(
            float(maintenance[state]), abs=1e-6
        )
    sides: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for part in engine.shards.engines:
        for name in engine.market.instruments:
            for _, position in part.ledger.positions_in(name):
                pnl = position_pnl(position, engine.market)
                value = engine.market.exact_value(position.instrument.settlement)
                own = sides[name, "long" if position.size > 0 else "short"]
                if pnl is None or value is None:
                    own[0] = math.nan
                else:
                    own[pnl < 0] += abs(float(pnl * value))
    for each in book.instruments:
        for side in ("long", "short"):
            gains, losses = sides[each.instrument, side]
            found = getattr(each, side)
            if not math.isnan(gains) and found.gains_usd is not None:
                assert found.gains_usd == pytest.approx(gains, abs=1e-6)
                assert found.losses_usd == pytest.approx(losses, abs=1e-6)


def test_a_worked_book() -> None:
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "110")
    for name, size, entry in (("ann", "1", "100"), ("bob", "-2", "105"), ("cay", "1", "120")):
        journal.balance(name, "50")
        journal.position(name, "X-PERP", size, entry)
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    (instrument,) = summed(engine).instruments
    long, short = instrument.long, instrument.short
    assert (instrument.instrument, instrument.settlement_currency) == ("X-PERP", "USD")
    assert (long.gains_usd, long.losses_usd, long.holders) == (10.0, 10.0, 2)
    assert (short.gains_usd, short.losses_usd, short.holders) == (0.0, 10.0, 1)
    # 60 - 5.5 and 40 - 5.5 on the long side, 40 - 11 on the short one
    assert long.free_margin_usd == pytest.approx(89.0)
    assert short.free_margin_usd == pytest.approx(29.0)
    assert math.fsum(each or 0.0 for each in long.notional_by_distance_usd) == pytest.approx(220.0)


def test_an_instrument_that_was_listed_anew_is_one() -> None:
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "110")
    journal.position("ann", "X-PERP", "1", "100")
    journal.list_instrument("X-PERP", closing_fee_rate="0.01", closing_fee_basis="mark_price")
    journal.position("bob", "X-PERP", "1", "100")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    (instrument,) = summed(engine).instruments
    assert (instrument.long.gains_usd, instrument.long.holders) == (20.0, 2)
