"""The bounded queue between many sources and the one writer.

A full inbox makes its producers wait: nothing is ever dropped here. Whoever reads takes as much
as it can use in one go, so work is batched exactly when there is a lot of it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class InboxClosedError(Exception):
    """The inbox takes nothing any more: the writer is stopping."""


class Inbox(Generic[Item]):
    """A queue of weighted items, first in first out, holding at most `capacity` weight.

    A single item heavier than the capacity is accepted when the inbox is empty, so that it can
    never block for ever.
    """

    def __init__(self, capacity: int) -> None:
        assert capacity > 0, f"expected a capacity above 0, received {capacity}"
        self.capacity = capacity
        self.weight = 0
        self.closed = False
        self._items: deque[tuple[Item, int]] = deque()
        self._changed = asyncio.Condition()

    def __len__(self) -> int:
        """Return the number of items waiting."""
        return len(self._items)

    @property
    def is_full(self) -> bool:
        """Return whether producers have to wait."""
        return self.weight >= self.capacity

    async def put(self, item: Item, *, weight: int = 1) -> None:
        """Add an item, waiting while there is no room for it.

        Raises InboxClosedError when the inbox is closed before the item is in.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self.closed or self._has_room(weight))
            if self.closed:
                raise InboxClosedError("expected an open inbox, received a closed one")
            self._items.append((item, weight))
            self.weight += weight
            self._changed.notify_all()

    async def take(self, weight_max: int, *, timeout_s: float | None = None) -> list[Item]:
        """Return the oldest items, together about `weight_max` (the last may go beyond it).

        Waits at most `timeout_s` for the first item; empty when none came in time, or when the
        inbox is closed and empty. What comes while a batch is worked on makes the next one
        larger, so nothing has to linger for company.
        """
        async with self._changed:
            await self._wait(lambda: bool(self._items) or self.closed, timeout_s)
            taken: list[Item] = []
            weight_taken = 0
            while self._items and weight_taken < weight_max:
                item, weight = self._items.popleft()
                taken.append(item)
                weight_taken += weight
            self.weight -= weight_taken
            if taken:
                self._changed.notify_all()
            return taken

    async def close(self) -> None:
        """Refuse further items; those inside can still be taken."""
        async with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _has_room(self, weight: int) -> bool:
        return not self._items or self.weight + weight <= self.capacity

    async def _wait(self, condition: Callable[[], bool], timeout_s: float | None) -> None:
        """Wait for a condition, no longer than `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait_for(condition)
        except TimeoutError:
            return
