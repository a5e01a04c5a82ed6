"""The sums of the book reach the view, from an image, without stopping the engine."""

import asyncio

import pytest

from monitor.app.book_watch import BookWatch
from monitor.app.view_holder import ViewHolder
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.core.view import RungView
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


def rung_of(views: ViewHolder) -> RungView:
    """Return the one rung below the mark."""
    ladders = views.view.ladders
    assert ladders is not None
    ladder = ladders.of("X-PERP")
    assert ladder is not None
    (rung,) = ladder.below
    return rung


async def test_a_look_puts_the_ladders_into_the_view_and_a_new_view_keeps_them() -> None:
    journal, engine, views, watch = watched()
    before = views.view.ladders
    await watch.look()
    assert before is None
    assert views.view.ladders is not None
    assert views.view.ladders.as_of_ns == engine.engine_ns
    assert rung_of(views).price_from <= 50 / 0.95 <= rung_of(views).price_to
    journal.balance("ann", "10")
    engine.apply(journal.take())
    views.follow(engine)
    assert rung_of(views).price_to < 60
    await watch.look()
    assert rung_of(views).price_from <= 90 / 0.95 <= rung_of(views).price_to


async def test_the_ladders_are_those_of_the_moment_over_shards_though_the_engine_goes_on() -> None:
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "110")
    for number in range(40):
        journal.balance(f"a{number}", "50")
        journal.position(f"a{number}", "X-PERP", "1", "100")
    engine, views = RiskEngine(EngineSettings(), shards=3), ViewHolder(Clock())
    engine.apply(journal.take())
    watch = BookWatch(engine, views, Clock())
    for closed in range(3):
        look = asyncio.create_task(watch.look())
        await asyncio.sleep(0)  # the images are taken, the ladders are made in a thread
        journal.position(f"a{closed}", "X-PERP", "0")
        engine.apply(journal.take())
        await look
        assert rung_of(views).positions == 40 - closed


async def test_a_look_that_is_cancelled_lets_the_image_go() -> None:
    _, _, views, watch = watched()
    look = asyncio.create_task(watch.look())
    await asyncio.sleep(0)
    look.cancel()
    with pytest.raises(asyncio.CancelledError):
        await look
    await watch.look()
    assert views.view.book is not None
    assert rung_of(views).positions == 1


async def test_what_a_wrong_index_would_do_is_in_the_view_and_stays_there() -> None:
    journal = Journal()
    journal.list_instrument("X-PERP", index="X")
    journal.mark("X-PERP", "100")
    journal.index("X", "100")
    journal.balance("ann", "12")
    journal.position("ann", "X-PERP", "1", "100")
    engine, views = RiskEngine(EngineSettings(), shards=2), ViewHolder(Clock())
    engine.apply(journal.take())
    await BookWatch(engine, views, Clock()).look()
    views.follow(engine)
    (found,) = views.view.sensitivities
    assert (found.index, found.as_of_ns) == ("X", engine.engine_ns)
    # 12 of margin at 100: at 95 it is 7 and must keep 4.75, at 90 it is 2 and must keep 4.5.
    assert [(one.error, one.units_down, one.units_up) for one in found.errors] == [
        ("0.01", 0, 0), ("0.05", 0, 0), ("0.1", 1, 0),
    ]  # fmt: skip
    assert found.errors[2].notional_down_usd == 100.0
