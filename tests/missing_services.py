"""What a test run could not test because a real server is missing: said loudly at its end.

A fixture that cannot start its server calls `skip_without(name, hint)`: the test is skipped
and the last lines of the run name the service, how many tests went without it, and the command
that installs it. With LOSS_MONITOR_TEST_STRICT=1 (as in `.ci/run`) the test fails instead.
"""

import os
from collections import Counter
from typing import NoReturn

import pytest

STRICT_VARIABLE = "LOSS_MONITOR_TEST_STRICT"

_reports: Counter[tuple[str, str]] = Counter()


def strict() -> bool:
    """Return whether a missing service fails the run instead of being reported."""
    return os.environ.get(STRICT_VARIABLE, "") not in ("", "0")


def report(name: str, hint: str) -> None:
    """Record that one test (or a part of it) ran without the service `name`.

    `hint` is the command or the setting that provides the service.
    """
    _reports[(name, hint)] += 1


def skip_without(name: str, hint: str) -> NoReturn:
    """End the current test because the service `name` is missing: skipped, or failed if strict."""
    report(name, hint)
    if strict():
        pytest.fail(f"expected the service {name}, received none: {hint}", pytrace=False)
    pytest.skip(f"{name} is missing: {hint}")


def collected() -> dict[tuple[str, str], int]:
    """Return how many tests reported each (service, hint) in this process."""
    return dict(_reports)
