"""A real Apache Kafka of our own: one node, from jars, without containers.

The jars come from `$KAFKA_HOME/libs`, else from Maven Central through Maven, once, into a cache
folder (43 MB). The node keeps its data over `stop` and `start`, so it can be killed and come
back: what fault tests need and the mock cluster cannot do.
"""

import base64
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import uuid
from pathlib import Path

from monitor.embedded.process import ServerProcess, ServiceError, free_port

KAFKA_VERSION = "4.2.0"
LOG4J_VERSION = "2.24.3"
START_TIMEOUT_S = 90.0
MAVEN_TIMEOUT_S = 600
FORMAT_TIMEOUT_S = 120
INSTALL_HINT = "`apt-get install -y maven default-jre-headless` (Debian, Ubuntu)"

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>monitor</groupId><artifactId>kafka</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version></dependency>
  </dependencies>
</project>
"""
_LOG4J = """<Configuration status="WARN"><Appenders><Console name="console"/></Appenders>
<Loggers><Root level="WARN"><AppenderRef ref="console"/></Root></Loggers></Configuration>
"""
# ApiVersions (18) version 0, correlation id 1, no client id: any Kafka server answers it.
_API_VERSIONS_REQUEST = struct.pack(">ihhih", 10, 18, 0, 1, -1)


def cache_directory() -> Path:
    """Return where the jars are kept: `.cache` of a checkout, else the user's cache."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").exists() and os.access(checkout, os.W_OK):
        return checkout / ".cache" / "kafka"
    user = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(user) / "loss-monitor" / "kafka"


def missing_reason() -> str | None:
    """Return what keeps a real Kafka from starting here, with the fix; null when nothing does."""
    if shutil.which("java") is None:
        return f"expected java on the PATH, received none; install it with {INSTALL_HINT}"
    if os.environ.get("KAFKA_HOME") or _libraries_complete():
        return None
    if shutil.which("mvn") is None:
        return f"expected KAFKA_HOME or mvn on the PATH, received none; install {INSTALL_HINT}"
    return None


def find_libraries() -> Path:
    """Return the folder with Kafka's jars, fetching them once when they are missing.

    Raises ServiceError, with the fix, when that is impossible.
    """
    reason = missing_reason()
    if reason is not None:
        raise ServiceError(reason)
    home = os.environ.get("KAFKA_HOME")
    if home:
        libraries = Path(home) / "libs"
        if not list(libraries.glob("kafka_*.jar")):
            raise ServiceError(f"KAFKA_HOME: expected jars in {libraries}, received none")
        return libraries
    if not _libraries_complete():
        _fetch_libraries()
    return _libraries_path()


def _libraries_path() -> Path:
    return cache_directory() / f"libs-{KAFKA_VERSION}"


def _libraries_complete() -> bool:
    return bool(list(_libraries_path().glob("kafka_*.jar")))


def _fetch_libraries() -> None:
    """Fetch into a folder beside the final one and rename it: never a half-filled cache."""
    cache_directory().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_directory()) as scratch:
        (Path(scratch) / "pom.xml").write_text(_POM, encoding="utf-8")
        command = [
            *("mvn", "-q", "-B", "-f", f"{scratch}/pom.xml"),
            *("dependency:copy-dependencies", f"-DoutputDirectory={scratch}/libs"),
        ]
        done = subprocess.run(  # noqa: S603 - our own command line, no shell
            command, capture_output=True, text=True, check=False, timeout=MAVEN_TIMEOUT_S
        )
        if done.returncode:
            raise ServiceError(
                f"expected Kafka {KAFKA_VERSION} from Maven Central, received {done.stdout[-800:]}"
            )
        with contextlib.suppress(OSError):  # another process was first: its folder is as good
            (Path(scratch) / "libs").rename(_libraries_path())
    if not _libraries_complete():
        raise ServiceError(f"expected Kafka's jars in {_libraries_path()}, received none")


class RealKafka:
    """One Kafka node (broker and controller) on free loopback ports."""

    def __init__(self, *, directory: Path | None = None, session_timeout_ms: int = 2_000) -> None:
        self._temporary = (
            tempfile.TemporaryDirectory(prefix="kafka-", ignore_cleanup_errors=True)
            if directory is None
            else None
        )
        self.directory = directory or Path(self._temporary.name if self._temporary else "")
        self.port = free_port()
        self._controller_port = free_port()
        self._session_timeout_ms = session_timeout_ms
        self._process: ServerProcess | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Return the address for a client."""
        return f"127.0.0.1:{self.port}"

    @property
    def process(self) -> ServerProcess:
        """Return the Java process."""
        if self._process is None:
            raise ServiceError("Kafka: expected a prepared node, received none")
        return self._process

    @property
    def pid(self) -> int:
        """Return the process id of the Java process."""
        return self.process.pid

    def prepare(self) -> None:
        """Find the jars and format the data directory (about 2 s, the first time longer)."""
        if self._process is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        class_path = f"{find_libraries()}/*"
        properties = self.directory / "server.properties"
        properties.write_text(self._properties(), encoding="utf-8")
        log4j = self.directory / "log4j2.xml"
        log4j.write_text(_LOG4J, encoding="utf-8")
        java = ["java", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={log4j}"]
        # The first byte 0 makes it begin with "A": with "-" it would be read as an option.
        cluster_id = base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        done = subprocess.run(  # noqa: S603 - our own command line, no shell
            [
                *(*java, "-Xshare:auto", "-cp", class_path, "kafka.tools.StorageTool", "format"),
                *("-t", cluster_id, "-c", str(properties)),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=FORMAT_TIMEOUT_S,
        )
        if done.returncode:
            raise ServiceError(
                f"Kafka: expected a formatted directory, received {done.stdout}{done.stderr}"
            )
        self._process = ServerProcess(
            "kafka",
            [*java, "-Xms128m", "-Xmx512m", "-cp", class_path, "kafka.Kafka", str(properties)],
            directory=self.directory,
        )

    def launch(self) -> None:
        """Start the prepared node, without waiting for it."""
        self.process.launch()

    def wait_ready(self) -> None:
        """Return when it answers Kafka's protocol."""
        self.process.wait_ready(
            lambda: kafka_answers(self.bootstrap_servers), timeout_s=START_TIMEOUT_S
        )

    def start(self) -> None:
        """Start the node (again, on the same data and port) and return when it answers."""
        self.prepare()
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Stop the node cleanly; its data and its port are kept for the next start."""
        if self._process is not None:
            self._process.resume()
            self._process.stop()

    def kill(self) -> None:
        """End the node with SIGKILL."""
        self.process.kill()

    def close(self) -> None:
        """End the node and remove what it wrote, if the directory was ours."""
        if self._process is not None:
            self._process.kill()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _properties(self) -> str:
        broker, controller = self.port, self._controller_port
        one_replica = "".join(
            f"{name}.replication.factor=1\n{name}.min.isr=1\n{name}.num.partitions=4\n"
            for name in (
                "offsets.topic",
                "transaction.state.log",
                "share.coordinator.state.topic",
            )
        )
        return (
            "process.roles=broker,controller\n"
            "node.id=1\n"
            f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
            f"listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n"
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{broker}\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            "controller.listener.names=CONTROLLER\n"
            "inter.broker.listener.name=PLAINTEXT\n"
            f"log.dirs={self.directory / 'data'}\n"
            f"{one_replica}"
            "default.replication.factor=1\n"
            "min.insync.replicas=1\n"
            "auto.create.topics.enable=false\n"
            "group.initial.rebalance.delay.ms=0\n"
            f"broker.session.timeout.ms={self._session_timeout_ms}\n"
            f"broker.heartbeat.interval.ms={self._session_timeout_ms // 4}\n"
            "log.cleaner.dedupe.buffer.size=4194304\n"
            "num.network.threads=2\n"
            "num.io.threads=4\n"
        )


def kafka_answers(bootstrap_servers: str) -> bool:
    """Return whether a Kafka server answers at the first address."""
    host, _, port = bootstrap_servers.split(",", maxsplit=1)[0].rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1) as connection:
            connection.settimeout(2)
            connection.sendall(_API_VERSIONS_REQUEST)
            return len(connection.recv(8)) > 0
    except OSError:
        return False
