"""Logs: one form, and a limit on how often the same message is written."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from monitor.runtime.clock import ManualClock
from monitor.runtime.logs import configure_logs


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock()


@pytest.fixture
def output(clock: ManualClock) -> Iterator[io.StringIO]:
    """Return what is logged as JSON lines; logging is as before afterwards."""
    stream = io.StringIO()
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    configure_logs(clock, form="json", stream=stream)
    yield stream
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def lines(output: io.StringIO) -> list[dict[str, object]]:
    """Return the logged lines."""
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_its_fields(output: io.StringIO) -> None:
    structlog.get_logger("app").info("started", epoch=3, text="a\nb\x1b[31m")
    (line,) = lines(output)
    assert (line["event"], line["level"], line["epoch"]) == ("started", "info", 3)
    assert len(output.getvalue().splitlines()) == 1


def test_the_same_message_is_written_five_times_a_second_and_the_rest_counted(
    output: io.StringIO, clock: ManualClock
) -> None:
    log = structlog.get_logger("source")
    for _ in range(1_000):
        log.warning("lost", reason="gone")
    log.warning("another")
    assert [line["event"] for line in lines(output)] == ["lost"] * 5 + ["another"]
    clock.advance(1)
    log.warning("lost", reason="gone")
    assert lines(output)[-1]["suppressed"] == 995


def test_a_library_that_floods_is_limited_by_its_template(output: io.StringIO) -> None:
    for number in range(1_000):
        logging.getLogger("aiokafka").error("Unable connect to node %d", number)
    assert len(lines(output)) == 5
    assert lines(output)[0]["text"] == "Unable connect to node 0"


def test_a_million_different_messages_keep_the_memory_bounded(output: io.StringIO) -> None:
    log = structlog.get_logger("source")
    for message in map(str, range(5_000)):
        log.info(message)
    assert len(lines(output)) == 5_000


def test_lines_below_the_level_are_left_out(clock: ManualClock) -> None:
    stream = io.StringIO()
    configure_logs(clock, form="console", level="warning", stream=stream)
    structlog.get_logger("app").info("started")
    structlog.get_logger("app").warning("late")
    structlog.reset_defaults()
    assert "late" in stream.getvalue()
    assert "started" not in stream.getvalue()
