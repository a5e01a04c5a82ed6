"""Every file of deploy/ can be read by what reads it."""

import json
from pathlib import Path

import pytest
from yamllint import linter
from yamllint.config import YamlLintConfig

from monitor.config import load_configuration
from tests.deploy.deployed import DEPLOY

YAML_FILES = sorted([*DEPLOY.rglob("*.yml"), *DEPLOY.rglob("*.yaml")])
CONFIGURATIONS = sorted((DEPLOY / "config").glob("*.toml"))
# Series of a test of rules stand on one line each, however long.
FORM = YamlLintConfig(
    """
extends: default
rules:
  document-start: disable
  line-length: {max: 160}
  comments: {min-spaces-from-content: 1}
  braces: {max-spaces-inside: 1}
"""
)


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_yaml_has_one_form(path: Path) -> None:
    problems = [str(problem) for problem in linter.run(path.read_text(encoding="utf-8"), FORM)]
    assert not problems, f"{path}: {problems}"


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_the_daemon_accepts_a_configuration(path: Path) -> None:
    configuration, text = load_configuration(path)
    assert text.startswith("#")
    assert configuration.breakers
    assert configuration.funds


def test_only_the_containers_configuration_is_insecure() -> None:
    insecure = [
        path.stem for path in CONFIGURATIONS if load_configuration(path)[0].http.allow_insecure
    ]
    assert insecure == ["compose"]


def test_dashboards_are_written_in_one_form() -> None:
    for path in DEPLOY.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
