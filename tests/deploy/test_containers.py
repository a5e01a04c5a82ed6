"""compose.yaml and the Dockerfile: valid, pinned, loopback only, without rights."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.deploy.deployed import DEPLOY, ROOT, read_yaml

COMPOSE = DEPLOY / "compose.yaml"
DOCKERFILE = DEPLOY / "Dockerfile"
SERVICES: dict[str, dict[str, Any]] = read_yaml(COMPOSE)["services"]
# https://github.com/compose-spec/compose-spec, Apache-2.0: compose-spec.LICENSE.
SCHEMA = Path(__file__).with_name("compose-spec.json")
PINNED = re.compile(r"^[a-z0-9./-]+:v?\d+\.\d+\.\d+(-[a-z-]+)?$")


def instructions() -> list[tuple[str, str]]:
    """Return (instruction, arguments) of the Dockerfile."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [tuple(line.split(" ", 1)) for line in joined.splitlines() if line]  # type: ignore[misc]


def test_compose_is_valid_by_the_compose_specification() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(read_yaml(COMPOSE))
    assert "version" not in read_yaml(COMPOSE), "the version key is obsolete"


def test_the_schema_refuses_what_compose_would_refuse() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    wrong = {"services": {"redis": {"image": "redis", "port": ["6379:6379"]}}}
    with pytest.raises(jsonschema.ValidationError, match="port"):
        jsonschema.Draft202012Validator(schema).validate(wrong)


def test_every_part_is_there() -> None:
    assert set(SERVICES) == {
        "loss-monitor", "kafka", "redis", "prometheus", "alertmanager", "grafana",
    }  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_checked_bounded_and_reachable_only_from_here(name: str) -> None:
    service = SERVICES[name]
    assert PINNED.match(service["image"]), service["image"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"]["max-size"]
    assert service["networks"]
    for port in service["ports"]:
        assert port.startswith("127.0.0.1:"), f"expected a loopback port, received {port}"
    for dependency in service.get("depends_on", {}).values():
        assert dependency["condition"] == "service_healthy"


def test_named_volumes_and_networks_are_declared_and_used() -> None:
    document = read_yaml(COMPOSE)
    named = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert named == set(document["volumes"])
    assert {net for service in SERVICES.values() for net in service["networks"]} == set(
        document["networks"]
    )


def test_mounted_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).resolve().exists(), source


def test_the_containers_configuration_names_the_containers() -> None:
    configuration = tomllib.loads((DEPLOY / "config/compose.toml").read_text(encoding="utf-8"))
    assert configuration["kafka"]["bootstrap_servers"].split(":")[0] in SERVICES
    assert "redis://redis:" in configuration["redis"]["url"]
    assert "redis" in SERVICES
    assert configuration["http"]["hosts"] == ["loss-monitor"]
    prometheus = read_yaml(DEPLOY / "prometheus/prometheus.yml")
    hosts = {
        target.split(":")[0]
        for job in prometheus["scrape_configs"]
        for static in job["static_configs"]
        for target in static["targets"]
    }
    assert hosts - {"127.0.0.1"} <= set(SERVICES)


def test_the_image_is_pinned_and_runs_without_rights() -> None:
    bases = [arguments.split(" ")[0] for name, arguments in instructions() if name == "FROM"]
    assert len(set(bases)) == 1, "expected one base for building and running"
    assert PINNED.match(bases[0]), bases[0]
    assert "slim" in bases[0]
    users = [arguments for name, arguments in instructions() if name == "USER"]
    assert users == ["65532:65532"]
    assert any(name == "HEALTHCHECK" for name, _ in instructions())
    assert not any(name == "ADD" for name, _ in instructions()), "expected COPY"
    assert not re.search(r"\b(apt-get|curl|wget|sudo)\b", DOCKERFILE.read_text(encoding="utf-8"))


def test_the_image_installs_only_what_the_lock_file_hashes() -> None:
    installs = [arguments for name, arguments in instructions() if "pip install" in arguments]
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "requirements.lock" in installs[0]
    assert "--no-deps" in installs[1]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "--hash=sha256:" in lock


def test_what_the_image_copies_exists_and_is_let_through() -> None:
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignore, "expected a list of what may enter the build"
    for name, arguments in instructions():
        if name == "COPY" and "--from" not in arguments:
            for source in arguments.replace("./", "").split(" ")[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignore, f"expected !{source} in Dockerfile.dockerignore"
