"""What sets the project up hangs together: scripts, lock files, hooks and the workflow."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / ".ci").iterdir())
LOCK_FILES = (ROOT / "requirements.lock", ROOT / "requirements-dev.lock")
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)")
RUNTIME_GROUPS = ("demo", "uvloop")


def project() -> dict[str, Any]:
    """Return the project's table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def pinned(lines: list[str]) -> dict[str, str]:
    """Return the version of each package that some lines pin."""
    found = (PINNED.match(line) for line in lines)
    return {
        re.sub(r"[-_.]+", "-", match[1]).lower(): match[2] for match in found if match is not None
    }


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_read_and_run(script: Path) -> None:
    assert os.access(script, os.X_OK), f"chmod +x {script.name}"
    shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"
    subprocess.run([shell, "-n", str(script)], check=True)


def test_every_dependency_is_pinned() -> None:
    groups = project()["optional-dependencies"]
    wanted = [*project()["dependencies"], *(line for group in groups.values() for line in group)]
    assert len(pinned(wanted)) == len(wanted), "pyproject.toml: pin every dependency by =="


@pytest.mark.parametrize("lock_file", LOCK_FILES, ids=lambda path: path.name)
def test_a_lock_file_follows_pyproject(lock_file: Path) -> None:
    groups = project()["optional-dependencies"]
    chosen = groups if "dev" in lock_file.name else RUNTIME_GROUPS
    wanted = [*project()["dependencies"], *(line for group in chosen for line in groups[group])]
    locked = pinned(lock_file.read_text().splitlines())
    assert pinned(wanted).items() <= locked.items(), "run `make lock`"


@pytest.mark.parametrize("lock_file", LOCK_FILES, ids=lambda path: path.name)
def test_a_lock_file_has_hashes_and_names_no_host(lock_file: Path) -> None:
    text = lock_file.read_text()
    requirements = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^ *#.*\n", "", text))
    assert all("--hash=sha256:" in requirement for requirement in requirements if requirement)
    assert "://" not in text
    assert "index-url" not in text


def test_the_container_and_the_demo_install_no_tools() -> None:
    tools = pinned(project()["optional-dependencies"]["dev"])
    assert not set(tools) & set(pinned(LOCK_FILES[0].read_text().splitlines()))


def test_help_lists_the_targets() -> None:
    told = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert {"setup", "test", "demo"} <= {line.split()[0] for line in told.splitlines()}
    assert all(len(line.split()) > 1 for line in told.splitlines())


def test_the_workflow_runs_what_a_developer_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = workflow["jobs"]["everything"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]


def test_the_hooks_are_targets() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {hook["entry"].removeprefix("make ") for hook in hooks} <= targets
