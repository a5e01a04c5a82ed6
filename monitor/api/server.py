"""The HTTP server inside the daemon's event loop.

uvicorn serves, with our socket (so that a busy port is a clear error), without its signal handlers
(the daemon has its own), and with connections that are bounded in number, in the time they may
take to ask, and in the time they may refuse to read.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from monitor.api.connection import BoundedConnection
from monitor.api.desk import Desk
from monitor.api.routes import build_app
from monitor.api.source import ApiSource
from monitor.api.stream import StreamHub
from monitor.config import HttpSettings, http_problems, listen_address

STOP_TIMEOUT_S = 3.0
START_TIMEOUT_S = 10.0
SEND_BUFFER_BYTES = 256 * 1024
"""What the kernel may hold for one client that does not read."""
TOKEN_LENGTH_MIN = 16


class ListenError(Exception):
    """The HTTP server cannot listen as configured; the message says why and what to do."""


class _QuietServer(uvicorn.Server):
    """uvicorn's server, without its signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the daemon."""
        yield


class RunningServer:
    """A server that listens; `stop` ends it within STOP_TIMEOUT_S."""

    def __init__(self, server: uvicorn.Server, hub: StreamHub, listener: socket.socket) -> None:
        self._server = server
        self.hub = hub
        self._listener = listener
        self._tasks: list[asyncio.Task[None]] = []
        self.port: int = listener.getsockname()[1]
        scheme = "https" if server.config.is_ssl else "http"
        host = listener.getsockname()[0]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"{scheme}://{shown}:{self.port}"

    async def start(self) -> None:
        """Serve; return when the server answers."""
        serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        self._tasks = [serving, asyncio.create_task(self.hub.run())]
        async with asyncio.timeout(START_TIMEOUT_S):
            while not self._server.started:
                if serving.done():
                    await serving
                    raise ListenError(f"expected uvicorn to serve {self.url}, received its end")
                await asyncio.sleep(0.005)

    async def wait(self) -> None:
        """Return when the server has ended; raise what ended it: what a supervisor watches."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task

    async def stop(self) -> None:
        """End the streams, then the server."""
        self.hub.close()
        self._server.should_exit = True
        serving, stepping = self._tasks
        stepping.cancel()
        _, unfinished = await asyncio.wait({serving}, timeout=STOP_TIMEOUT_S)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(serving, stepping, return_exceptions=True)
        self._listener.close()


async def serve(settings: HttpSettings, source: ApiSource) -> RunningServer:
    """Return a running server. Raises ListenError: what was expected, received, and the fix."""
    for problem in http_problems(settings):
        raise ListenError(problem)
    host, port = listen_address(settings.listen)
    token = read_token(settings.token_file)
    desk = Desk(source)
    hub = StreamHub(desk)
    app = build_app(desk, hub, hosts=(*settings.hosts, host), token=token)
    config = uvicorn.Config(
        app,
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.connections_max,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
        ssl_certfile=_readable(settings.tls_certificate_file, "tls_certificate_file"),
        ssl_keyfile=_readable(settings.tls_key_file, "tls_key_file"),
    )
    running = RunningServer(_QuietServer(config), hub, bind(host, port))
    await running.start()
    return running


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket. Raises ListenError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ListenError(
                f"[http] listen: expected a free port, received {host}:{port}, which another "
                f"program holds: choose another port, or see who it is with `ss -ltnp sport = "
                f":{port}`"
            ) from error
        raise ListenError(
            f"[http] listen: expected an address of this machine, received {host}:{port} ({error})"
        ) from error
    listener.settimeout(0)
    return listener


def read_token(path: str | None) -> str | None:
    """Return the token in a file. Raises ListenError if it cannot be read or is too short."""
    if path is None:
        return None
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ListenError(
            f"[http] token_file: expected a readable file, received {error}"
        ) from error
    if len(token) < TOKEN_LENGTH_MIN:
        raise ListenError(
            f"[http] token_file: expected at least {TOKEN_LENGTH_MIN} characters in {path}, "
            f"received {len(token)}"
        )
    return token


def _readable(path: str | None, key: str) -> str | None:
    if path is not None and not Path(path).is_file():
        raise ListenError(f"[http] {key}: expected a file, received {path!r}")
    return path
