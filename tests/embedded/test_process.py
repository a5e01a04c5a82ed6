"""A server process is started, watched and ended, with everything that it started."""

import os
import sys
from pathlib import Path

import pytest

from monitor.embedded.process import ServerProcess, ServiceError, free_port, port_open
from tests.embedded.liveness import ended

CHILD = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); "


def python(code: str, directory: Path) -> ServerProcess:
    return ServerProcess("python", [sys.executable, "-c", code], directory=directory)


def test_it_is_ready_when_the_probe_says_so(tmp_path: Path) -> None:
    process = python("print('up', flush=True); import time; time.sleep(60)", tmp_path)
    process.launch()
    process.wait_ready(lambda: "up" in process.log_path.read_text(), timeout_s=20)
    assert process.running
    process.stop()
    assert not process.running


def test_one_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    process = python("raise SystemExit('no such port')", tmp_path)
    process.launch()
    with pytest.raises(ServiceError, match=r"received exit status 1 .* no such port"):
        process.wait_ready(lambda: False, timeout_s=20)


def test_one_that_never_answers_is_ended(tmp_path: Path) -> None:
    process = python("import time; time.sleep(60)", tmp_path)
    process.launch()
    with pytest.raises(ServiceError, match=r"expected an answer within 0.2 s"):
        process.wait_ready(lambda: False, timeout_s=0.2)
    assert not process.running


def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); "
    process = python(code + "time.sleep(60)", tmp_path)
    process.launch()
    process.wait_ready(lambda: "up" in process.log_path.read_text(), timeout_s=20)
    process.stop(timeout_s=0.2)
    assert not process.running


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_what_it_started_ends_with_it(tmp_path: Path, way: str) -> None:
    process = python(CHILD + "time.sleep(60)", tmp_path)
    process.launch()
    process.wait_ready(lambda: process.log_path.read_text().endswith("\n"), timeout_s=20)
    child = int(process.log_path.read_text())
    os.kill(child, 0)
    getattr(process, way)()
    assert ended(child)


def test_a_process_that_was_not_started_has_no_id(tmp_path: Path) -> None:
    process = python("", tmp_path)
    process.stop()
    with pytest.raises(ServiceError, match="expected a started process"):
        _ = process.pid


def test_a_free_port_is_free() -> None:
    assert not port_open(free_port())
