"""What the tests of the exporter need from the machine."""

import shutil

import pytest


@pytest.fixture(scope="session")
def promtool() -> str:
    """Return the path of promtool; without it the test is skipped."""
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("expected promtool on the PATH: apt-get install prometheus")
    return path
