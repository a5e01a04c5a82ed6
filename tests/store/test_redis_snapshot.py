"""A snapshot's copy in Redis is complete and intact, or it is not used."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis.asyncio

from monitor.config import RedisSettings
from monitor.embedded.redis import RedisServer
from monitor.store.redis_snapshot import RedisSnapshots
from monitor.store.snapshot import SnapshotFormatError, SnapshotStore
from monitor.store.snapshot_codec import encode
from tests.store.test_snapshot import HEADER, STATE, header


@contextlib.asynccontextmanager
async def snapshots_in(server: RedisServer) -> AsyncIterator[RedisSnapshots]:
    snapshots = RedisSnapshots(RedisSettings(url=server.url))
    yield snapshots
    await snapshots.close()


async def damage(server: RedisServer, slot: str, field: str, value: bytes | None) -> None:
    client: Any = redis.asyncio.Redis.from_url(server.url)
    key = f"loss-monitor:snapshot:0:{slot}"
    await (client.hdel(key, field) if value is None else client.hset(key, field, value))
    await client.aclose()


async def test_a_copy_starts_a_machine_without_files(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    ours, theirs = SnapshotStore(tmp_path / "ours"), SnapshotStore(tmp_path / "theirs")
    path = ours.save(STATE, header(3))
    async with snapshots_in(redis_server) as snapshots:
        assert await snapshots.fetch_into(theirs) is None
        assert await snapshots.copy(ours, path)
        assert await snapshots.fetch_into(theirs) is not None
    loaded = theirs.load_newest()
    assert loaded is not None
    assert (loaded.header, loaded.state) == (header(3), STATE)


@pytest.mark.parametrize(
    ("field", "value"), [("head", None), ("head", b"x"), ("0", None), ("1", b"x")]
)
async def test_a_damaged_newest_copy_is_skipped(
    redis_server: RedisServer, field: str, value: bytes | None
) -> None:
    async with snapshots_in(redis_server) as snapshots:
        for log_offset in (1, 2, 3):  # slots a, b, a
            assert await snapshots.save(encode(STATE, header(log_offset)))
        await damage(redis_server, "a", field, value)
        loaded = await snapshots.load_newest()
    assert loaded is not None
    assert loaded.header == header(2)


async def test_an_old_epoch_does_not_replace_a_newer_one(redis_server: RedisServer) -> None:
    newer = msgspec.structs.replace(HEADER, epoch=8)
    async with snapshots_in(redis_server) as snapshots:
        assert await snapshots.save(encode(STATE, newer))
        assert not await snapshots.save(encode(STATE, HEADER))
        loaded = await snapshots.load_newest()
    assert loaded is not None
    assert loaded.header == newer


async def test_a_copy_of_another_format_version_is_refused_by_name(
    redis_server: RedisServer,
) -> None:
    async with snapshots_in(redis_server) as snapshots:
        await snapshots.save(encode(STATE, msgspec.structs.replace(HEADER, format_version=3)))
        with pytest.raises(SnapshotFormatError, match="received version 3"):
            await snapshots.load_newest()
