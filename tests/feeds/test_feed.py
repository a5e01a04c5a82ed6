"""The daemon's side of a feed: batches, back pressure, keys."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from monitor.config import ConfigurationError, FeedSettings
from monitor.core.events import Event, MarkPriceChanged, OracleReported, TradePrinted
from monitor.feeds.coalescing import CoalescingQueue
from monitor.feeds.feed import BATCH_PLACES_MAX, authorization, publish_queue
from monitor.feeds.statistics import FeedStatistics
from monitor.feeds.venues import VENUES
from tests.feeds.frames import pyth_update
from tests.feeds.local_venue import Listener, LocalVenue, eventually, says

TOKEN = "LOSS_MONITOR_PYTH_HERMES_TOKEN"
ID = "ab" * 32


def pyth(port: int) -> FeedSettings:
    return FeedSettings(
        name="pyth",
        venue="pyth-hermes",
        symbols=(f"{ID}=BTC-USD",),
        url=f"ws://127.0.0.1:{port}/hermes",
    )


async def test_prices_coalesce_while_the_log_is_slow() -> None:
    queue, statistics = CoalescingQueue(), FeedStatistics(feed="feed")
    published: list[list[Event]] = []
    released = asyncio.Event()

    async def publish(events: Sequence[Event]) -> None:
        published.append(list(events))
        await released.wait()

    publishing = asyncio.create_task(publish_queue(queue, publish, statistics))
    prices = ["5", "9", "4", "7"]
    for number, price in enumerate(prices):
        queue.put(MarkPriceChanged(event_ns=number, instrument="A", price=price))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    released.set()
    await eventually(lambda: statistics.events_coalesced == 2)
    publishing.cancel()
    assert published[0] == [MarkPriceChanged(event_ns=0, instrument="A", price="5")]
    merged = MarkPriceChanged(event_ns=3, instrument="A", price="7", high="9", low="4", count=3)
    assert published[1:] == [[merged]]
    assert (statistics.events_published, statistics.last_event_ns) == (2, 3)


async def test_a_batch_has_a_bound() -> None:
    queue, listener = CoalescingQueue(), Listener()
    sizes: list[int] = []

    async def publish(events: Sequence[Event]) -> None:
        sizes.append(len(events))

    for number in range(2 * BATCH_PLACES_MAX + 1):
        queue.put(
            TradePrinted(event_ns=number, instrument="A", price="1", size="1", aggressor="buy")
        )
    publishing = asyncio.create_task(publish_queue(queue, publish, listener.statistics))
    await eventually(lambda: sum(sizes) == 2 * BATCH_PLACES_MAX + 1)
    publishing.cancel()
    assert max(sizes) == BATCH_PLACES_MAX


async def test_what_the_log_raises_ends_the_feed() -> None:
    class RefusingListener(Listener):
        async def publish(self, events: Sequence[Event]) -> None:
            raise LookupError("no such topic")

    listener = RefusingListener()
    async with LocalVenue(says(pyth_update(ID))).serving() as port:
        with pytest.raises(ExceptionGroup) as raised:
            async with listener.running(pyth(port)) as task:
                await eventually(task.done)
    assert raised.group_contains(LookupError)


async def test_an_oracle_is_heard_with_the_key_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(TOKEN, "secret-key")
    listener = Listener("pyth")
    venue = LocalVenue(says('{"type":"response","status":"success"}', pyth_update(ID)))
    async with venue.serving() as port, listener.running(pyth(port)):
        await eventually(lambda: listener.events)
    (report,) = listener.events
    assert isinstance(report, OracleReported)
    assert (report.oracle, report.index, report.price) == ("pyth", "BTC-USD", "61409.93501")
    assert venue.headers[0]["Authorization"] == "Bearer secret-key"


def test_a_key_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    adapter = VENUES["pyth-hermes"]
    monkeypatch.delenv(TOKEN, raising=False)
    assert authorization(adapter, adapter.url) == {}
    path = tmp_path / "key"
    path.write_text("from-a-file\n")
    monkeypatch.setenv(f"{TOKEN}_FILE", str(path))
    assert authorization(adapter, adapter.url) == {"Authorization": "Bearer from-a-file"}
    monkeypatch.setenv(TOKEN, "from-the-environment")
    assert authorization(adapter, adapter.url) == {"Authorization": "Bearer from-the-environment"}


def test_a_key_file_that_cannot_be_read_is_named_without_its_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    monkeypatch.setenv(f"{TOKEN}_FILE", str(tmp_path / "missing"))
    with pytest.raises(ConfigurationError, match=r"expected a readable file.*FileNotFoundError"):
        authorization(VENUES["pyth-hermes"], "wss://oracle.example")


def test_venues_without_a_key_send_no_header() -> None:
    assert authorization(VENUES["binance-usdm"], "ws://venue.example") == {}


def test_a_key_is_not_sent_unencrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "secret-key")
    adapter = VENUES["pyth-hermes"]
    with pytest.raises(ConfigurationError, match="expected a wss:// address") as raised:
        authorization(adapter, "ws://oracle.example/hermes")
    assert "secret-key" not in str(raised.value)
    assert authorization(adapter, "ws://127.0.0.1:9")
