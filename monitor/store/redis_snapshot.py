"""Copies of snapshots in Redis: what a machine without our files can start from.

Two slots take turns. A slot is emptied, filled chunk by chunk, completed with its head, and only
then does the pointer name it, in one script that refuses a lower epoch. So a reader that follows
the pointer never meets half a snapshot, and the one before stays until the next is complete.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import structlog

from monitor.config import RedisSettings
from monitor.store.connection import REDIS_ERRORS, connect
from monitor.store.snapshot import SnapshotDamagedError, SnapshotStore
from monitor.store.snapshot_codec import EncodedSnapshot, decode_head, decode_state

SLOTS = ("a", "b")
log = structlog.get_logger(__name__)

# KEYS: the pointer. ARGV: epoch, then the pointer's fields. Answers whether it was moved.
_POINT = """
if (tonumber(redis.call('HGET', KEYS[1], 'epoch')) or -1) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'epoch', unpack(ARGV))
return 1
"""


class RedisSnapshots:
    """The copies of one shard's snapshots."""

    def __init__(self, settings: RedisSettings, *, shard: int = 0) -> None:
        # The client's types name answers of both kinds, text and bytes: these are bytes.
        self._client: Any = connect(settings, is_binary=True)
        self._prefix = f"{settings.prefix}:snapshot:{shard}"
        self._pointer = f"{self._prefix}:newest"
        self._point = self._client.register_script(_POINT)

    async def copy(self, store: SnapshotStore, path: Path) -> bool:
        """Copy a snapshot's file to Redis; return False when a higher epoch has been there.

        Raises an error of the client, SnapshotError or OSError; the copy before stays valid.
        """
        snapshot = await asyncio.to_thread(store.read_encoded, path)
        return await self.save(snapshot)

    async def save(self, snapshot: EncodedSnapshot) -> bool:
        """Write a snapshot; return False when a higher epoch has been there."""
        header = snapshot.header
        stored = await self._client.hgetall(self._pointer)
        if int(stored.get(b"epoch", -1)) > header.epoch:
            return False
        slot = next(slot for slot in SLOTS if slot.encode() != stored.get(b"slot"))
        key = f"{self._prefix}:{slot}"
        await self._client.delete(key)
        for number, chunk in enumerate(snapshot.chunks):
            await self._client.hset(key, str(number), chunk)
        await self._client.hset(key, "head", snapshot.head)
        fields = {
            "slot": slot,
            "log_offset": header.log_offset,
            "state_hash": header.state_hash,
            "created_ns": header.created_ns,
            "size_bytes": snapshot.size_bytes,
        }
        words: list[Any] = [word for field in fields.items() for word in field]
        return bool(await self._point(keys=[self._pointer], args=[header.epoch, *words]))

    async def load_newest(self) -> EncodedSnapshot | None:
        """Return the newest intact copy, None when there is none.

        Raises an error of the client, or SnapshotFormatError for another format version.
        """
        pointed = await self._client.hget(self._pointer, "slot")
        if pointed is None:
            return None
        newest = pointed.decode()
        for slot in (newest, *(each for each in SLOTS if each != newest)):
            try:
                return await self._read(f"{self._prefix}:{slot}")
            except SnapshotDamagedError as error:
                log.warning("snapshot_copy_skipped", reason=str(error))
        return None

    async def fetch_into(self, store: SnapshotStore) -> Path | None:
        """Write the newest copy into a directory, as its newest snapshot; None without one."""
        snapshot = await self.load_newest()
        if snapshot is None:
            return None
        return await asyncio.to_thread(store.save_encoded, snapshot)

    async def close(self) -> None:
        """Disconnect."""
        with contextlib.suppress(*REDIS_ERRORS):
            await self._client.aclose()

    async def _read(self, key: str) -> EncodedSnapshot:
        raw = await self._client.hget(key, "head")
        if raw is None:
            raise SnapshotDamagedError(f"{key}: expected a complete snapshot, received no head")
        head = decode_head(raw, where=key)
        chunks = [
            await self._client.hget(key, str(number)) or b"" for number in range(len(head.chunks))
        ]
        decode_state(head, chunks, where=key)
        return EncodedSnapshot(head.header, raw, chunks)
