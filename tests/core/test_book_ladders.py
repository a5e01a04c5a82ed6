"""The ladders of an engine's book: kept equal to new ones, over shards and in the venue's names."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import book_ladders
from monitor.core.book_ladders import REFRESH_INTERVAL_S, BookLadders, LadderKeeper
from monitor.core.book_sums import NamedColumns
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent, InstrumentDelisted
from monitor.core.settings import EngineSettings
from monitor.core.view import LadderUnits, LadderView, RungView
from tests import strategies
from tests.builders import Journal


def looked(engine: RiskEngine, keeper: LadderKeeper) -> BookLadders:
    """Return the ladders of an engine's book as it is, by this keeper."""
    images = []
    listed = {name: each.settlement for name, each in engine.market.instruments.items()}
    for part in engine.shards.engines:
        names = [(name, listed.get(name, "")) for name in part.thresholds.instrument_names]
        images.append(NamedColumns(part.thresholds.index.columns, names))
    return keeper.follow(images, listed, engine.engine_ns)


def ladder_of(ladders: BookLadders, instrument: str = "X-PERP") -> LadderView:
    found = ladders.of(instrument)
    assert found is not None
    return found


def told(ladders: BookLadders) -> list[Any]:
    """Return everything that ladders say, notionals to a relative 1e-9."""
    said: list[Any] = [ladders.units]
    for name in sorted(ladders.settlements):
        ladder = ladder_of(ladders, name)
        said += [name, ladder.mark_price]
        for rungs in (ladder.below, ladder.above):
            for rung in rungs:
                said += [rung.price_from, rung.price_to, rung.positions]
                said += [pytest.approx(rung.notional_usd), pytest.approx(rung.cumulative_usd)]
        for left in (ladder.liquidatable, ladder.unknown, ladder.exact_only):
            said += [left.units, left.notional_usd is None]
            said.append(pytest.approx(left.notional_usd or 0.0))
    return said


@given(strategies.chaos(), st.integers(1, 2), st.integers(4, 16))
def test_kept_ladders_equal_new_ones_and_shards_add_up(
    sequence: list[AnyEvent], shards: int, step: int
) -> None:
    engine, whole = RiskEngine(EngineSettings(), shards=shards), RiskEngine(EngineSettings())
    keeper = LadderKeeper()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_ladders, "REFRESH_INTERVAL_S", 0)
        for first in range(0, len(sequence), step):
            engine.apply(sequence[first : first + step])
            whole.apply(sequence[first : first + step])
            kept = looked(engine, keeper)
            assert told(kept) == told(looked(engine, LadderKeeper()))
            assert told(kept) == told(looked(whole, LadderKeeper()))


def crowd() -> tuple[Journal, RiskEngine]:
    """Return longs and a short at a mark of 100, 5 % required; and one who has no position."""
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.list_instrument("C-PERP", kind="inverse")
    journal.mark("X-PERP", "100")
    for name, size, margin in (("ann", "1", "10"), ("bob", "-2", "40"), ("cay", "3", "30")):
        journal.balance(name, margin)
        journal.position(name, "X-PERP", size, "100")
    journal.balance("dan", "5")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    return journal, engine


def reaches(rung: RungView, price: float) -> bool:
    return rung.price_from <= price <= rung.price_to


def test_longs_lie_below_the_mark_and_shorts_above() -> None:
    _, engine = crowd()
    ladders = looked(engine, LadderKeeper())
    ladder = ladder_of(ladders)
    (below,), (above,) = ladder.below, ladder.above
    assert reaches(below, 90 / 0.95)
    assert reaches(above, 240 / 2.1)
    assert (below.positions, above.positions) == (2, 1)
    assert below.notional_usd == pytest.approx(4 * below.price_to)
    assert above.notional_usd == above.notional_settlement == above.cumulative_usd
    assert above.notional_usd == pytest.approx(2 * above.price_from)
    assert ladders.units == LadderUnits(placed=3, liquidatable=0, unknown=0, exact_only=0)
    assert (ladder.mark_price, ladder.settlement_currency) == (100.0, "USD")


def test_what_is_liquidatable_already_is_counted_and_not_on_the_ladder() -> None:
    journal, engine = crowd()
    keeper = LadderKeeper()
    looked(engine, keeper)
    journal.mark("X-PERP", "94.6")  # through the longs, which the ladder has not looked at since
    engine.apply(journal.take())
    ladder = ladder_of(looked(engine, keeper))
    assert ladder.below == ()
    assert ladder.liquidatable.units == 2
    assert ladder.liquidatable.notional_usd == pytest.approx(4 * 94.6)
    assert ladder_of(looked(engine, LadderKeeper())).liquidatable == ladder.liquidatable


def test_a_bucket_ends_at_the_mark() -> None:
    journal, engine = crowd()
    journal.mark("X-PERP", "94.74")
    engine.apply(journal.take())
    (below,) = ladder_of(looked(engine, LadderKeeper())).below
    assert below.price_to == 94.74


def test_an_inverse_instrument_is_valued_in_both_currencies() -> None:
    journal, engine = crowd()
    journal.list_collateral("C", index="C")
    journal.index("C", "20")
    journal.mark("C-PERP", "20")
    journal.balance("eve", "1", asset="C")
    journal.position("eve", "C-PERP", "100", "20")
    engine.apply(journal.take())
    ladder = ladder_of(looked(engine, LadderKeeper()), "C-PERP")
    (rung,) = ladder.below
    # 1 + 100 / 20 - 100 / p = 0.05 x 100 / p
    assert reaches(rung, 105 / 6)
    assert rung.notional_settlement == pytest.approx(100 / rung.price_to)
    assert rung.notional_usd == pytest.approx(20 * 100 / rung.price_to)
    assert ladder.settlement_currency == "C"


def test_a_missing_price_is_said() -> None:
    journal, engine = crowd()
    journal.list_instrument("Y-PERP")
    journal.position("ann", "Y-PERP", "1", "100")
    engine.apply(journal.take())
    ladders = looked(engine, LadderKeeper())
    assert ladder_of(ladders, "Y-PERP").mark_price is None
    assert ladder_of(ladders, "Y-PERP").unknown.notional_usd is None
    assert ladder_of(ladders, "Y-PERP").unknown.units == 1
    assert ladder_of(ladders).unknown.notional_usd == 100.0
    assert ladders.units.unknown == 1


def test_units_with_rules_that_floats_do_not_bound_are_said() -> None:
    journal, engine = crowd()
    journal.list_instrument("Y-PERP", closing_fee_rate="0.01", closing_fee_basis="bankruptcy_price")
    journal.mark("Y-PERP", "50")
    journal.position("ann", "Y-PERP", "1", "50")
    engine.apply(journal.take())
    ladders = looked(engine, LadderKeeper())
    assert ladder_of(ladders, "Y-PERP").below == ()
    for name in ("X-PERP", "Y-PERP"):
        assert ladder_of(ladders, name).exact_only.units == 1
    assert ladders.units.exact_only == 1


def test_an_instrument_that_nobody_holds_has_an_empty_ladder_and_an_unknown_one_none() -> None:
    journal, engine = crowd()
    ladders = looked(engine, LadderKeeper())
    assert ladders.of("Z-PERP") is None
    ladder = ladder_of(ladders, "C-PERP")
    assert (ladder.below, ladder.above, ladder.mark_price) == ((), (), None)
    assert ladder.settlement_currency == "C"
    for name in ("ann", "bob", "cay"):
        journal.position(name, "X-PERP", "0")
    journal.add(InstrumentDelisted(event_ns=journal.now_ns, instrument="X-PERP"))
    engine.apply(journal.take())
    assert looked(engine, LadderKeeper()).of("X-PERP") is None


def test_every_unit_is_placed_anew_once_a_minute_of_engine_time() -> None:
    journal, engine = crowd()
    keeper, refreshed = LadderKeeper(), []
    for _ in range(5):
        refreshed.append(looked(engine, keeper).refreshed_ns)
        journal.wait(REFRESH_INTERVAL_S / 2).tick()
        engine.apply(journal.take())
    first = refreshed[0]
    minute = REFRESH_INTERVAL_S * 1_000_000_000
    assert refreshed == [first, first, first + minute, first + minute, first + 2 * minute]


def test_ladders_that_an_error_left_half_way_are_made_anew() -> None:
    journal, engine = crowd()
    keeper = LadderKeeper()
    looked(engine, keeper)
    journal.position("bob", "X-PERP", "-4", "100")
    engine.apply(journal.take())
    with pytest.raises(ValueError, match="shorter"):
        keeper.follow([], {}, engine.engine_ns)
    assert told(looked(engine, keeper)) == told(looked(engine, LadderKeeper()))
