"""The demo's reference prices in Binance's wire form, read by the monitor's own adapter."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from monitor.config import FeedSettings
from monitor.core.events import IndexPriceChanged
from monitor.feeds import binance_usdm
from monitor.replay.demo.reference_feed import ReferenceFeed, port_of

SETTINGS = FeedSettings(name="demo", venue="binance-usdm", symbols=("BTCUSDT=BTC-USD",))


@pytest.fixture
async def served() -> AsyncIterator[tuple[ReferenceFeed, ClientConnection]]:
    feed = ReferenceFeed()
    async with feed.start() as server, asyncio.timeout(10):
        (plan,) = binance_usdm.plans(SETTINGS)
        async with connect(f"ws://127.0.0.1:{port_of(server)}{plan.path}") as client:
            yield feed, client


async def test_a_subscriber_gets_marks_that_the_adapter_understands(
    served: tuple[ReferenceFeed, ClientConnection],
) -> None:
    feed, client = served
    (plan,) = binance_usdm.plans(SETTINGS)
    for request in plan.messages:
        await client.send(request)
        assert msgspec.json.decode(await client.recv()) == {"result": None, "id": 1}
    await feed.publish(1_760_130_000_200_000_000, {"ETHUSDT": "3100", "BTCUSDT": "64000.5"})
    frame = await client.recv()
    parsed = binance_usdm.parse(
        frame.encode() if isinstance(frame, str) else frame, binance_usdm.new_state(SETTINGS)
    )
    assert parsed.outcomes == [
        IndexPriceChanged(
            event_ns=1_760_130_000_200_000_000, index="BTC-USD", price="64000.5", source="demo"
        )
    ]
    assert feed.frames_sent == 1


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('{"method": "LIST_SUBSCRIPTIONS", "id": 7}', "expected SUBSCRIBE"),
        ("no json", "expected a JSON request"),
    ],
)
async def test_any_other_request_is_answered_with_an_error(
    served: tuple[ReferenceFeed, ClientConnection], message: str, reason: str
) -> None:
    _, client = served
    await client.send(message)
    assert reason in msgspec.json.decode(await client.recv())["error"]["msg"]


async def test_a_client_that_left_does_not_hold_others_up(
    served: tuple[ReferenceFeed, ClientConnection],
) -> None:
    feed, client = served
    (plan,) = binance_usdm.plans(SETTINGS)
    await client.send(plan.messages[0])
    await client.recv()
    await client.close()
    await feed.publish(1_760_130_000_000_000_000, {"BTCUSDT": "64000.5"})
