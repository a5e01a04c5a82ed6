"""One small HTTP GET, for the snapshots that some venues' books start from.

It runs in a daemon thread of its own: a server that answers one byte a second then holds up
neither the loop nor the end of the process.
"""

import asyncio
import threading
import urllib.request
from email.message import Message
from http.client import HTTPException
from typing import IO

BODY_BYTES_MAX = 4 * 1_048_576
CHUNK_BYTES = 65_536
SOCKET_TIMEOUT_S = 5.0
TIMEOUT_S = 15.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: an address is what the operator configured."""

    def redirect_request(  # noqa: PLR0913, PLR0917 - the signature of the standard library
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        """Refuse; the opener then raises HTTPError with the status."""


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


async def fetch(url: str) -> bytes:
    """Return the body at an http or https address, without blocking the loop.

    Raises OSError (TimeoutError too, and HTTPError for any status but 200) and ValueError for
    another scheme or a body above BODY_BYTES_MAX.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"expected an http or https address, received {url[:80]!r}")
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    abandoned = threading.Event()

    def deliver(body: bytes | None, error: Exception | None) -> None:
        if answer.done():
            return
        if body is not None:
            answer.set_result(body)
        elif error is not None:
            answer.set_exception(error)

    def work() -> None:
        outcome: tuple[bytes | None, Exception | None]
        try:
            outcome = (_read(url, abandoned), None)
        except Exception as error:  # noqa: BLE001 - handed to the caller, whatever it is
            outcome = (None, error)
        if not abandoned.is_set():
            loop.call_soon_threadsafe(deliver, *outcome)

    threading.Thread(target=work, name="feed-snapshot", daemon=True).start()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await answer
    finally:
        abandoned.set()


def _read(url: str, abandoned: threading.Event) -> bytes:
    try:
        return _read_body(url, abandoned)
    except HTTPException as error:
        raise OSError(f"expected an HTTP answer, received {error!r:.100}, at {url}") from error


def _read_body(url: str, abandoned: threading.Event) -> bytes:
    chunks: list[bytes] = []
    size = 0
    with _opener.open(url, timeout=SOCKET_TIMEOUT_S) as response:
        while not abandoned.is_set():
            chunk: bytes = response.read1(CHUNK_BYTES)
            if not chunk:
                break
            chunks.append(chunk)
            size += len(chunk)
            if size > BODY_BYTES_MAX:
                raise ValueError(f"expected at most {BODY_BYTES_MAX} bytes, received more: {url}")
    return b"".join(chunks)
