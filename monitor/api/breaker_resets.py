"""The one thing that the API lets somebody do: arm a breaker by hand, recorded with who and why.

A reset is an event of the market topic. It is applied when it is read back from there, like a
price, so the answer says that it is recorded, not that it is done: `/v1/breakers` and the decision
`breaker_rearmed` say that.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeAlias

import msgspec
from starlette.requests import ClientDisconnect, Request

from monitor.api.parameters import BadRequest, path_text, refuse_unknown

PATH = "/v1/breakers/{breaker:path}/reset"
BODY_BYTES_MAX = 16 * 1024
BODY_TIMEOUT_S = 5.0
NAME_LENGTH_MAX = 64
_WRITTEN = re.compile(r"/v1/breakers/.+/reset")

Said: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class ResetRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who arms a breaker by hand and why; `scope` null: on all of its scopes.

    The token proves the right to do it; `by` is taken at its word.
    """

    reason: Said
    by: Said
    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None


class ResetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded, where; it is applied when it is read from there."""

    breaker: str
    scope: str | None
    reason: str
    by: str
    event_ns: int
    topic: str


class UnknownBreakerError(Exception):
    """No breaker of that name is configured; the message names those that are."""


class NotRecordedError(Exception):
    """The market topic did not take the reset in time."""


# Writes the event; raises UnknownBreakerError or NotRecordedError.
ResetBreaker: TypeAlias = Callable[[str, ResetRequest], Awaitable[ResetRecord]]


def is_written_to(path: str) -> bool:
    """Return whether an address takes POST."""
    return _WRITTEN.fullmatch(path) is not None


async def read_reset(request: Request) -> tuple[str, ResetRequest]:
    """Return which breaker is to be reset, and what is said about it; raises BadRequest."""
    refuse_unknown(request, ())
    breaker = path_text(request, "breaker", length_max=NAME_LENGTH_MAX)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # what a form of another page cannot send
        raise BadRequest(
            expected="application/json", received=repr(kind), where="header content-type"
        )
    try:
        return breaker, msgspec.json.decode(await _body(request), type=ResetRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(
            expected='{"reason": TEXT, "by": WHO} and perhaps "scope"',
            received=str(error),
            where="body",
        ) from error


async def _body(request: Request) -> bytes:
    """Return the body, bounded in size and time."""
    body = b""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in request.stream():
                body += part
                if len(body) > BODY_BYTES_MAX:
                    raise BadRequest(
                        expected=f"at most {BODY_BYTES_MAX} bytes", received="more", where="body"
                    )
    except (TimeoutError, ClientDisconnect) as error:
        raise BadRequest(
            expected=f"the whole body within {BODY_TIMEOUT_S:g} s",
            received=f"{len(body)} bytes",
            where="body",
        ) from error
    return body
