"""A write happens exactly once, at the place it was meant for, or not at all."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from monitor.config import RedisSettings
from monitor.embedded.redis import RedisServer
from monitor.store.connection import connect
from monitor.store.marker import MarkedRedis, Marker, MarkerMovedError
from tests.store.fault_proxy import Fault, proxied
from tests.store.mirror_cases import account, batch, decision, dump, make_mirror, reader

COUNT = ("INCR", "counted")


@contextlib.asynccontextmanager
async def marked_in(server: RedisServer) -> AsyncIterator[tuple[MarkedRedis, Any]]:
    client: Any = connect(RedisSettings(url=server.url))
    yield MarkedRedis(client, "marker"), client
    await client.aclose()


async def test_a_redis_without_a_marker_is_nowhere(redis_server: RedisServer) -> None:
    async with marked_in(redis_server) as (marked, _):
        assert await marked.read() == Marker(-1, -1, -1)


async def test_a_write_moves_the_marker_together_with_its_commands(
    redis_server: RedisServer,
) -> None:
    async with marked_in(redis_server) as (marked, client):
        moved = await marked.write(Marker(), [COUNT, COUNT], epoch=1, offset=5)
        assert moved == Marker(1, 5, 0) == Marker().after(1, 5)
        assert await marked.read() == moved
        assert await client.get("counted") == "2"


async def test_the_same_write_again_does_nothing(redis_server: RedisServer) -> None:
    async with marked_in(redis_server) as (marked, client):
        moved = await marked.write(Marker(), [COUNT], epoch=1, offset=5)
        with pytest.raises(MarkerMovedError) as caught:
            await marked.write(Marker(), [COUNT], epoch=1, offset=5)
        assert caught.value.received == moved
        assert await client.get("counted") == "1"


@pytest.mark.parametrize("expected", [Marker(0, 5, 0), Marker(1, 4, 0), Marker(1, 5, 1)])
async def test_epoch_offset_and_sequence_must_all_be_as_expected(
    redis_server: RedisServer, expected: Marker
) -> None:
    async with marked_in(redis_server) as (marked, client):
        await marked.write(Marker(), [], epoch=1, offset=5)
        with pytest.raises(MarkerMovedError):
            await marked.write(expected, [COUNT], epoch=1, offset=6)
        assert await client.get("counted") is None


async def test_a_large_offset_stays_exact(redis_server: RedisServer) -> None:
    async with marked_in(redis_server) as (marked, _):
        moved = await marked.write(Marker(), [], epoch=2**40, offset=2**62 + 1)
        assert await marked.read() == moved == Marker(2**40, 2**62 + 1, 0)


@pytest.mark.parametrize("fault", ["lose_request", "lose_reply", "late"])
async def test_a_spoiled_write_is_settled_by_reading_back(
    redis_server: RedisServer, fault: Fault
) -> None:
    async with proxied(redis_server.port) as proxy, reader(redis_server) as client:
        mirror = make_mirror(proxy.url)
        mirror.update(batch(1, account("alice", 61.0), decisions=[decision(1)]))
        await mirror.write_changes()
        for number in range(2, 12):
            proxy.fault = fault
            mirror.update(
                batch(number, account("alice", 60.0 + number), decisions=[decision(number)])
            )
            with pytest.raises(RedisConnectionError, match="closed"):
                await mirror.write_changes()
            await mirror.write_changes()
            await proxy.deliver_late()
        assert proxy.spoiled == 10
        assert mirror.status.rebuilds == 1, "expected the changes only, received a rebuild"
        await mirror.close(timeout_s=5)
        found = await dump(client)
    assert found["loss-monitor:decisions"] == [f"{number:032x}" for number in range(1, 12)]
    assert found["loss-monitor:account:alice"]["equity"] == "71"


async def test_a_write_that_arrives_after_newer_ones_is_refused(
    redis_server: RedisServer,
) -> None:
    async with proxied(redis_server.port) as proxy, reader(redis_server) as client:
        mirror = make_mirror(proxy.url)
        mirror.update(batch(1, account("alice", 61.0), decisions=[decision(1)]))
        await mirror.write_changes()
        proxy.fault = "late"
        mirror.update(batch(2, account("alice", 62.0), decisions=[decision(2)]))
        with pytest.raises(RedisConnectionError, match="closed"):
            await mirror.write_changes()
        mirror.update(batch(3, account("alice", 63.0), decisions=[decision(3)]))
        await mirror.write_changes()
        assert await proxy.deliver_late() == 1
        await mirror.close(timeout_s=5)
        found = await dump(client)
    assert found["loss-monitor:account:alice"]["equity"] == "63"
    assert found["loss-monitor:decisions"] == [f"{number:032x}" for number in (1, 2, 3)]


async def test_what_left_the_state_during_a_spoiled_write_is_removed(
    redis_server: RedisServer,
) -> None:
    async with proxied(redis_server.port) as proxy, reader(redis_server) as client:
        mirror = make_mirror(proxy.url)
        mirror.update(batch(1, account("bob")))
        await mirror.write_changes()
        proxy.fault = "lose_reply"
        mirror.update(batch(2, account("alice", 60.0, state="margin_call"), account("x", None)))
        with pytest.raises(RedisConnectionError, match="closed"):
            await mirror.write_changes()
        mirror.update(batch(3, closed_accounts=["alice", "x"]))
        await mirror.close(timeout_s=5)
        assert set(await dump(client)) == {"loss-monitor:account:bob"}
