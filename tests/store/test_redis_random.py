"""Whatever happens to Redis on the way, the mirror ends up as one that was written at once."""

import random
from typing import Any

import pytest

from monitor.core.view import RiskView
from monitor.embedded.redis import RedisServer
from monitor.store.live_state import MirrorBatch
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

STEPS = 25
STATES = ("healthy", "margin_call", "liquidatable", "bankrupt")


def random_batch(generator: random.Random, number: int) -> MirrorBatch:
    """Return a batch that opens, changes and closes accounts, breakers, funds and queues."""
    names = [f"a{each}" for each in range(12)]
    changed = [
        account(
            name,
            generator.choice((None, -5.0, 40.0, 60.0, 500.0)),
            **({"state": generator.choice(STATES)} if generator.random() < 0.5 else {}),
        )
        for name in generator.sample(names, 4)
    ]
    queue = (generator.choice(("BTC", "ETH")), generator.choice(("long", "short")))
    return batch(
        number,
        *changed,
        closed_accounts=generator.sample(names, 1),
        decisions=[decision(number)],
        deleveraging={queue: generator.sample(names, generator.randrange(4))},
        view=RiskView(
            engine_ns=number,
            funds=(FUND,) if generator.random() < 0.7 else (),
            breakers=(breaker("BTC", "tripped", number),) if generator.random() < 0.7 else (),
        ),
    )


async def disturb(generator: random.Random, server: RedisServer) -> None:
    """Do something to Redis, or nothing."""
    kind = generator.choice(("nothing", "nothing", "freeze", "flush", "drop", "restart"))
    if kind == "freeze":
        freeze(server, generator.uniform(0.01, 0.3))
    elif kind in ("flush", "drop"):
        server.process.resume()
        async with reader(server) as opened:
            client: Any = opened
            if kind == "flush":
                await client.flushall()
            else:
                await client.client_kill_filter(_type="normal", skipme=True)
    elif kind == "restart":
        server.process.resume()
        server.kill()
        server.start()


@pytest.mark.parametrize("seed", range(4))
async def test_the_end_does_not_depend_on_the_way(
    start_redis: StartRedis, redis_server: RedisServer, seed: int
) -> None:
    generator = random.Random(seed)
    server = start_redis()
    mirror = make_mirror(server.url, timeout_s=0.1, worst_accounts=6)
    calm = make_mirror(redis_server.url, worst_accounts=6)
    async with running(mirror):
        for number in range(1, STEPS + 1):
            news = random_batch(generator, number)
            mirror.update(news)
            calm.update(news)
            if generator.random() < 0.5:
                await until(lambda: mirror.status.connected or mirror.status.error)
            await disturb(generator, server)
        server.process.resume()
        await written(mirror, STEPS)
        await calm.close(timeout_s=5)
    async with reader(server) as client:
        found = await dump(client)
    async with reader(redis_server) as client:
        expected = await dump(client)
    assert found == expected
