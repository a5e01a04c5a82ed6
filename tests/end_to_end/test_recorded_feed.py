"""A recorded day through the whole daemon: websocket, Kafka, engine, view.

The excerpt in the repository is played as fast as it is read. With
LOSS_MONITOR_RECORDED_DAY=btcusdt_20240808.gz (93,953 messages, from github.com/nkaz001/hftbacktest,
examples/usdm) the whole recording is.
"""

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from websockets.asyncio.server import ServerConnection

from monitor.app.daemon import App
from monitor.config import TopicSettings, parse_configuration
from monitor.core.events import (
    DepthChanged,
    Event,
    InstrumentListed,
    MarkPriceChanged,
    TradePrinted,
)
from monitor.core.gate import decode, encode
from monitor.embedded.real_kafka import RealKafka
from monitor.replay.recorded_feed import RecordedFeed, port_of
from monitor.runtime.clock import Clock
from tests.feeds.frames import combined, quotes
from tests.feeds.local_venue import LocalVenue, eventually, says
from tests.services import MakeTopics

EXCERPT = (
    Path(__file__)
    .parents[1]
    .joinpath("feeds", "data", "binance_usdm_btcusdt_20240808_first_400.gz")
)
RECORDING = Path(os.environ.get("LOSS_MONITOR_RECORDED_DAY", EXCERPT))
DEADLINE_S = 90.0
INSTRUMENT = "BTC-PERP"
EARLY_MS = 1_700_000_000_000
CONFIGURATION = """
[service]
state_directory = "{state}"

[kafka]
bootstrap_servers = "{kafka}"

[kafka.topics]
accounts = "{topics.accounts}"
market = "{topics.market}"
decisions = "{topics.decisions}"
quarantine = "{topics.quarantine}"

[redis]
url = ""

[http]
listen = ""

[[feeds]]
name = "recorded-binance"
venue = "binance-usdm"
url = "ws://127.0.0.1:{port}"
rest_url = "http://127.0.0.1:{port}"
symbols = ["BTCUSDT={instrument}"]
role = "mark"
mark_from = "mid"
stale_after_s = {stale_after_s}

[[breakers]]
name = "velocity"
kind = "price_velocity"
lookback_s = 60.0
limit_ratio = 0.000002
action = "halt"
"""


def recorded(name: str) -> list[dict[str, Any]]:
    """Return the recording's messages of one kind."""
    with gzip.open(RECORDING, "rt") as lines:
        messages = [json.loads(line.split(" ", 1)[1]) for line in lines]
    return [message["data"] for message in messages if message.get("data", {}).get("e") == name]


def recorded_mids() -> list[Decimal]:
    """Return the mid of each recorded best quote, in order."""
    return [(Decimal(data["b"]) + Decimal(data["a"])) / 2 for data in recorded("bookTicker")]


def make_app(
    state: Path,
    kafka: Any,
    topics: TopicSettings,
    *,
    port: int,
    stale_after_s: float = 60.0,
) -> App:
    """Return a daemon that is fed by a server on this machine."""
    text = CONFIGURATION.format(
        state=state, kafka=kafka.bootstrap_servers, topics=topics, port=port,
        instrument=INSTRUMENT, stale_after_s=stale_after_s,
    )  # fmt: skip
    return App(parse_configuration(text, where="test"), text)


def shown_mark(app: App) -> float | None:
    """Return the mark that the daemon's view shows."""
    marks = {item.instrument: item.mark_price for item in app.views.view.instruments}
    return marks.get(INSTRUMENT)


def quote(price: int, number: int) -> bytes:
    """Return a frame of best quotes at `price`; a later number is a later event."""
    fields = quotes(f"{price}.0", f"{price}.0", E=EARLY_MS + number)
    return combined("btcusdt@bookTicker", fields)


@asynccontextmanager
async def running(app: App) -> AsyncIterator[App]:
    """Run a daemon while the block lasts, then stop it in order."""
    task = asyncio.create_task(app.run_until_stopped())
    try:
        yield app
    finally:
        app.request_stop()
        await task


async def values(servers: str, topic: str) -> list[bytes]:
    """Return the values of the records that a topic with one partition holds."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        found: list[bytes] = []
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [record.value for record in records]
        return found
    finally:
        await consumer.stop()


async def market_events(servers: str, topic: str) -> list[Event]:
    """Return what the market topic holds."""
    answers = [answer for value in await values(servers, topic) for answer in decode(value)]
    return [answer for answer in answers if isinstance(answer, Event)]


async def list_instrument(servers: str, topic: str) -> None:
    """Put the instrument's definition into the market topic."""
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    listed = InstrumentListed(
        event_ns=1, instrument=INSTRUMENT, kind="linear", base="BTC", quote="USDT",
        settlement_currency="USDT", contract_size="1", lot_size="0.001", tick_size="0.1",
    )  # fmt: skip
    await producer.send_and_wait(topic, encode(listed), partition=0)
    await producer.stop()


async def test_the_marks_of_a_recorded_day_reach_the_view(
    kafka: Any, topic_names: TopicSettings, tmp_path: Path
) -> None:
    await list_instrument(kafka.bootstrap_servers, topic_names.market)
    mids = recorded_mids()
    feed = RecordedFeed(RECORDING, speed=0)
    async with feed.start(host="127.0.0.1", port=0) as server:
        app = make_app(tmp_path, kafka, topic_names, port=port_of(server))

        async with running(app):
            await eventually(lambda: feed.played, deadline_s=DEADLINE_S)
            await eventually(lambda: shown_mark(app) == float(mids[-1]), deadline_s=DEADLINE_S)
    events = await market_events(kafka.bootstrap_servers, topic_names.market)
    marks = [event for event in events if isinstance(event, MarkPriceChanged)]
    assert sum(mark.count for mark in marks) == len(mids), "every quote is in exactly one mark"
    assert max(Decimal(mark.high or mark.price) for mark in marks) == max(mids)
    assert min(Decimal(mark.low or mark.price) for mark in marks) == min(mids)
    trades = [event.trade_id for event in events if isinstance(event, TradePrinted)]
    assert trades == [str(data["t"]) for data in recorded("trade")]
    books = [event for event in events if isinstance(event, DepthChanged)]
    assert books
    assert all(Decimal(book.bids[0][0]) < Decimal(book.asks[0][0]) for book in books)


async def test_a_move_in_a_recording_that_is_dated_as_of_now_trips_a_breaker(
    kafka: Any, topic_names: TopicSettings, tmp_path: Path
) -> None:
    await list_instrument(kafka.bootstrap_servers, topic_names.market)
    feed = RecordedFeed(EXCERPT, speed=2, clock=Clock())
    async with feed.start(host="127.0.0.1", port=0) as server:
        app = make_app(tmp_path, kafka, topic_names, port=port_of(server))
        async with running(app):
            await eventually(lambda: feed.played)
            await eventually(lambda: [one.state for one in app.views.view.breakers] == ["tripped"])
    log = await values(kafka.bootstrap_servers, topic_names.decisions)
    (tripped,) = [record for record in map(json.loads, log) if record["type"] == "breaker_tripped"]
    assert (tripped["breaker"], tripped["scope"]) == ("velocity", INSTRUMENT)
    assert Decimal(tripped["measured"]) > Decimal(tripped["limit"])
    assert tripped["cause"]["topic"] == topic_names.market


async def test_a_feed_that_falls_silent_is_lost_to_the_engine_until_it_speaks_again(
    kafka: Any, topic_names: TopicSettings, tmp_path: Path
) -> None:
    feed = RecordedFeed(EXCERPT, speed=0, repeat=True)
    async with feed.start(host="127.0.0.1", port=0) as server:
        app = make_app(tmp_path, kafka, topic_names, port=port_of(server), stale_after_s=0.5)

        def told() -> list[tuple[str, bool]]:
            return [(shown.feed, shown.lost) for shown in app.views.view.feeds]

        async with running(app):
            await eventually(lambda: told() == [("recorded-binance", True)])
            await eventually(lambda: told() == [("recorded-binance", False)])
            value = app.vitals.measurements.value
            await eventually(
                lambda: value("loss_monitor_feed_reconnects_total", "recorded-binance")
            )


async def test_while_the_broker_is_dead_prices_wait_with_their_extremes(
    kafka_private: RealKafka, make_topics: MakeTopics, tmp_path: Path
) -> None:
    topics = make_topics(kafka=kafka_private)
    await list_instrument(kafka_private.bootstrap_servers, topics.market)
    is_dead = asyncio.Event()

    async def outage(socket: ServerConnection) -> None:
        await is_dead.wait()
        for number, price in enumerate((20, 90, 5, 50), start=2):
            await socket.send(quote(price, number))
        await socket.wait_closed()

    venue = LocalVenue(says(quote(10, 1), then=outage))
    async with venue.serving() as port:
        app = make_app(tmp_path, kafka_private, topics, port=port)
        async with running(app):
            await eventually(lambda: shown_mark(app) == 10.0, deadline_s=DEADLINE_S)
            await asyncio.to_thread(kafka_private.kill)
            is_dead.set()
            await eventually(lambda: not app.vitals.health.is_ready, deadline_s=DEADLINE_S)
            await asyncio.to_thread(kafka_private.start)
            await eventually(lambda: shown_mark(app) == 50.0, deadline_s=DEADLINE_S)
    events = await market_events(kafka_private.bootstrap_servers, topics.market)
    marks = [event for event in events if isinstance(event, MarkPriceChanged)]
    assert {Decimal(mark.high or mark.price) for mark in marks} >= {Decimal(90)}
    assert {Decimal(mark.low or mark.price) for mark in marks} >= {Decimal(5)}
    assert marks[-1].price == "50"
