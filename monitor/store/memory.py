"""The mirror without a Redis: for tests, and for running with the mirror switched off."""

import asyncio

from monitor.store.live_state import LiveState, MirrorBatch
from monitor.store.redis import MirrorStatus


class MemoryMirror:
    """Keeps the live state in memory; the same interface as `redis.RedisMirror`."""

    def __init__(self, *, worst_accounts: int = 1_000) -> None:
        self.state = LiveState(worst_accounts=worst_accounts)
        self.status = MirrorStatus(connected=True)
        self.instance = ""

    def update(self, batch: MirrorBatch) -> None:
        """Take a batch that the log has acknowledged; returns at once."""
        self.state.merge(batch)
        self.state.take_changed()
        self.status = MirrorStatus(connected=True, written_offset=batch.log_offset)

    async def run(self) -> None:
        """Do nothing until cancelled: what was taken is already there."""
        await asyncio.Event().wait()

    async def close(self, *, timeout_s: float) -> None:
        """Do nothing: there is nothing to write and nobody to leave."""
