"""The sums of the book reach the view, from an image, without stopping the engine."""

import asyncio

import pytest

from monitor.app.book_watch import BookWatch
from monitor.app.view_holder import ViewHolder
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.runtime.clock import Clock
from tests.builders import Journal


def watched() -> tuple[Journal, RiskEngine, ViewHolder, BookWatch]:
    """Return an engine with one account, and who looks at its book."""
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "110")
    journal.balance("ann", "50")
    journal.position("ann", "X-PERP", "1", "100")
    engine, views = RiskEngine(EngineSettings()), ViewHolder(Clock())
    engine.apply(journal.take())
    views.follow(engine)
    return journal, engine, views, BookWatch(engine, views, Clock())


async def test_a_look_puts_the_sums_into_the_view() -> None:
    journal, engine, views, watch = watched()
    before = views.view.book
    await watch.look()
    book = views.view.book
    assert before is None
    assert book is not None
    assert (book.as_of_ns, book.instruments[0].long.gains_usd) == (engine.engine_ns, 10.0)
    journal.mark("X-PERP", "120")
    engine.apply(journal.take())
    await watch.look()
    assert views.view.book is not None
    assert views.view.book.instruments[0].long.gains_usd == 20.0


async def test_the_sums_are_those_of_the_moment_though_the_engine_goes_on() -> None:
    journal, engine, views, watch = watched()
    look = asyncio.create_task(watch.look())
    await asyncio.sleep(0)  # the image is taken, its sums are made in a thread
    journal.position("bob", "X-PERP", "5", "100")
    journal.balance("ann", "1")
    engine.apply(journal.take())
    await look
    assert views.view.book is not None
    assert views.view.book.instruments[0].long.holders == 1
    assert views.view.book.equity_usd["healthy"] == pytest.approx(60.0)


async def test_a_look_that_is_cancelled_lets_the_image_go() -> None:
    _, _, views, watch = watched()
    look = asyncio.create_task(watch.look())
    await asyncio.sleep(0)
    look.cancel()
    with pytest.raises(asyncio.CancelledError):
        await look
    await watch.look()
    assert views.view.book is not None
