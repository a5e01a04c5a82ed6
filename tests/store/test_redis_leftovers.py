"""What an earlier process left in Redis: removed, but not before every account has been told."""

from monitor.core.view import RiskView
from monitor.embedded.redis import RedisServer
from tests.store.mirror_cases import (
    FUND,
    account,
    batch,
    breaker,
    decision,
    dump,
    make_mirror,
    reader,
)


async def test_leftovers_of_an_earlier_run_are_removed(redis_server: RedisServer) -> None:
    first = make_mirror(redis_server.url)
    view = RiskView(funds=(FUND,), breakers=(breaker("BTC-PERP", "armed"),))
    gone = account("gone", 60.0, state="margin_call")
    first.update(batch(5, gone, account("lost", None), view=view, decisions=[decision(1)]))
    await first.close(timeout_s=5)
    second = make_mirror(redis_server.url)
    second.update(batch(9, account("alice"), epoch=2, decisions=[decision(2)]))
    async with reader(redis_server) as client:
        await second.close(timeout_s=5)
        found = await dump(client)
    assert found == {
        "loss-monitor:account:alice": found["loss-monitor:account:alice"],
        "loss-monitor:decisions": [f"{1:032x}", f"{2:032x}"],
    }


async def test_leftovers_stay_until_every_account_has_been_told(redis_server: RedisServer) -> None:
    first = make_mirror(redis_server.url)
    first.update(batch(5, account("gone"), account("alice", 1.0), account("bob")))
    await first.close(timeout_s=5)
    second = make_mirror(redis_server.url)
    async with reader(redis_server) as client:
        second.update(batch(9, account("alice"), epoch=2, is_whole=False))
        await second.write_changes()
        before = await dump(client)
        second.update(batch(10, account("bob", 2.0), epoch=2))
        await second.close(timeout_s=5)
        after = await dump(client)
    names = [f"loss-monitor:account:{name}" for name in ("alice", "bob", "gone")]
    assert [before[name]["equity"] for name in names] == ["100", "100", "100"]
    assert [after[name]["equity"] for name in names[:2]] == ["100", "2"]
    assert names[2] not in after
