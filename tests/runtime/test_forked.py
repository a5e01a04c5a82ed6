"""Work on a frozen copy of the process."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from monitor.runtime.forked import ForkedWork, ForkedWorkError

TIMEOUT_S = 20.0


async def test_the_child_sees_the_memory_of_the_moment() -> None:
    book = {"price": 1}
    work = ForkedWork(lambda: str(book["price"]).encode() * 100_000)
    book["price"] = 2
    assert await work.result(TIMEOUT_S) == b"1" * 100_000


async def test_an_error_comes_back_with_its_message() -> None:
    def fail() -> bytes:
        raise ValueError("expected room, received a full disk")

    with pytest.raises(ForkedWorkError, match="expected room, received a full disk"):
        await ForkedWork(fail).result(TIMEOUT_S)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_for_ever() -> bytes:
    signal.pause()
    return b""


async def test_a_child_that_is_late_is_killed_and_reaped() -> None:
    work = ForkedWork(wait_for_ever)
    with pytest.raises(ForkedWorkError, match=r"expected the child to end within 0\.05 s"):
        await work.result(0.05)
    assert gone(work.pid)


async def test_a_child_that_is_killed_is_told_and_reaped() -> None:
    work = ForkedWork(wait_for_ever)
    os.kill(work.pid, signal.SIGKILL)
    with pytest.raises(ForkedWorkError, match="received status -9"):
        await work.result(TIMEOUT_S)
    assert gone(work.pid)


async def test_when_the_asker_is_cancelled_the_child_is_gone() -> None:
    work = ForkedWork(wait_for_ever)
    asking = asyncio.create_task(work.result(TIMEOUT_S))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert gone(work.pid)


async def test_a_signal_to_the_child_is_none_to_the_parent() -> None:
    received: list[int] = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, received.append, signal.SIGTERM)
    try:
        work = ForkedWork(wait_for_ever)
        os.kill(work.pid, signal.SIGTERM)
        with pytest.raises(ForkedWorkError, match="status -15"):
            await work.result(TIMEOUT_S)
        await asyncio.sleep(0)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
    assert received == []


async def test_the_child_holds_no_file_of_the_parent(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        number = lock.fileno()

        def look() -> bytes:
            try:
                os.fstat(number)
            except OSError:
                return b"closed"
            return b"open"

        assert await ForkedWork(look).result(TIMEOUT_S) == b"closed"


async def test_without_room_for_a_child_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(ForkedWorkError, match="expected room for a child process"):
        ForkedWork(lambda: b"")
