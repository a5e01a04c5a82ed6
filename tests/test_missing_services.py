"""A missing server is a skip that is said loudly, or a failure where strictness is asked for."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import missing_services

ROOT = Path(__file__).parent.parent
SAMPLE = """
import pytest
from tests import missing_services

@pytest.mark.parametrize("number", range(4))
def test_needs_a_server(number):
    missing_services.skip_without("Apache Kafka", "install it")

def test_needs_none():
    pass
"""


@pytest.fixture(autouse=True)
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what these tests report out of the summary of the run that they are part of."""
    monkeypatch.setattr(missing_services, "_reports", Counter())


def run_sample(folder: Path, *, workers: int, strict: str) -> str:
    """Return what a run of SAMPLE prints."""
    (folder / "test_sample.py").write_text(SAMPLE)
    command = [
        sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(folder),
        "-p", "no:cacheprovider", "-p", "tests.conftest", "-n", str(workers), str(folder),
    ]  # fmt: skip
    environment = {**os.environ, missing_services.STRICT_VARIABLE: strict}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    ).stdout


def test_the_last_lines_say_what_was_not_tested_and_the_remedy(tmp_path: Path) -> None:
    last_lines = run_sample(tmp_path, workers=1, strict="").splitlines()[-5:]
    assert any("NOT TESTED" in line for line in last_lines)
    assert "Apache Kafka: 4 tests went without it. To get it: install it" in last_lines
    assert "1 passed, 4 skipped" in last_lines[-1]


def test_a_strict_run_fails(tmp_path: Path) -> None:
    last_line = run_sample(tmp_path, workers=0, strict="1").splitlines()[-1]
    assert "4 failed, 1 passed" in last_line


def test_a_test_without_its_service_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(missing_services.STRICT_VARIABLE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="redis is missing: install it"):
        missing_services.skip_without("redis", "install it")
    assert missing_services.collected() == {("redis", "install it"): 1}


def test_a_strict_test_without_its_service_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(missing_services.STRICT_VARIABLE, "1")
    with pytest.raises(pytest.fail.Exception, match="expected the service redis, received none"):
        missing_services.skip_without("redis", "install it")
