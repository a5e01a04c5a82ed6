"""The mirror without a Redis keeps the same state and never fails."""

import asyncio
import contextlib

from monitor.store.memory import MemoryMirror
from tests.store.mirror_cases import account, batch


async def test_it_holds_what_it_was_told_at_once() -> None:
    mirror = MemoryMirror()
    task = asyncio.create_task(mirror.run())
    mirror.update(batch(3, account("alice", 60.0, state="margin_call"), account("bob", None)))
    assert mirror.status.written_offset == 3
    assert mirror.state.at_risk() == {"alice": 50 / 60}
    assert mirror.state.unknown == {"bob"}
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await mirror.close(timeout_s=1)
