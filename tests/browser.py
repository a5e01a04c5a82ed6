"""A real Chromium for tests, driven through its own debugging protocol."""

import base64
import contextlib
import itertools
import json
import tempfile
import threading
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import connect

from monitor.embedded.process import ServerProcess

START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 30.0
POLL_INTERVAL_S = 0.05
FRAME_BYTES_MAX = 64 * 1024 * 1024


class Page:
    """One page; leave it as a context manager or `close` it."""

    def __init__(self, address: str) -> None:
        self._open = contextlib.ExitStack()
        self._connection = self._open.enter_context(
            connect(address, max_size=FRAME_BYTES_MAX, proxy=None, ping_interval=None)
        )
        self._numbers = itertools.count(1)
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one command of the protocol; collects the page's errors."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(timeout=ANSWER_TIMEOUT_S))
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                answer: dict[str, Any] = message["result"]
                return answer
            self._collect(message)

    def _collect(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Runtime.exceptionThrown":
            details = message["params"]["exceptionDetails"]
            described = details.get("exception", {}).get("description", details.get("text"))
            self.errors.append(str(described))
        elif message.get("method") == "Log.entryAdded":
            entry = message["params"]["entry"]
            if entry["level"] == "error":
                self.errors.append(f"{entry['text']} {entry.get('url', '')}")

    def open(self, url: str) -> None:
        """Go to an address and return when its load event is over."""
        answer = self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise RuntimeError(f"{url}: {answer['errorText']}")
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression (promises are awaited)."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, expression: str, *, timeout_s: float = 15.0) -> Any:
        """Return the value of an expression as soon as it is truthy."""
        for _ in range(int(timeout_s / POLL_INTERVAL_S)):
            value = self.evaluate(expression)
            if value:
                return value
            threading.Event().wait(POLL_INTERVAL_S)
        raise AssertionError(
            f"expected {expression} within {timeout_s} s, received a page with "
            f"{self.text()[:2000]!r} and errors {self.errors}"
        )

    def text(self) -> str:
        """Return what a person can read on the page."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def dom(self) -> str:
        """Return the page as it stands, as HTML."""
        return str(self.evaluate("document.documentElement.outerHTML"))

    def press(self, key: str, *, code: int = 0, text: str = "") -> None:
        """Press and release a key, e.g. `press("Tab", code=9)`."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                text=text if kind == "keyDown" else "",
            )

    def screenshot(self, path: Path) -> Path:
        """Return the path of a PNG of what is visible."""
        answer = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))
        return path

    def close(self) -> None:
        """Close the page."""
        self.call("Page.close")
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Chromium:
    """One headless browser; every page has a fresh context of its own."""

    def __init__(self, executable: Path) -> None:
        self.path = executable
        self._directory = tempfile.TemporaryDirectory(
            prefix="chromium-", ignore_cleanup_errors=True
        )
        self.directory = Path(self._directory.name)
        self._process = ServerProcess(
            "chromium",
            [
                str(executable),
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
                *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
                *("--hide-scrollbars", "--force-color-profile=srgb", "--no-proxy-server"),
                *("--remote-debugging-port=0", f"--user-data-dir={self.directory / 'profile'}"),
                "about:blank",
            ],
            directory=self.directory,
        )

    def start(self) -> None:
        """Start the browser and return when it listens."""
        self._process.launch()
        self._process.wait_ready(
            lambda: self._port_file.exists() and "\n" in self._port_file.read_text(),
            timeout_s=START_TIMEOUT_S,
        )

    def page(self, url: str, *, size: tuple[int, int] = (1280, 800), dark: bool = False) -> Page:
        """Return an open page of this size in CSS pixels, in light or dark."""
        port, path = self._port_file.read_text().splitlines()[:2]
        with connect(f"ws://127.0.0.1:{port}{path}", proxy=None, ping_interval=None) as browser:
            browser.send(
                json.dumps(
                    {"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}
                )
            )
            answer: dict[str, Any] = {}
            while answer.get("id") != 1:
                answer = json.loads(browser.recv(timeout=ANSWER_TIMEOUT_S))
        page = Page(f"ws://127.0.0.1:{port}/devtools/page/{answer['result']['targetId']}")
        width, height = size
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        page.call(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        )
        page.open(url)
        return page

    def screenshot(
        self, url: str, size: tuple[int, int] = (1280, 800), *, dark: bool = False
    ) -> Path:
        """Return the path of a PNG of an address."""
        width, height = size
        name = (
            f"{width}x{height}-{'dark' if dark else 'light'}-{len(list(self.directory.iterdir()))}"
        )
        with self.page(url, size=size, dark=dark) as page:
            return page.screenshot(self.directory / f"{name}.png")

    def dump_dom(self, url: str) -> str:
        """Return the page at an address as HTML, after its scripts have run."""
        with self.page(url) as page:
            return page.dom()

    def close(self) -> None:
        """End the browser and remove its profile."""
        self._process.stop()
        self._directory.cleanup()

    @property
    def _port_file(self) -> Path:
        return self.directory / "profile" / "DevToolsActivePort"
