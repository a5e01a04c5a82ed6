"""The client may do what the documentation grants it, and needs no more."""

import re
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import NoPermissionError

from monitor.config import RedisSettings
from monitor.embedded.redis import RedisServer
from monitor.store.connection import connect
from monitor.store.redis_snapshot import RedisSnapshots
from monitor.store.snapshot_codec import encode
from tests.services import StartRedis
from tests.store.mirror_cases import account, batch, decision, make_mirror, reader
from tests.store.test_snapshot import HEADER, STATE

DOCUMENT = Path(__file__).parents[2] / "docs" / "redis.md"


def documented_rules() -> list[str]:
    """Return the access rules that the document grants the monitor."""
    found = re.search(r"monitor itself needs\s+`([^`]+)`", DOCUMENT.read_text(encoding="utf-8"))
    assert found, f"expected the monitor's access rules in {DOCUMENT}"
    return found[1].split()


@pytest.fixture
async def restricted(start_redis: StartRedis) -> RedisServer:
    server = start_redis()
    async with reader(server) as client:
        command: Any = client.execute_command
        await command("ACL", "SETUSER", "monitor", "on", ">pass", *documented_rules())
    return server


async def test_the_documented_rights_are_enough(
    restricted: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOSS_MONITOR_REDIS_PASSWORD", "pass")
    mirror = make_mirror(restricted.url, username="monitor")
    await mirror.write_changes()
    mirror.update(batch(1, account("alice", 60.0, state="margin_call"), decisions=[decision(1)]))
    await mirror.write_changes()
    mirror.update(batch(2, account("bob", None), closed_accounts=["alice"]))
    await mirror.close(timeout_s=5)
    assert (mirror.status.error, mirror.status.written_offset) == (None, 2)
    copies = RedisSnapshots(RedisSettings(url=restricted.url, username="monitor"))
    assert await copies.save(encode(STATE, HEADER))
    assert await copies.load_newest() is not None
    await copies.close()


async def test_they_do_not_reach_other_keys_or_dangerous_commands(
    restricted: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOSS_MONITOR_REDIS_PASSWORD", "pass")
    client: Any = connect(RedisSettings(url=restricted.url, username="monitor"))
    for words in (("GET", "theirs"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("KEYS", "*")):
        with pytest.raises(NoPermissionError):
            await client.execute_command(*words)
    await client.aclose()


async def test_a_password_is_in_no_text_of_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSS_MONITOR_REDIS_PASSWORD", "canary")
    client = connect(RedisSettings(url="redis://127.0.0.1:1/0"))
    assert "canary" not in f"{client!r}{client.connection_pool!r}"
    await client.aclose()
