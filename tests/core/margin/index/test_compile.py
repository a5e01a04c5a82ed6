"""The same functions run uncompiled, and compiled without the undocumented option."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
WITHOUT_OPTION = """
from monitor.core.margin.index import compile
del compile.OPTIONS["_nrt"]
from tests.core.margin.index.worlds import World
world = World(1)
for _ in range(30):
    world.step()
    assert world.differences() == []
"""


def run(*arguments: str, **more: str) -> str:
    """Return what a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_it_runs_compiled_without_the_undocumented_option(tmp_path: Path) -> None:
    run("-c", WITHOUT_OPTION, NUMBA_CACHE_DIR=str(tmp_path))


@pytest.mark.timeout(900)
def test_seeded_bugs_are_seen_and_the_uncompiled_index_is_right() -> None:
    assert run("-m", "tests.core.margin.index.seeded", NUMBA_DISABLE_JIT="1") == ""
