"""Structured logs to stderr: JSON for machines, aligned columns for people.

Each message (the event name, with its logger) may be written a limited number of times a
second; what is held back is counted and told with the next one that passes. So a broken broker
or a hostile producer cannot fill a disk.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

from monitor.runtime.clock import Clock

LINES_PER_SECOND = 5
MESSAGES_TRACKED_MAX = 1_000


class RateLimit:
    """Per message: at most `lines` in a second, the rest counted (a structlog processor)."""

    def __init__(self, clock: Clock, *, lines: int = LINES_PER_SECOND) -> None:
        self._clock = clock
        self._lines = lines
        self._windows: dict[str, list[float]] = {}  # message -> [start, written, suppressed]

    def __call__(
        self, logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Return the event, with `suppressed` when some were held back; or drop it."""
        now_s = self._clock.monotonic_s()
        message = str(event.get("event", ""))[:200]
        window = self._windows.get(message)
        if window is None:
            if len(self._windows) >= MESSAGES_TRACKED_MAX:
                self._windows.clear()
            window = self._windows[message] = [now_s, 0, 0]
        if now_s - window[0] >= 1.0:
            if window[2]:
                event["suppressed"] = int(window[2])
            window[:] = [now_s, 0, 0]
        if window[1] >= self._lines:
            window[2] += 1
            raise structlog.DropEvent
        window[1] += 1
        return event


class _LibraryRecords(logging.Handler):
    """Passes what libraries log through the same processors, so that the limit holds for them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a library's record; its template is the message that is limited."""
        structlog.get_logger(record.name).log(
            record.levelno, f"{record.name}: {str(record.msg)[:120]}", text=record.getMessage()
        )


def configure_logs(
    clock: Clock,
    *,
    form: Literal["json", "console"] = "console",
    level: Literal["debug", "info", "warning", "error"] = "info",
    stream: TextIO | None = None,
) -> None:
    """Set up logging for the whole process; warnings of libraries go the same way."""
    output = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=output.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            RateLimit(clock),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=output),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _LibraryRecords)]:
        root.removeHandler(handler)
    root.addHandler(_LibraryRecords())
    root.setLevel(max(number, logging.WARNING))
