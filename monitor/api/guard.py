"""Who may ask, and how: host names, methods, the token, and the headers of every answer.

The API reads, but for arming a breaker by hand, which needs a configured token everywhere. What
it reads is confidential. A page of another origin must not read it
(no CORS, and a Host check against DNS rebinding: a name that points to this machine but is not
ours is refused), and off loopback a token is asked for: as `Authorization: Bearer`, or as the
password of basic authentication, which is how a browser can send it.
"""

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.api.breaker_resets import is_written_to

OPEN_PATHS = frozenset({"/livez", "/readyz"})
METHODS = ("GET", "HEAD")
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], token: str | None) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts) | {"localhost"}
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request, pass on the others."""
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not is_known_host(host, self._hosts):
            return PlainTextResponse(
                "Host: expected an address, localhost or a name in [http] hosts, "
                f"received {host[:100]!r}\n",
                status_code=421,
            )
        writes = scope["method"] == "POST" and is_written_to(scope["path"])
        if writes and (refusal := self._refusal_of_write(headers)) is not None:
            return refusal
        if not writes and scope["method"] not in METHODS:
            return PlainTextResponse(
                f"method: expected GET, received {scope['method'][:20]}\n",
                status_code=405,
                headers={"allow": ", ".join(METHODS)},
            )
        is_open = self._token is None or scope["path"] in OPEN_PATHS
        if is_open or self._has_token(headers.get("authorization", "")):
            return None
        return PlainTextResponse(
            "Authorization: expected the token of [http] token_file, received none or another\n",
            status_code=401,
            headers={"www-authenticate": 'Basic realm="loss-monitor", charset="UTF-8"'},
        )

    def _refusal_of_write(self, headers: Headers) -> Response | None:
        """Refuse to write for a page of another origin, and where nobody can prove who asks."""
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host", ""):
            return PlainTextResponse(
                f"Origin: expected none or our own, received {origin[:100]!r}\n", status_code=403
            )
        if self._token is not None:
            return None
        return PlainTextResponse(
            "POST: expected a configured token, received none: set [http] token_file to a file "
            "with at least 16 characters and restart the monitor, or use "
            "`loss-monitor breaker reset`\n",
            status_code=403,
        )

    def _has_token(self, authorization: str) -> bool:
        scheme, _, value = authorization.partition(" ")
        received = value.strip()
        if scheme.lower() == "basic":
            received = _password(received)
        elif scheme.lower() != "bearer":
            return False
        expected = self._token or ""
        return hmac.compare_digest(received.encode(), expected.encode())


def is_known_host(host: str, names: Collection[str]) -> bool:
    """Return whether a Host header names us: an address, or one of our names, on any port."""
    name = host.lower()
    if not name.endswith("]"):
        head, colon, port = name.rpartition(":")
        if colon and port.isdigit():
            name = head
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return name in names
    return True


def _password(encoded: str) -> str:
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return decoded.partition(":")[2]
