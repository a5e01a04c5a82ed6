"""A real Prometheus and a real Alertmanager for tests."""

import json
import shutil
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monitor.embedded.process import ServerProcess, free_port

START_TIMEOUT_S = 30.0
REQUEST_TIMEOUT_S = 10
POLL_INTERVAL_S = 0.1


class HttpServer:
    """A server of ours with an address and a readiness page."""

    def __init__(self, name: str, executable: str, configuration: str) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix=f"{name}-", ignore_cleanup_errors=True)
        self.directory = Path(self._directory.name)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.configuration_path = self.directory / f"{name}.yml"
        self.configuration_path.write_text(configuration, encoding="utf-8")
        self.process = ServerProcess(name, [executable, *self.options()], directory=self.directory)

    def options(self) -> list[str]:
        """Return the command line after the executable."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the server and return when it is ready."""
        self.process.launch()
        self.process.wait_ready(self._ready, timeout_s=START_TIMEOUT_S)

    def close(self) -> None:
        """End the server and remove its directory."""
        self.process.stop(timeout_s=5)
        self._directory.cleanup()

    def get(self, path: str) -> Any:
        """Return the JSON at a path of the server."""
        with urllib.request.urlopen(self.url + path, timeout=REQUEST_TIMEOUT_S) as answer:
            return json.loads(answer.read())

    def get_when(self, path: str, holds: Callable[[Any], bool]) -> Any:
        """Return the JSON at a path once something holds of it; AssertionError: it never did."""
        deadline_s = time.monotonic() + REQUEST_TIMEOUT_S
        while not holds(told := self.get(path)):
            assert time.monotonic() < deadline_s, f"expected another answer, received {told}"
            time.sleep(POLL_INTERVAL_S)
        return told

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class Prometheus(HttpServer):
    """A Prometheus with a configuration of the test's; files beside it may be written first."""

    def __init__(self, configuration: str) -> None:
        super().__init__("prometheus", shutil.which("prometheus") or "prometheus", configuration)

    def options(self) -> list[str]:
        """Return the command line after the executable."""
        return [
            f"--config.file={self.configuration_path}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=error",
        ]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an instant query yields: [{metric, value: [time, text]}]."""
        answer = self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def wait_for(self, expression: str, *, timeout_s: float = 20.0) -> list[dict[str, Any]]:
        """Return the series of a query as soon as there are any."""
        for _ in range(int(timeout_s / POLL_INTERVAL_S)):
            result = self.query(expression)
            if result:
                return result
            threading.Event().wait(POLL_INTERVAL_S)
        targets = self.get("/api/v1/targets")["data"]["activeTargets"]
        raise AssertionError(
            f"expected data for {expression} within {timeout_s} s, received none; targets "
            f"{[(target['scrapeUrl'], target['lastError']) for target in targets]}"
        )


class Alertmanager(HttpServer):
    """An Alertmanager with a configuration of the test's, without gossip."""

    def __init__(self, configuration: str) -> None:
        executable = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        super().__init__("alertmanager", executable or "alertmanager", configuration)

    def options(self) -> list[str]:
        """Return the command line after the executable."""
        return [
            f"--config.file={self.configuration_path}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
            "--log.level=error",
        ]
