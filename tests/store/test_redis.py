"""The mirror in a real Redis: what it holds, and that faults neither double nor lose a write."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from monitor.config import ConfigurationError
from monitor.core.lights import LightChange
from monitor.core.view import RiskView
from monitor.embedded.redis import RedisServer
from monitor.store.redis import FencedError
from tests.services import StartRedis
from tests.store.mirror_cases import (
    FUND,
    account,
    batch,
    breaker,
    decision,
    dump,
    freeze,
    make_mirror,
    reader,
    running,
    until,
    written,
)

DEBUG = (("enable-debug-command", "yes"),)


async def put_to_sleep(client: "redis.asyncio.Redis", seconds: float = 0.4) -> None:
    """Let the server do nothing at all for a while."""
    command: Any = client.execute_command
    await command("DEBUG", "SLEEP", str(seconds))


async def test_every_key_of_the_contract_is_written(redis_server: RedisServer) -> None:
    view = RiskView(
        worst=(account("alice", 60.0, state="margin_call"),),
        funds=(FUND,),
        breakers=(breaker("BTC-PERP", "tripped"),),
    )
    mirror = make_mirror(redis_server.url)
    mirror.instance = "one"
    mirror.update(
        batch(
            8,
            account("bob", None),
            account("carol", -5.0, state="bankrupt"),
            view=view,
            decisions=[decision(1), decision(2)],
            deleveraging={("BTC-PERP", "long"): ["dave", "erin"]},
            lights=[LightChange("BTC-PERP", "long", "dave", light=5, before=4)],
        )
    )
    async with running(mirror), reader(redis_server) as client:
        await written(mirror, 8)
        found = await dump(client)
        leader = await client.hgetall("loss-monitor:leader")
    assert set(found) == {
        "loss-monitor:account:alice",
        "loss-monitor:account:bob",
        "loss-monitor:account:carol",
        "loss-monitor:at-risk",
        "loss-monitor:unknown",
        "loss-monitor:deleveraging:BTC-PERP:long",
        "loss-monitor:breaker:velocity",
        "loss-monitor:fund:main",
        "loss-monitor:decisions",
        "loss-monitor:lights",
    }
    assert found["loss-monitor:account:alice"] == {
        "state": "margin_call",
        "equity": "60",
        "initial_margin": "80",
        "maintenance_margin": "50",
        "margin_ratio": "0.8333333333333334",
        "free_collateral": "0",
        "withdrawable": "0",
        "updated_ns": "1760000000000000001",
    }
    assert found["loss-monitor:at-risk"] == {"alice": 50 / 60, "carol": float("inf")}
    assert found["loss-monitor:unknown"] == {"bob"}
    assert found["loss-monitor:deleveraging:BTC-PERP:long"] == {"dave": 1.0, "erin": 2.0}
    assert found["loss-monitor:lights"] == [
        {
            "instrument": "BTC-PERP",
            "side": "long",
            "account": "dave",
            "light": "5",
            "before": "4",
            "event_ns": str(view.engine_ns),
        }
    ]
    assert found["loss-monitor:breaker:velocity"]["state"] == "tripped"
    assert found["loss-monitor:fund:main"]["balance"] == "1000000.5"
    assert found["loss-monitor:decisions"] == [f"{1:032x}", f"{2:032x}"]
    assert (leader["epoch"], leader["instance"], leader["log_offset"]) == ("1", "one", "8")


async def test_what_is_gone_from_the_state_is_gone_from_redis(redis_server: RedisServer) -> None:
    mirror = make_mirror(redis_server.url)
    bad = account("alice", 60.0, state="margin_call")
    view = RiskView(funds=(FUND,), breakers=(breaker("BTC-PERP", "tripped"),))
    queue = ("BTC-PERP", "long")
    async with running(mirror), reader(redis_server) as client:
        mirror.update(batch(1, bad, account("bob", None), view=view, deleveraging={queue: ["x"]}))
        await written(mirror, 1)
        mirror.update(batch(2, closed_accounts=["alice"], deleveraging={queue: []}))
        mirror.update(batch(3, account("bob", 70.0), view=RiskView()))
        await written(mirror, 3)
        found = await dump(client)
    assert set(found) == {"loss-monitor:account:bob"}


async def test_an_amount_that_stops_existing_is_removed_from_the_hash(
    redis_server: RedisServer,
) -> None:
    mirror = make_mirror(redis_server.url)
    async with running(mirror), reader(redis_server) as client:
        mirror.update(batch(1, account("alice", 70.0)))
        await written(mirror, 1)
        mirror.update(batch(2, account("alice", None)))
        await written(mirror, 2)
        fields = await client.hgetall("loss-monitor:account:alice")
    assert set(fields) == {"state", "updated_ns"}


async def test_many_accounts_are_written_in_parts(redis_server: RedisServer) -> None:
    mirror = make_mirror(redis_server.url)
    accounts = [account(f"a{number}", 60.0 + number % 7) for number in range(2_345)]
    async with running(mirror), reader(redis_server) as client:
        mirror.update(batch(1, *accounts))
        await written(mirror, 1)
        found = await dump(client)
        assert len(found) == 2_345
        marker = await client.hgetall("loss-monitor:mirror:0")
    assert int(marker["sequence"]) >= 5


async def test_without_news_nothing_is_written(redis_server: RedisServer) -> None:
    mirror = make_mirror(redis_server.url)
    mirror.update(batch(1, account("alice")))
    async with reader(redis_server) as client:
        await mirror.write_changes()
        before = await client.hgetall("loss-monitor:mirror:0")
        await mirror.write_changes()
        assert await client.hgetall("loss-monitor:mirror:0") == before
    await mirror.close(timeout_s=1)


async def test_what_is_left_is_written_at_the_end(redis_server: RedisServer) -> None:
    mirror = make_mirror(redis_server.url, interval_s=60.0)
    async with running(mirror):
        mirror.update(batch(1, account("alice")))
        await written(mirror, 1)
        mirror.update(batch(2, account("bob")))
    async with reader(redis_server) as client:
        assert await client.exists("loss-monitor:account:bob")


async def test_a_task_cancelled_at_any_moment_ends(redis_server: RedisServer) -> None:
    """Without our own deadlines the client swallows some of the cancellations."""
    for steps in range(150):
        mirror = make_mirror(redis_server.url)
        task = asyncio.create_task(mirror.run())
        for number in range(steps % 50):
            mirror.update(batch(number, account("alice", 60.0 + number), epoch=steps))
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=5)
        assert done, f"expected the end of a task cancelled after {steps % 50} steps"


async def test_a_dead_redis_delays_the_end_by_a_second_at_most(start_redis: StartRedis) -> None:
    server = start_redis()
    mirror = make_mirror(server.url, timeout_s=60.0)
    mirror.update(batch(1, account("alice")))
    async with asyncio.timeout(10):
        async with running(mirror):
            await written(mirror, 1)
            server.process.suspend()
            mirror.update(batch(2, account("bob")))
    server.process.resume()


async def test_redis_refused_is_said_and_the_mirror_catches_up(start_redis: StartRedis) -> None:
    server = start_redis()
    server.stop()
    mirror = make_mirror(server.url)
    async with running(mirror), reader(server) as client:
        mirror.update(batch(1, account("alice"), decisions=[decision(1)]))
        await until(lambda: mirror.status.error)
        assert "expected an answer, received ConnectionError" in str(mirror.status.error)
        mirror.update(batch(2, account("bob"), decisions=[decision(2)]))
        server.start()
        await written(mirror, 2)
        found = await dump(client)
    assert found["loss-monitor:decisions"] == [f"{1:032x}", f"{2:032x}"]
    assert "loss-monitor:account:alice" in found


async def test_a_wrong_password_is_said_by_name(
    start_redis: StartRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_redis(password="correct")
    monkeypatch.setenv("LOSS_MONITOR_REDIS_PASSWORD", "wrong")
    mirror = make_mirror(server.url)
    async with running(mirror):
        mirror.update(batch(1, account("alice")))
        await until(lambda: mirror.status.error)
        assert "expected to be let in" in str(mirror.status.error)
        assert "password_file" in str(mirror.status.error)
        assert "wrong'" not in str(mirror.status.error)


async def test_the_password_comes_from_a_file(start_redis: StartRedis, tmp_path: Path) -> None:
    server = start_redis(password="correct")
    (tmp_path / "password").write_text("correct\n")
    mirror = make_mirror(server.url, password_file=str(tmp_path / "password"))
    async with running(mirror):
        mirror.update(batch(1, account("alice")))
        await written(mirror, 1)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"url": "redis://:secret@127.0.0.1:1/0"}, "expected no password in the address"),
        ({"url": "http://127.0.0.1:1"}, "expected redis://, rediss:// or unix://"),
        ({"url": "redis://h:1", "password_file": "/nowhere/p"}, "expected a readable file"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected) as caught:
        make_mirror(**settings)
    assert "secret" not in str(caught.value)


async def test_a_flushed_redis_is_noticed_without_news_and_rebuilt(
    redis_server: RedisServer,
) -> None:
    mirror = make_mirror(redis_server.url)
    async with running(mirror), reader(redis_server) as client:
        mirror.update(batch(5, account("alice"), account("bob", None), decisions=[decision(1)]))
        await written(mirror, 5)
        before = await dump(client)
        await client.flushall()
        await until(lambda: mirror.status.rebuilds == 2)
        await written(mirror, 5)
        assert await dump(client) == before


async def test_a_killed_redis_that_comes_back_empty_is_rebuilt(start_redis: StartRedis) -> None:
    server = start_redis()
    mirror = make_mirror(server.url)
    async with running(mirror), reader(server) as client:
        mirror.update(batch(5, account("alice"), decisions=[decision(1)]))
        await written(mirror, 5)
        server.kill()
        mirror.update(batch(6, account("bob"), decisions=[decision(2)]))
        await until(lambda: not mirror.status.connected)
        server.start()
        await written(mirror, 6)
        found = await dump(client)
    assert {"loss-monitor:account:alice", "loss-monitor:account:bob"} <= found.keys()
    assert found["loss-monitor:decisions"] == [f"{1:032x}", f"{2:032x}"]


async def test_other_programs_keys_are_left_alone(redis_server: RedisServer) -> None:
    mirror = make_mirror(redis_server.url)
    mirror.update(batch(1, account("alice")))
    async with reader(redis_server) as client:
        await client.set("theirs", "1")
        await client.zadd("loss-monitor:at-risk", {"of-another-shard": 2.0})
        await mirror.close(timeout_s=5)
        assert await client.get("theirs") == "1"
        assert await client.zscore("loss-monitor:at-risk", "of-another-shard") == 2.0


async def test_a_writer_with_an_old_epoch_is_refused(redis_server: RedisServer) -> None:
    zombie = make_mirror(redis_server.url)
    zombie.update(batch(5, account("alice", 60.0)))
    await zombie.write_changes()
    leader = make_mirror(redis_server.url)
    leader.update(batch(6, account("alice", 70.0), epoch=2))
    await leader.write_changes()
    zombie.update(batch(7, account("alice", 1.0)))
    with pytest.raises(FencedError, match="another writer has taken over"):
        await zombie.write_changes()
    async with reader(redis_server) as client:
        assert await client.hget("loss-monitor:account:alice", "equity") == "70"
    await zombie.close(timeout_s=1)
    await leader.close(timeout_s=1)


async def test_a_pause_longer_than_the_timeout_doubles_and_loses_nothing(
    start_redis: StartRedis,
) -> None:
    server = start_redis(options=DEBUG)
    mirror = make_mirror(server.url, timeout_s=0.15)
    async with running(mirror), reader(server) as client:
        for number in range(1, 9):
            pause = asyncio.create_task(put_to_sleep(client))
            await asyncio.sleep(0)
            mirror.update(
                batch(number, account("alice", 60.0 + number), decisions=[decision(number)])
            )
            await pause
        await written(mirror, 8)
        found = await dump(client)
    assert found["loss-monitor:decisions"] == [f"{number:032x}" for number in range(1, 9)]
    assert found["loss-monitor:account:alice"]["equity"] == "68"


async def test_a_frozen_redis_that_wakes_up_doubles_nothing(start_redis: StartRedis) -> None:
    server = start_redis()
    mirror = make_mirror(server.url, timeout_s=0.15)
    async with running(mirror), reader(server) as client:
        mirror.update(batch(1, account("alice"), decisions=[decision(1)]))
        await written(mirror, 1)
        for number in range(2, 6):
            server.process.suspend()
            mirror.update(batch(number, account("alice"), decisions=[decision(number)]))
            await until(lambda: not mirror.status.connected)
            server.process.resume()
            await written(mirror, number)
        found = await dump(client)
        assert mirror.status.rebuilds == 1, "expected the changes only, received a rebuild"
    assert found["loss-monitor:decisions"] == [f"{number:032x}" for number in range(1, 6)]


async def test_the_client_s_defaults_would_double_a_transaction(start_redis: StartRedis) -> None:
    """The negative control: what the compare-and-set and the missing retries are there for."""
    server = start_redis()
    naive = redis.asyncio.Redis(host="127.0.0.1", port=server.port, socket_timeout=0.15)
    careful = redis.asyncio.Redis.from_url(
        server.url, socket_timeout=0.15, retry=Retry(NoBackoff(), 0)
    )
    async with reader(server) as client:
        await naive.ping()
        await careful.ping()
        pause = freeze(server)
        async with naive.pipeline(transaction=True) as transaction:
            transaction.incr("counted")
            transaction.set("offset", 1)
            await transaction.execute()
        await pause
        assert int(str(await client.get("counted"))) > 1
        pause = freeze(server)
        with pytest.raises(redis.TimeoutError):
            await careful.incr("once")
        await pause
        assert await client.get("once") == "1"
    await naive.aclose()
    await careful.aclose()


async def test_a_redis_that_refuses_writes_is_said_and_recovered_from(
    start_redis: StartRedis,
) -> None:
    server = start_redis()
    mirror = make_mirror(server.url)
    async with running(mirror), reader(server) as client:
        mirror.update(batch(1, account("alice")))
        await written(mirror, 1)
        await client.config_set("maxmemory", "1")
        mirror.update(batch(2, account("alice", 61.0)))
        await until(lambda: mirror.status.error)
        assert "OutOfMemory" in str(mirror.status.error)
        await client.config_set("maxmemory", "0")
        await written(mirror, 2)
        assert await client.hget("loss-monitor:account:alice", "equity") == "61"
