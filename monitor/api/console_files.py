"""The console's files: read once at start, served from memory, nothing else can be reached."""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

DIRECTORY = Path(__file__).parent / "console"
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


class ConsoleFile:
    """One file with its digest, so that a browser asks again and is told "unchanged"."""

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()
        self._headers = {
            "content-type": CONTENT_TYPES[path.suffix],
            "cache-control": "no-cache",
            "etag": f'"{hashlib.sha256(self._content).hexdigest()[:16]}"',
        }

    async def answer(self, request: Request) -> Response:
        """Return the file, or 304 when the browser has it."""
        if request.headers.get("if-none-match") == self._headers["etag"]:
            return Response(status_code=304, headers=self._headers)
        return Response(self._content, headers=self._headers)


def console_routes() -> list[Route]:
    """Return a route for the page at `/` and for each of its files at `/console/...`."""
    routes = []
    for path in sorted(DIRECTORY.rglob("*")):
        if path.suffix in CONTENT_TYPES:
            address = f"/console/{path.relative_to(DIRECTORY).as_posix()}"
            is_page = path.name == "index.html"
            routes.append(Route("/" if is_page else address, ConsoleFile(path).answer))
    return routes
