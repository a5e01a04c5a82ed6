"""What every test run has in common: no sockets in unit tests, examples that repeat, loud gaps.

* A test may open a socket only if it lies in `SERVER_DIRECTORIES` or carries the marker
  `service`, and then only to this machine.
* Hypothesis draws the same examples every time (profile `repeatable`);
  `HYPOTHESIS_PROFILE=explore` looks for new ones, `thorough` for 5,000 a test.
* The last lines name each real service that was missing: see `tests/missing_services.py`.
"""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import missing_services

TESTS = Path(__file__).parent
SERVER_DIRECTORIES = (
    "api", "app", "deploy", "embedded", "end_to_end", "exporter", "faults", "feeds", "integration",
    "replay", "store", "streams",
)  # fmt: skip
THIS_MACHINE = ["127.0.0.1", "::1", "localhost"]

pytest_plugins = ["tests.services"]

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", parent=settings.get_profile("repeatable"), derandomize=False)
settings.register_profile("thorough", parent=settings.get_profile("explore"), max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

_missing: Counter[tuple[str, str]] = Counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that talk to a real server reach this machine, and nothing else."""
    for item in items:
        if item.get_closest_marker("service") or _is_about_a_server(item.path):
            item.add_marker(pytest.mark.allow_hosts(THIS_MACHINE))


def _is_about_a_server(path: Path) -> bool:
    """Return whether a test file lies in a directory whose subject is input and output."""
    return path.is_relative_to(TESTS) and path.relative_to(TESTS).parts[0] in SERVER_DIRECTORIES


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what this process missed to the process that prints the summary."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    rows = [(name, hint, count) for (name, hint), count in missing_services.collected().items()]
    if output is None:
        _add_missing(rows)
    else:
        output["missing_services"] = rows


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker missed."""
    _add_missing(getattr(node, "workeroutput", {}).get("missing_services", []))


def _add_missing(rows: list[tuple[str, str, int]]) -> None:
    """Add (service, hint, tests) rows to the summary."""
    for name, hint, count in rows:
        _missing[(name, hint)] += count


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say loudly which real services were missing, what that left untested, and the remedy."""
    if not _missing:
        return
    terminalreporter.section("NOT TESTED: real services were missing", red=True, bold=True)
    for (name, hint), count in sorted(_missing.items()):
        terminalreporter.write_line(f"{name}: {count} tests went without it. To get it: {hint}")
    terminalreporter.write_line(
        f"{missing_services.STRICT_VARIABLE}=1 makes this a failure (as .ci/run does)."
    )
