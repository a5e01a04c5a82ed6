"""Where a real Kafka comes from, and what is said when it cannot come."""

import os
from pathlib import Path

import pytest

from monitor.embedded import real_kafka
from monitor.embedded.process import ServiceError
from monitor.embedded.real_kafka import RealKafka, find_libraries, kafka_answers, missing_reason


def program(folder: Path, name: str) -> None:
    (folder / name).touch(mode=0o755)


@pytest.fixture
def empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give the test a PATH of its own and no cached jars."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("KAFKA_HOME", raising=False)
    monkeypatch.setattr(real_kafka, "cache_directory", lambda: tmp_path / "cache")
    return programs


def test_without_java_the_error_names_the_packages(empty_machine: Path) -> None:
    with pytest.raises(ServiceError, match=r"expected java .* default-jre-headless"):
        find_libraries()


def test_with_java_alone_maven_is_missing(empty_machine: Path) -> None:
    program(empty_machine, "java")
    assert "mvn on the PATH" in str(missing_reason())


def test_a_kafka_home_needs_no_maven(
    empty_machine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(empty_machine, "java")
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path / "kafka"))
    assert missing_reason() is None
    with pytest.raises(ServiceError, match="KAFKA_HOME: expected jars"):
        find_libraries()
    (tmp_path / "kafka" / "libs").mkdir(parents=True)
    (tmp_path / "kafka" / "libs" / "kafka_2.13-4.2.0.jar").touch()
    assert find_libraries() == tmp_path / "kafka" / "libs"


def test_the_jars_are_fetched_once_and_never_half(empty_machine: Path, tmp_path: Path) -> None:
    program(empty_machine, "java")
    maven = empty_machine / "mvn"
    maven.write_text(
        "#!/bin/sh\nfor word; do case $word in -DoutputDirectory=*) out=${word#*=};; esac; done\n"
        "/bin/mkdir -p $out; : > $out/kafka_2.13.jar; echo run >> " + str(tmp_path / "runs") + "\n"
    )
    maven.chmod(0o755)
    assert [path.name for path in find_libraries().iterdir()] == ["kafka_2.13.jar"]
    find_libraries()
    assert (tmp_path / "runs").read_text() == "run\n"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [
        f"libs-{real_kafka.KAFKA_VERSION}"
    ]


def test_a_maven_that_fails_is_quoted(empty_machine: Path, tmp_path: Path) -> None:
    program(empty_machine, "java")
    (empty_machine / "mvn").write_text("#!/bin/sh\necho no network here; exit 1\n")
    (empty_machine / "mvn").chmod(0o755)
    with pytest.raises(ServiceError, match="Maven Central, received no network here"):
        find_libraries()
    assert list((tmp_path / "cache").iterdir()) == []


def test_nobody_answers_on_a_closed_port() -> None:
    assert not kafka_answers("127.0.0.1:1")


def test_a_private_node_stops_starts_and_cleans_up(kafka_private: RealKafka) -> None:
    assert kafka_answers(kafka_private.bootstrap_servers)
    first = kafka_private.pid
    kafka_private.stop()
    assert not kafka_answers(kafka_private.bootstrap_servers)
    kafka_private.start()
    assert kafka_private.pid != first
    os.kill(kafka_private.pid, 0)
    directory = kafka_private.directory
    kafka_private.close()
    assert not directory.exists()
