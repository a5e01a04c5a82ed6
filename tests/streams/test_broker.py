"""Deadlines: what hangs or ends by itself becomes an error of the outside world."""

import asyncio

import pytest

from monitor.streams.broker import BROKER_ERRORS, deadline


async def test_a_call_that_hangs_is_a_timeout() -> None:
    with pytest.raises(BROKER_ERRORS):
        async with deadline(0.001):
            await asyncio.Event().wait()


async def test_a_call_that_is_cancelled_by_its_library_is_a_lost_connection() -> None:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.cancel)
    with pytest.raises(ConnectionError, match="received a cancelled call"):
        async with deadline(5):
            await future


async def test_our_own_cancellation_goes_through() -> None:
    started = asyncio.Event()

    async def work() -> None:
        async with deadline(5):
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_answer_in_time_goes_through() -> None:
    async with deadline(5):
        await asyncio.sleep(0)
