"""The daemon's snapshots are copied to Redis, and a machine without our files starts from there."""

from pathlib import Path

from monitor.config import KafkaSettings, RedisSettings
from monitor.embedded.redis import RedisServer
from monitor.store.redis_snapshot import RedisSnapshots
from monitor.store.snapshot import SnapshotStore
from tests.app.app_access import running_app
from tests.services import StartRedis
from tests.topic_access import opening, present_journal, write_events


async def test_a_machine_without_files_starts_from_the_copy_in_redis(
    settings: KafkaSettings, redis_server: RedisServer, tmp_path: Path
) -> None:
    async with running_app(settings, tmp_path, redis_url=redis_server.url) as running:
        await running.ready()
        await write_events(settings, opening(present_journal(), accounts=5))
        await running.stop()
        assert running.app.shard is not None
        expected = running.app.shard.engine.state_hash()
    elsewhere = SnapshotStore(tmp_path / "elsewhere" / "snapshots")
    copies = RedisSnapshots(RedisSettings(url=redis_server.url))
    assert await copies.fetch_into(elsewhere) is not None
    await copies.close()
    loaded = elsewhere.load_newest()
    assert loaded is not None
    assert loaded.header.state_hash == expected
    async with running_app(settings, tmp_path, state="elsewhere") as running:
        await running.ready()
        assert running.app.shard is not None
        assert running.app.shard.epoch == loaded.header.epoch + 1


async def test_a_redis_that_is_away_costs_the_copy_and_not_the_snapshot(
    settings: KafkaSettings, start_redis: StartRedis, tmp_path: Path
) -> None:
    server = start_redis()
    async with running_app(settings, tmp_path, redis_url=server.url) as running:
        await running.ready()
        server.process.suspend()
        await running.stop()
    server.process.resume()
    assert SnapshotStore(tmp_path / "state" / "snapshots").load_newest() is not None
