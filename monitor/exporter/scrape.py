"""/metrics: the text, rendered off the event loop.

A scrape takes the newest immutable view and renders it in a thread of its own. Scrapes that
come at the same time, or within CACHE_S of the last one, share one rendering, so a crowd of
scrapers costs the engine no more than one.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from monitor.core.view import RiskView
from monitor.exporter.collector import RiskCollector
from monitor.runtime.measurements import Measurements

CACHE_S = 0.1
"""How long one rendering serves everybody."""


PAUSE_S = 0.0001


def let_other_threads_run() -> None:
    """Give the interpreter's lock away for a moment."""
    threading.Event().wait(PAUSE_S)


class Scraper:
    """The daemon's /metrics; `close` ends its thread."""

    def __init__(self, view: Callable[[], RiskView], measurements: Measurements) -> None:
        self._measurements = measurements
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(RiskCollector(view, measurements, pause=let_other_threads_run))
        ProcessCollector(registry=self._registry)
        self._lock = asyncio.Lock()
        self._rendered_at = float("-inf")
        self._text = b""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="metrics")

    async def scrape(self) -> tuple[str, bytes]:
        """Return content type and text, at most CACHE_S old."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            started = loop.time()
            if started - self._rendered_at >= CACHE_S:
                self._text = await loop.run_in_executor(self._thread, self.render)
                self._rendered_at = loop.time()
                self._measurements.set_to(
                    "loss_monitor_scrape_duration_seconds", self._rendered_at - started
                )
        return CONTENT_TYPE_PLAIN_0_0_4, self._text

    def render(self) -> bytes:
        """Return the text of all families."""
        return generate_latest(self._registry)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)
