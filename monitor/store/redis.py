"""The mirror of the live state in Redis: never the truth, always catching up.

`RedisMirror.update` merges a batch in memory and returns at once; the engine never waits for
Redis. `run` writes, a few times a second, what has changed since, in a few big scripts, each of
which moves the marker (see `marker`). While Redis is away the state goes on merging; when it is
back and stands where we left it, the changes are written; when it stands anywhere else (a restart,
a FLUSHALL, a failover that lost writes, another writer before us) everything is written anew.

`docs/redis.md` describes the keys for the programs that read them.
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import structlog
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError

from monitor.config import RedisSettings
from monitor.runtime.backoff import Backoff
from monitor.runtime.clock import Clock
from monitor.runtime.health import Health, Need
from monitor.runtime.measurements import Measurements
from monitor.store.connection import REDIS_ERRORS, connect
from monitor.store.live_state import LiveState, MirrorBatch
from monitor.store.marker import Command, MarkedRedis, Marker, MarkerMovedError
from monitor.store.mirror_commands import CommandWriter, Leftover, MirrorKeys

ACCOUNTS_PER_SCRIPT = 200
CHECK_INTERVAL_S = 1.0
RETRY_CAP_S = 2.0
CLOSE_TIMEOUT_S = 1.0
HEALTH_CHECK = "redis"

log = structlog.get_logger(__name__)


class FencedError(Exception):
    """A writer with a higher epoch has written here: this one must not any more."""


class MirrorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the mirror does.

    `written_offset`: the log offset up to which Redis is complete, -1 when unknown. `rebuilds`:
    how often everything was written anew. `error`: what keeps it from writing now.
    """

    connected: bool = False
    written_offset: int = -1
    rebuilds: int = 0
    error: str | None = None


class RedisMirror:
    """Mirrors one shard's live state; one `run` task at a time."""

    def __init__(
        self,
        settings: RedisSettings,
        clock: Clock,
        health: Health,
        measurements: Measurements,
        *,
        shard: int = 0,
    ) -> None:
        self.status = MirrorStatus()
        self.instance = ""
        self._settings = settings
        self._clock = clock
        self._health = health
        self._measurements = measurements
        self._state = LiveState(worst_accounts=settings.worst_accounts)
        self._keys = MirrorKeys(settings.prefix, shard)
        self._writer = CommandWriter(self._keys, self._state)
        self._client = connect(settings)
        self._marked = MarkedRedis(self._client, self._keys.marker)
        self._marker: Marker | None = None  # where we left Redis; None: not known
        self._in_flight: Marker | None = None  # where a write without an answer leads
        self._decisions_offset = -1
        self._written_version = -1
        self._updated = asyncio.Event()

    def update(self, batch: MirrorBatch) -> None:
        """Take a batch that the log has acknowledged; returns at once."""
        self._state.merge(batch)
        self._updated.set()

    async def run(self) -> None:
        """Write what changes until cancelled, then the rest; trouble with Redis never ends it."""
        backoff = Backoff(self._clock, cap_s=RETRY_CAP_S)
        try:
            while True:
                try:
                    await self.write_changes()
                except (*REDIS_ERRORS, FencedError, MarkerMovedError) as error:
                    self._failed(error)
                    await asyncio.sleep(backoff.next_delay_s())
                else:
                    backoff.started()
                    await asyncio.sleep(self._settings.interval_s)
                    await self._wait_for_update()
        finally:
            await self.close(timeout_s=CLOSE_TIMEOUT_S)

    async def close(self, *, timeout_s: float) -> None:
        """Write what is left, if Redis takes it in time, and disconnect."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.write_changes()
        except (*REDIS_ERRORS, FencedError, MarkerMovedError) as error:
            self._failed(error)
        await self._client.aclose()

    async def write_changes(self) -> None:
        """Bring Redis to the merged state: the changes if it stands where we left it, else all.

        Raises an error of the client, FencedError or MarkerMovedError; then the next call starts
        by reading back where Redis stands.
        """
        if self._state.epoch < 0:
            await self._client.ping()
            return self._succeeded()
        marker = await self._settle()
        version = self._state.version
        if marker is not None and version == self._written_version:
            return self._succeeded()
        epoch, offset = self._state.epoch, self._state.log_offset
        changed = self._state.take_changed()
        try:
            if marker is None:
                changed = await self._begin_anew(epoch)
            changed |= self._writer.settled()
            await self._write(list(changed), epoch, offset)
        except BaseException:
            self._state.put_back(changed)
            self._writer.doubt(changed)
            self._written_version = -1
            raise
        self._writer.confirm()
        self._written_version = version
        return self._succeeded()

    async def _settle(self) -> Marker | None:
        """Read back where Redis stands; None when that is not where we left it.

        Raises FencedError when a writer with a higher epoch has been there.
        """
        found = await self._marked.read()
        if found.epoch > self._state.epoch:
            raise FencedError(
                f"expected an epoch of at most {self._state.epoch} in {self._keys.marker}, "
                f"received {found.epoch}: another writer has taken over, or this Redis belongs to "
                "another log (then use another `[redis] prefix`)"
            )
        if found not in (self._marker, self._in_flight) or found.offset < 0:
            return None
        if found == self._in_flight:  # the write without an answer was carried out
            self._decisions_offset = max(self._decisions_offset, found.offset)
        self._marker, self._in_flight = found, None
        return found

    async def _begin_anew(self, epoch: int) -> set[str]:
        """Mark Redis as being rebuilt; return the accounts to write or remove."""
        found = await self._marked.read()
        self._marker = await self._marked.write(found, [], epoch=epoch, offset=-1)
        stored = await self._client.hget(self._keys.marker, "decisions_offset")
        self._decisions_offset = -1 if stored is None else int(stored)
        self.status = msgspec.structs.replace(
            self.status, rebuilds=self.status.rebuilds + 1, written_offset=-1
        )
        log.info("mirror_rebuild_started", found=str(found), accounts=len(self._state.accounts))
        return self._writer.start_anew(await self._read_leftover())

    async def _read_leftover(self) -> Leftover:
        accounts = {name async for name in self._members(self._keys.accounts)}
        named = {name async for name in self._members(self._keys.named)}
        at_risk = await self._client.zrange(self._keys.at_risk, 0, -1)
        unknown = {name async for name in self._members(self._keys.unknown)}
        return Leftover(
            accounts=accounts,
            named=named,
            at_risk={str(name) for name in at_risk} & accounts,
            unknown=unknown & accounts,
        )

    async def _members(self, key: str) -> AsyncIterator[str]:
        async for name in self._client.sscan_iter(key, count=1_000):
            yield str(name)

    async def _write(self, accounts: list[str], epoch: int, offset: int) -> None:
        """Write the accounts, in parts so that neither side stalls; the last moves the offset."""
        assert self._marker is not None
        while len(accounts) > ACCOUNTS_PER_SCRIPT:
            part, accounts = accounts[:ACCOUNTS_PER_SCRIPT], accounts[ACCOUNTS_PER_SCRIPT:]
            await self._send(self._writer.accounts(part), epoch, self._marker.offset)
        last = self._writer.accounts(accounts)
        last += self._writer.summary()
        last += self._writer.decisions(after=self._decisions_offset, up_to=offset)
        last += self._writer.lights()
        last.append(self._leader(epoch, offset))
        await self._send(last, epoch, offset)
        self._decisions_offset = offset

    async def _send(self, commands: list[Command], epoch: int, offset: int) -> None:
        assert self._marker is not None
        self._in_flight = self._marker.after(epoch, offset)
        self._marker = await self._marked.write(self._marker, commands, epoch=epoch, offset=offset)
        self._in_flight = None

    def _leader(self, epoch: int, offset: int) -> Command:
        return (
            *("HSET", self._keys.leader, "epoch", epoch, "instance", self.instance),
            *("log_offset", offset, "updated_ns", self._clock.now_ns()),
        )

    async def _wait_for_update(self) -> None:
        """Return when there is something to write, or Redis should be looked at again."""
        try:
            async with asyncio.timeout(CHECK_INTERVAL_S):
                await self._updated.wait()
        except TimeoutError:
            return
        self._updated.clear()

    def _succeeded(self) -> None:
        if not self.status.connected:
            log.info("mirror_connected", redis=self._settings.url)
        offset = -1 if self._marker is None else self._marker.offset
        self.status = msgspec.structs.replace(
            self.status, connected=True, written_offset=offset, error=None
        )
        self._health.set(HEALTH_CHECK, "the mirror is written", is_ok=True, need=Need.DEGRADED)
        self._measurements.set_to("loss_monitor_redis_connected", 1)
        self._measurements.set_to(
            "loss_monitor_redis_last_success_timestamp_seconds", self._clock.now_ns() / 1e9
        )

    def _failed(self, error: Exception) -> None:
        text = describe(error, self._settings.url)
        log.warning("mirror_not_written", error=text)
        self.status = msgspec.structs.replace(self.status, connected=False, error=text)
        self._health.set(HEALTH_CHECK, text, is_ok=False, need=Need.DEGRADED)
        self._measurements.set_to("loss_monitor_redis_connected", 0)
        self._measurements.increase("loss_monitor_redis_errors_total")


def describe(error: Exception, url: str) -> str:
    """Return what was expected and what happened, for a person; never a secret."""
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return (
            f"[redis] {url}: expected to be let in, received {error}; check `username`, "
            "`password_file` or LOSS_MONITOR_REDIS_PASSWORD"
        )
    if isinstance(error, FencedError | MarkerMovedError):
        return f"[redis] {url}: {error}"
    return f"[redis] {url}: expected an answer, received {type(error).__name__}: {error}"
