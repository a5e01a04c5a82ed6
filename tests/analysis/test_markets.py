"""What cascades take from the engine: visible books, the law beyond them, funds."""

import numpy as np
import pytest

from monitor.analysis.liquidity import impact
from monitor.analysis.listing import listings_of
from monitor.analysis.markets import markets_of
from monitor.analysis.settings import CascadeSettings, LossAtRiskSettings
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import Journal

SETTINGS = CascadeSettings(daily_volatility=0.04, volume_ratio=2.0, sides_per_image=3)
CHANCES = LossAtRiskSettings(paths=300, correlation=0.6)


def engine_after(journal: Journal) -> RiskEngine:
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    assert not engine.take_refused()
    return engine


def market() -> Journal:
    """Return two instruments, one of them with a fund and a book; 8 contracts of 0.5 are open."""
    journal = Journal()
    journal.list_instrument("A-PERP", contract_size="0.5", fund="main")
    journal.list_instrument("B-PERP")
    journal.mark("A-PERP", "100")
    journal.mark("B-PERP", "10")
    journal.fund("main", "250")
    for name, size in (("long", "8"), ("short", "-8")):
        journal.balance(name, "1000")
        journal.position(name, "A-PERP", size, "100")
    journal.depth("A-PERP", bids=[("99", "10"), ("98", "20")], asks=[("99.5", "4"), ("102", "4")])
    return journal


def test_books_funds_and_volumes_are_those_of_the_engine() -> None:
    engine = engine_after(market())
    listings = listings_of(engine.market)
    found = markets_of(engine, listings, SETTINGS, CHANCES, np.full(len(listings), 0.06))
    assert found.funds.of.tolist() == [0, -1]
    assert found.funds.balance.tolist() == [250.0]
    assert found.books.begins.tolist() == [0, 2, 4, 4, 4]
    assert found.books.quantity.tolist() == [5.0, 15.0, 2.0, 4.0]
    # An ask below the mark stands at the mark.
    assert found.books.ratio.tolist() == pytest.approx([0.01, 0.02, 0.0, 0.02])
    assert found.books.volume[0] == 8 * 0.5 * 2.0
    assert impact(found.books, 0, 4.0) == pytest.approx(0.01)
    assert found.books.coefficient.tolist() == [0.04, 0.04]
    assert found.funds.names == ("main",)
    assert (found.sides_per_image, found.paths) == (3, 300)
    assert found.moves.volatility.tolist() == [0.06, 0.06]
    assert found.moves.factor.tolist() == [0, 1]  # no index: each its own
    assert (found.moves.correlation, found.moves.degrees) == (0.6, 3.0)


def test_an_old_book_is_passed_over_and_an_unknown_fund_is_empty() -> None:
    journal = market()
    journal.list_instrument("C-PERP", fund="other")
    journal.wait(61).mark("B-PERP", "11")
    engine = engine_after(journal)
    listings = listings_of(engine.market)
    found = markets_of(engine, listings, SETTINGS, CHANCES, np.full(len(listings), 0.06))
    assert not found.books.begins.any()
    assert found.funds.of.tolist() == [0, -1, 1]
    assert found.funds.balance.tolist() == [250.0, 0.0]
    # Nobody holds B: any sale moves it as far as a price can fall.
    assert impact(found.books, 2, 1.0) > 1.0
    assert np.isfinite(impact(found.books, 2, 1.0))
