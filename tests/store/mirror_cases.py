"""Accounts, views and batches for the tests of the mirror, and how to read it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import redis.asyncio

from monitor.config import RedisSettings
from monitor.core.view import AccountView, BreakerView, FundView, RiskView
from monitor.embedded.redis import RedisServer
from monitor.runtime.clock import Clock
from monitor.runtime.health import Health
from monitor.runtime.measurements import Measurements
from monitor.store.live_state import MirrorBatch
from monitor.store.redis import RedisMirror

POLL_INTERVAL_S = 0.02


def account(name: str, equity: float | None = 100.0, **changes: Any) -> AccountView:
    """Return an account with a position and a maintenance margin of 50."""
    values: dict[str, Any] = {
        "account": name,
        "owner": name,
        "role": "client",
        "state": "unknown" if equity is None else "healthy",
        "equity": equity,
        "initial_margin": None if equity is None else 80.0,
        "maintenance_margin": None if equity is None else 50.0,
        "margin_ratio": 50.0 / equity if equity else None,
        "free_collateral": None if equity is None else max(0.0, equity - 80.0),
        "withdrawable": None if equity is None else max(0.0, equity - 80.0),
        "flags": (),
        "has_position": True,
        "updated_ns": 1_760_000_000_000_000_001,
    }
    return AccountView(**(values | changes))


FUND = FundView(
    fund="main",
    asset="USDT",
    balance=1_000_000.5,
    balance_usd=1_000_000.5,
    drawn=0.0,
    credited=1e-7,
    uncovered=0.0,
    shortfall_usd=0.0,
    socialized_loss_usd=0.0,
    inventory_loss_usd=0.0,
    inventory_gain_usd=0.0,
    inventory_notional_usd=0.0,
    inventory_positions=0,
    updated_ns=5,
)


def breaker(scope: str, state: Any, changed_ns: int = 1) -> BreakerView:
    """Return one scope of the breaker `velocity`."""
    return BreakerView(
        breaker="velocity",
        kind="price_velocity",
        scope=scope,
        state=state,
        action="halt",
        measured=0.02,
        limit=0.1,
        extended=0,
        changed_ns=changed_ns,
    )


def decision(number: int) -> bytes:
    """Return a decision as it stands in the log."""
    return msgspec.json.encode({"type": "breaker_tripped", "decision_id": f"{number:032x}"})


def batch(log_offset: int, *accounts: AccountView, epoch: int = 1, **changes: Any) -> MirrorBatch:
    """Return a batch with these accounts changed."""
    values = {"view": RiskView(), **changes}
    return MirrorBatch(epoch=epoch, log_offset=log_offset, accounts=accounts, **values)


def make_mirror(url: str, **changes: Any) -> RedisMirror:
    """Return a mirror that writes at once and gives up soon."""
    values = {"url": url, "interval_s": 0.01, "timeout_s": 0.5, **changes}
    return RedisMirror(RedisSettings(**values), Clock(), Health(), Measurements())


@contextlib.asynccontextmanager
async def reader(server: RedisServer) -> AsyncIterator["redis.asyncio.Redis"]:
    """Give a client that reads as another program would."""
    client = redis.asyncio.Redis.from_url(server.url, decode_responses=True)
    try:
        yield client
    finally:
        await client.aclose()


@contextlib.asynccontextmanager
async def running(mirror: RedisMirror) -> AsyncIterator[RedisMirror]:
    """Run the mirror's task for the time of a block."""
    task = asyncio.create_task(mirror.run())
    try:
        yield mirror
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(probe: Callable[[], Any], *, timeout_s: float = 15.0) -> None:
    """Return as soon as the probe says yes."""
    async with asyncio.timeout(timeout_s):
        while not probe():  # noqa: ASYNC110 - a condition of any kind
            await asyncio.sleep(POLL_INTERVAL_S)


def freeze(server: RedisServer, seconds: float = 0.4) -> "asyncio.Future[None]":
    """Freeze the server now; the future that is returned is done when it goes on, by itself."""
    loop = asyncio.get_running_loop()
    thawed: asyncio.Future[None] = loop.create_future()

    def resume() -> None:
        server.process.resume()
        thawed.set_result(None)

    server.process.suspend()
    loop.call_later(seconds, resume)
    return thawed


async def written(mirror: RedisMirror, log_offset: int) -> None:
    """Return when Redis is complete up to an offset."""
    await until(lambda: mirror.status.connected and mirror.status.written_offset == log_offset)


async def dump(client: "redis.asyncio.Redis") -> dict[str, Any]:
    """Return everything that other programs read, without the times and ids of Redis."""
    found: dict[str, Any] = {}
    reading: Any = client
    async for name in reading.scan_iter():
        key = str(name)
        if ":mirror:" in key or key.endswith(":leader"):
            continue
        kind = await reading.type(key)
        if kind == "hash":
            found[key] = await reading.hgetall(key)
        elif kind == "zset":
            found[key] = dict(await reading.zrange(key, 0, -1, withscores=True))
        elif kind == "set":
            found[key] = set(await reading.smembers(key))
        elif key.endswith(":lights"):
            found[key] = [fields for _, fields in await reading.xrange(key)]
        else:
            found[key] = [fields["decision_id"] for _, fields in await reading.xrange(key)]
    return found
