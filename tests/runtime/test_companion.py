"""A process that answers, dies, is late or fails, and never takes us with it."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from monitor.runtime.companion import Companion, CompanionError

TIMEOUT_S = 30.0


def make_counting() -> Callable[[str], tuple[str, int]]:
    """Return work that remembers how often it was asked; some words are orders."""
    asked: list[str] = []

    def work(word: str) -> tuple[str, int]:
        asked.append(word)
        if word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "wait":
            signal.pause()
        if word == "fail":
            raise ValueError("expected a better word")
        return word, len(asked)

    return work


@pytest.fixture
def companion() -> Iterator[Companion[str, tuple[str, int]]]:
    """Yield a companion that is gone afterwards."""
    made: Companion[str, tuple[str, int]] = Companion(make_counting)
    yield made
    made.close()


async def test_it_remembers_and_lives_apart(companion: Companion[str, tuple[str, int]]) -> None:
    assert await companion.ask("one", timeout_s=TIMEOUT_S) == ("one", 1)
    assert companion.pid not in {None, os.getpid()}
    assert await companion.ask("two", timeout_s=TIMEOUT_S) == ("two", 2)


@pytest.mark.parametrize(
    ("order", "timeout_s", "message"),
    [
        ("die", TIMEOUT_S, "expected the process to live"),
        ("wait", 0.1, "expected an answer within 0.1 s"),
        ("fail", TIMEOUT_S, "expected a better word"),
    ],
)
async def test_after_a_failure_another_one_begins_anew(
    companion: Companion[str, tuple[str, int]], order: str, timeout_s: float, message: str
) -> None:
    await companion.ask("one", timeout_s=TIMEOUT_S)
    with pytest.raises(CompanionError, match=message):
        await companion.ask(order, timeout_s=timeout_s)
    assert companion.pid is None
    assert await companion.ask("again", timeout_s=TIMEOUT_S) == ("again", 1)


async def test_one_who_no_longer_waits_ends_the_process(
    companion: Companion[str, tuple[str, int]],
) -> None:
    await companion.ask("one", timeout_s=TIMEOUT_S)
    asking = asyncio.create_task(companion.ask("wait", timeout_s=TIMEOUT_S))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await companion.ask("again", timeout_s=TIMEOUT_S) == ("again", 1)
