"""Supervision: restarts are counted and capped, and no task dies unnoticed."""

import asyncio

import pytest

from monitor.runtime.clock import ManualClock
from monitor.runtime.supervise import (
    RestartsExhaustedError,
    StrayCancellationError,
    Supervisor,
)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every back-off delay 0."""
    monkeypatch.setattr("monitor.runtime.backoff.Backoff.next_delay_s", lambda _: 0.0)


async def test_a_task_that_may_be_restarted_is_run_again_until_it_is_done() -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise ConnectionError("expected an answer, received none")

    async with Supervisor(ManualClock()) as supervisor:
        supervisor.start_restarted("feed", work)
    assert runs == 4
    assert supervisor.restarts == {"feed": 3}


async def test_one_failure_more_than_allowed_ends_the_group() -> None:
    async def work() -> None:
        raise ConnectionError("expected an answer, received none")

    supervisor = Supervisor(ManualClock())
    with pytest.raises(ExceptionGroup) as caught:
        async with supervisor:
            supervisor.start_restarted("feed", work, restarts_max=2)
    assert caught.group_contains(RestartsExhaustedError, match="feed: expected at most 2 failures")
    assert supervisor.restarts == {"feed": 2}


async def test_failures_older_than_the_window_do_not_count() -> None:
    clock = ManualClock()
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        clock.advance(60)
        if runs < 50:
            raise ConnectionError("expected an answer, received none")

    async with Supervisor(clock) as supervisor:
        supervisor.start_restarted("feed", work, restarts_max=5, window_s=300)
    assert runs == 50


async def test_the_failure_of_a_task_without_restarts_cancels_the_others() -> None:
    ended = asyncio.Event()

    async def neighbor() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("expected 1, received 2")

    async def run() -> None:
        async with Supervisor(ManualClock()) as supervisor:
            supervisor.start("neighbor", neighbor)
            supervisor.start("writer", fail)

    with pytest.raises(ExceptionGroup) as caught:
        await run()
    assert caught.group_contains(ValueError)
    assert ended.is_set()


async def test_cancelling_all_ends_the_group_without_an_error() -> None:
    async with Supervisor(ManualClock()) as supervisor:
        supervisor.start("one", asyncio.Event().wait)  # type: ignore[arg-type]
        supervisor.start("two", asyncio.Event().wait)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        supervisor.cancel_all()


async def test_a_cancellation_that_nobody_asked_for_is_an_error() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    async def run() -> None:
        async with Supervisor(ManualClock()) as supervisor:
            supervisor.start("source", work)

    with pytest.raises(ExceptionGroup) as caught:
        await run()
    assert caught.group_contains(StrayCancellationError, match="source: expected to run")
