"""One loop against a real server that closes, stalls and lies: nothing ends it."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from monitor.config import FeedSettings
from monitor.core.events import DepthChanged, FeedLost, FeedRestored, MarkPriceChanged
from monitor.feeds import venues
from monitor.feeds.adapter import Heartbeat
from monitor.feeds.connection import describe
from tests.feeds.frames import combined, depth, depth_snapshot, quotes
from tests.feeds.local_venue import (
    Listener,
    LocalVenue,
    Script,
    breaks_off,
    chatters,
    closes,
    eventually,
    says,
)

EARLY_MS = 1_700_000_000_000


def quote(price: int, number: int = 0, **fields: Any) -> bytes:
    """Return a frame whose mid is `price`; a later number is a later event."""
    return combined("q", quotes(f"{price}.0", f"{price}.0", E=EARLY_MS + number, **fields))


def settings(port: int, **more: Any) -> FeedSettings:
    """Return a feed that needs best quotes only."""
    chosen: dict[str, Any] = {
        "name": "feed",
        "venue": "binance-usdm",
        "symbols": ("BTCUSDT",),
        "role": "reference",
        "mark_from": "mid",
        "url": f"ws://127.0.0.1:{port}",
        "rest_url": f"http://127.0.0.1:{port}",
        "stale_after_s": 20.0,
        **more,
    }
    return FeedSettings(**chosen)


def prices(listener: Listener) -> list[str]:
    """Return the prices published, in order."""
    return [getattr(event, "price", "") for event in listener.events]


@pytest.fixture
def listener() -> Listener:
    return Listener()


def altered(monkeypatch: pytest.MonkeyPatch, **fields: object) -> None:
    """Give the venue's table other limits for one test."""
    adapter = msgspec.structs.replace(venues.VENUES["binance-usdm"], **fields)
    monkeypatch.setitem(venues.VENUES, "binance-usdm", adapter)


async def test_a_feed_subscribes_and_publishes_what_it_hears(listener: Listener) -> None:
    venue = LocalVenue(says(quote(10), quote(11, 1)))
    async with venue.serving() as port, listener.running(settings(port)):
        await eventually(lambda: prices(listener)[-1:] == ["11"])
    assert json.loads(venue.heard[0])["params"] == ["btcusdt@bookTicker"]
    assert listener.reports == [], "a feed that never failed has nothing to report"
    assert listener.statistics.frames == 2
    assert listener.statistics.last_event_ns == (EARLY_MS + 1) * 1_000_000


@pytest.mark.parametrize("end", [closes, breaks_off])
async def test_a_connection_that_ends_is_lost_and_restored_once(
    listener: Listener, end: Script
) -> None:
    venue = LocalVenue(says(quote(10), then=end), says(quote(20, 1)))
    async with venue.serving() as port, listener.running(settings(port)):
        await eventually(lambda: prices(listener)[-1:] == ["20"])
        await eventually(lambda: len(listener.reports) == 2)
    assert [type(report) for report in listener.reports] == [FeedLost, FeedRestored]
    assert venue.connections == 2
    assert listener.statistics.reconnects == 1


async def test_a_venue_that_falls_silent_is_lost(listener: Listener) -> None:
    venue = LocalVenue(says(quote(10)), says(quote(20, 1), quote(21, 2)))
    async with venue.serving() as port, listener.running(settings(port, stale_after_s=0.3)):
        await eventually(listener.restored)
    assert listener.lost()[0] == "no valid new bookTicker frame for 0.3 s"
    assert prices(listener)[:2] == ["10", "21"] or prices(listener)[:3] == ["10", "20", "21"]


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (lambda number: quote(10), "time that stands still"),
        (lambda number: "<html>maintenance</html>", "garbage"),
        (lambda number: quote(10, number, b="12.0"), "crossed quotes"),
        (lambda number: quote(10, 10**12 + number), "times in the future"),
    ],
)
async def test_frames_that_say_nothing_new_are_silence(
    listener: Listener, frame: Callable[[int], bytes | str], what: str
) -> None:
    venue = LocalVenue(chatters(frame), says(quote(20, 1)))
    async with venue.serving() as port, listener.running(settings(port, stale_after_s=0.3)):
        await eventually(lambda: "20" in prices(listener))
    assert listener.lost()[0] == "no valid new bookTicker frame for 0.3 s", what
    assert set(prices(listener)) <= {"10", "20"}


async def test_garbage_between_good_frames_is_counted_with_a_sample(listener: Listener) -> None:
    page, half = "<html><body>502</body></html>", quote(10)[:40]
    venue = LocalVenue(says(quote(10), page, half, b"\xff\xfe", "{}", quote(11, 1)))
    async with venue.serving() as port, listener.running(settings(port)):
        await eventually(lambda: prices(listener)[-1:] == ["11"])
    assert listener.statistics.refusals == {"not_json": 3, "unexpected_shape": 1}
    assert "{}" in listener.statistics.samples["unexpected_shape"]
    assert listener.reports == []
    assert venue.connections == 1


async def test_an_event_from_the_future_is_refused_alone(listener: Listener) -> None:
    venue = LocalVenue(says(quote(10), quote(99, 10**12), quote(11, 1)))
    async with venue.serving() as port, listener.running(settings(port)):
        await eventually(lambda: prices(listener)[-1:] == ["11"])
    assert listener.statistics.refusals == {"from_the_future": 1}
    assert "99" not in prices(listener)


async def test_a_frame_of_5_megabytes_ends_the_connection_and_not_the_feed(
    listener: Listener,
) -> None:
    venue = LocalVenue(says(quote(10), " " * 5_000_000), says(quote(20, 1)))
    async with venue.serving() as port, listener.running(settings(port)):
        await eventually(lambda: "20" in prices(listener))
    assert listener.statistics.refusals == {"too_large": 1}
    assert "1009" in listener.lost()[0]


async def test_a_server_that_answers_with_a_page_is_lost_until_it_recovers(
    listener: Listener,
) -> None:
    answers = 0

    def page(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal answers
        answers += 1
        if answers > 2:
            return None
        return connection.respond(HTTPStatus.BAD_GATEWAY, "<html>502</html>")

    venue = LocalVenue(says(quote(10)))
    async with (
        venue.serving(process_request=page) as port,
        listener.running(settings(port)),
    ):
        await eventually(listener.restored)
    assert len(listener.lost()) == 1
    assert "502" in listener.lost()[0]
    assert listener.statistics.connection_failures == 2


async def test_a_server_that_is_not_there_is_lost_once(listener: Listener) -> None:
    async with LocalVenue(says()).serving() as port:
        pass
    async with listener.running(settings(port)):
        await eventually(lambda: listener.statistics.connection_failures >= 3)
    assert len(listener.reports) == 1


async def test_an_old_connection_is_renewed_without_a_loss(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered(monkeypatch, connection_age_max_s=0.1)

    venue = LocalVenue(chatters(lambda number: quote(10, number)))
    async with venue.serving() as port, listener.running(settings(port)):
        await eventually(lambda: venue.connections >= 3)
    assert listener.reports == []


async def test_a_venue_that_wants_a_heartbeat_hears_it(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered(monkeypatch, heartbeat=Heartbeat(interval_s=0.02, text='{"op":"ping"}'))
    pings: list[str | bytes] = []

    async def listens(socket: ServerConnection) -> None:
        async for text in socket:
            pings.append(text)  # noqa: PERF401 - read one by one, as they come

    async with LocalVenue(listens).serving() as port, listener.running(settings(port)):
        await eventually(lambda: len(pings) >= 3)
    assert set(pings) == {'{"op":"ping"}'}


# --- the book, which needs a second request ---------------------------------------------------


def bid(ids: tuple[int, int, int], price: str) -> bytes:
    """Return a depth difference that sets one bid."""
    return combined("d", depth(ids, b=[[price, "1"]], E=EARLY_MS + ids[1]))


def serves(*bodies: bytes) -> Callable[[ServerConnection, Request], Response | None]:
    """Return an answer to plain requests: the bodies in order, the last one again."""
    asked = 0

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal asked
        if "Upgrade" in request.headers:
            return None
        assert request.path == "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
        body = bodies[min(asked, len(bodies) - 1)]
        asked += 1
        return connection.respond(HTTPStatus.OK, body.decode())

    return answer


def books(listener: Listener) -> list[str]:
    """Return the best bids published."""
    return [event.bids[0][0] for event in listener.events if isinstance(event, DepthChanged)]


async def test_a_book_is_built_although_the_first_snapshots_are_useless(
    listener: Listener,
) -> None:
    frames = (quote(10), bid((101, 110, 99), "99.5"), bid((112, 120, 110), "99.7"))
    venue = LocalVenue(says(*frames))
    rest = serves(b"<html>", depth_snapshot(50), depth_snapshot(105, E=EARLY_MS))
    async with (
        venue.serving(process_request=rest) as port,
        listener.running(settings(port, role="mark")),
    ):
        await eventually(lambda: books(listener)[-1:] == ["99.7"])
    assert listener.statistics.refusals == {"not_json": 1, "snapshot_too_old": 1}
    assert listener.statistics.snapshots_requested == 3
    assert any(isinstance(event, MarkPriceChanged) for event in listener.events)


async def test_a_gap_in_the_book_is_repaired_by_one_request(listener: Listener) -> None:
    async def gaps(socket: ServerConnection) -> None:
        await socket.send(quote(10))
        await socket.send(bid((101, 110, 99), "99.5"))
        await eventually(lambda: books(listener))
        for number in range(200, 260):
            await socket.send(bid((number, number, number - 1), "99.6"))
        await socket.wait_closed()

    rest = serves(depth_snapshot(105, E=EARLY_MS), depth_snapshot(255, E=EARLY_MS + 255))
    async with (
        LocalVenue(gaps).serving(process_request=rest) as port,
        listener.running(settings(port, role="mark")),
    ):
        await eventually(lambda: books(listener)[-1:] == ["99.6"])
    assert listener.statistics.refusals["sequence_gap"] == 1
    assert listener.statistics.snapshots_requested == 2
    assert listener.reports == []


async def test_without_snapshots_the_prices_go_on(listener: Listener) -> None:
    venue = LocalVenue(says(quote(10), bid((101, 110, 99), "99.5"), quote(11, 1)))
    async with venue.serving() as port:
        chosen = settings(port, role="mark", rest_url="http://127.0.0.1:1")
        async with listener.running(chosen):
            await eventually(lambda: prices(listener)[-1:] == ["11"])
            await eventually(lambda: listener.statistics.snapshot_failures >= 2)
    assert books(listener) == []
    assert listener.reports == []


def test_a_reason_is_one_short_plain_line() -> None:
    reason = describe(ValueError("bad \N{SNOWMAN}\n" + "x" * 1000))
    assert reason.isascii()
    assert reason.isprintable()
    assert len(reason) == 200
