"""A small GET that a bad server can neither fill nor hold up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.error import HTTPError

import pytest

from monitor.feeds import rest

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """Serve one answer to whoever asks; yields the address."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await answer(writer)
            await writer.drain()
        except ConnectionError:
            return  # the client has had enough
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/depth"


def replies(text: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(text)

    return answer


async def test_a_body_is_returned() -> None:
    async with answering(replies(b"HTTP/1.1 200 OK\r\n\r\n{}")) as url:
        assert await rest.fetch(url) == b"{}"


@pytest.mark.parametrize("status", [b"302 Found\r\nLocation: file:///etc/passwd", b"429 Slow down"])
async def test_any_other_status_is_an_error(status: bytes) -> None:
    async with answering(replies(b"HTTP/1.1 " + status + b"\r\n\r\n")) as url:
        with pytest.raises(HTTPError):
            await rest.fetch(url)


async def test_an_endless_body_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "BODY_BYTES_MAX", 1_000)

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 500)
            await writer.drain()

    async with answering(endless) as url:
        with pytest.raises(ValueError, match="expected at most 1000 bytes"):
            await rest.fetch(url)


async def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "TIMEOUT_S", 0.1)
    asked = asyncio.Event()

    async def silent(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with answering(silent) as url:
        with pytest.raises(TimeoutError):
            await rest.fetch(url)
        await asked.wait()


async def test_garbage_is_an_error_that_the_caller_expects() -> None:
    async with answering(replies(b"\x00\x01\x02")) as url:
        with pytest.raises((OSError, ValueError)):
            await rest.fetch(url)


async def test_only_http_is_asked() -> None:
    with pytest.raises(ValueError, match="expected an http or https address"):
        await rest.fetch("file:///etc/passwd")
