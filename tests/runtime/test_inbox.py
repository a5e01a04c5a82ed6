"""The inbox: bounded, ordered, and nothing dropped."""

import asyncio

import pytest

from monitor.runtime.inbox import Inbox, InboxClosedError


async def test_items_come_out_in_the_order_they_went_in() -> None:
    inbox: Inbox[int] = Inbox(10)
    for number in range(5):
        await inbox.put(number)
    assert await inbox.take(3) == [0, 1, 2]
    assert await inbox.take(3) == [3, 4]
    assert inbox.weight == 0


async def test_a_full_inbox_makes_its_producer_wait_and_drops_nothing() -> None:
    inbox: Inbox[int] = Inbox(3)

    async def produce() -> None:
        for number in range(100):
            await inbox.put(number)

    producer = asyncio.create_task(produce())
    received: list[int] = []
    while len(received) < 100:
        assert inbox.weight <= 3
        received += await inbox.take(2, timeout_s=5)
    await producer
    assert received == list(range(100))


async def test_a_batch_goes_beyond_its_limit_by_at_most_the_last_item() -> None:
    inbox: Inbox[str] = Inbox(100)
    await inbox.put("a", weight=10)
    await inbox.put("b", weight=30)
    await inbox.put("c", weight=10)
    assert await inbox.take(20) == ["a", "b"]


async def test_an_item_heavier_than_the_capacity_does_not_block_for_ever() -> None:
    inbox: Inbox[str] = Inbox(5)
    async with asyncio.timeout(5):
        await inbox.put("heavy", weight=50)
    assert await inbox.take(1) == ["heavy"]


async def test_taking_from_an_empty_inbox_gives_nothing_after_the_timeout() -> None:
    inbox: Inbox[str] = Inbox(5)
    assert await inbox.take(1, timeout_s=0.001) == []


async def test_a_closed_inbox_refuses_and_gives_what_it_has() -> None:
    inbox: Inbox[int] = Inbox(1)
    await inbox.put(1)
    waiting = asyncio.create_task(inbox.put(2))
    await asyncio.sleep(0)
    await inbox.close()
    with pytest.raises(InboxClosedError, match="expected an open inbox"):
        await waiting
    assert await inbox.take(5) == [1]
    assert await inbox.take(5) == []


async def test_a_cancelled_producer_leaves_the_inbox_usable() -> None:
    inbox: Inbox[int] = Inbox(1)
    await inbox.put(1)
    waiting = asyncio.create_task(inbox.put(2))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await inbox.take(5) == [1]
    await inbox.put(3)
    assert await inbox.take(5) == [3]
