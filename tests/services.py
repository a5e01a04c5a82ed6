"""Real services for tests: Kafka, Redis, Prometheus, Alertmanager, Chromium.

A pytest plugin. Everything starts when a test first asks for it, on free ports, in temporary
directories, and is ended by its own process id. What cannot be started here is reported through
`tests.missing_services`: skipped and said loudly at the end, a failure with
`LOSS_MONITOR_TEST_STRICT=1`.

| fixture | scope | what it is |
|---|---|---|
| `kafka` | session | `.bootstrap_servers`: a real Kafka that all workers share; never stop it |
| `kafka_private` | function | a `RealKafka` for faults: `.stop() .start() .kill() .process` |
| `topic_names` | function | a `TopicSettings` with names of its own; the topics exist on `kafka` |
| `make_topics` | function | the same as a call, for other partition counts or another Kafka |
| `redis_server` | function | a real Redis of the worker's, emptied: `.url .socket .process` |
| `start_redis` | function | a Redis of the test's own: `start_redis(password=…, options=…)` |
| `prometheus` | function | `prometheus(text) -> Prometheus`: `.url .query(…) .wait_for(…)` |
| `alertmanager` | function | `alertmanager(text) -> Alertmanager`: `.url .get(…)` |
| `chromium` | session | `.path .screenshot(url, size, dark=…) .dump_dom(url) .page(url)` |
| `promtool`, `amtool` | session | the path of the program |

Order of choices for Kafka: `LOSS_MONITOR_TEST_KAFKA=HOST:PORT`; `KAFKA_HOME`; Java and Maven (the
jars are kept in `.cache/kafka`); else librdkafka's mock cluster, which is reported as missing.
"""

import os
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import pytest

from monitor.config import TopicSettings
from monitor.embedded.kafka import MockKafka, topic_partitions
from monitor.embedded.process import ServiceError
from monitor.embedded.real_kafka import RealKafka, missing_reason
from monitor.embedded.redis import RedisServer, find_redis_server
from monitor.embedded.services import create_topics
from tests import missing_services
from tests.browser import Chromium
from tests.observers import Alertmanager, HttpServer, Prometheus
from tests.shared_kafka import SharedKafka

ServerKind = TypeVar("ServerKind", bound=HttpServer)

KAFKA_HINT = "apt-get install -y maven default-jre-headless"


class KafkaAddress(Protocol):
    """What a test of the shared Kafka may read."""

    @property
    def bootstrap_servers(self) -> str:
        """Return the address for a client."""
        ...


class MakeTopics(Protocol):
    """Create four topics with names of their own."""

    def __call__(
        self,
        *,
        accounts_partitions: int = 4,
        shards: int = 1,
        kafka: KafkaAddress | None = None,
    ) -> TopicSettings:
        """Return the names; the topics exist."""
        ...


class StartRedis(Protocol):
    """Start a Redis of the test's own."""

    def __call__(
        self, *, password: str | None = None, options: Sequence[tuple[str, str]] = ()
    ) -> RedisServer:
        """Return the running server; it is ended after the test."""
        ...


class GivenKafka(msgspec.Struct, frozen=True):
    """A Kafka that somebody else runs."""

    bootstrap_servers: str


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaAddress]:
    """Yield a Kafka that all tests share: use topics of your own and never stop it."""
    given = os.environ.get("LOSS_MONITOR_TEST_KAFKA")
    if given:
        yield GivenKafka(given)
        return
    if missing_reason() is None:
        shared = SharedKafka.open()
        yield shared
        shared.close()
        return
    if missing_services.strict():
        missing_services.skip_without("Apache Kafka", KAFKA_HINT)
    missing_services.report("Apache Kafka (Kafka tests ran on librdkafka's mock)", KAFKA_HINT)
    mock = MockKafka()
    mock.start()
    yield mock
    mock.close()


@pytest.fixture
def kafka_private() -> Iterator[RealKafka]:
    """Yield a running Kafka of the test's own, for faults; it keeps its data over a restart."""
    if missing_reason() is not None:
        missing_services.skip_without("Apache Kafka (for faults)", KAFKA_HINT)
    node = RealKafka()
    try:
        node.start()
        yield node
    finally:
        node.close()


@pytest.fixture
def make_topics(request: pytest.FixtureRequest) -> MakeTopics:
    """Return a function that creates four topics with names of their own."""

    def make(
        *, accounts_partitions: int = 4, shards: int = 1, kafka: KafkaAddress | None = None
    ) -> TopicSettings:
        where = kafka or request.getfixturevalue("kafka")
        prefix = f"test-{secrets.token_hex(4)}"
        topics = TopicSettings(
            accounts=f"{prefix}.events.accounts",
            market=f"{prefix}.events.market",
            decisions=f"{prefix}.decisions",
            quarantine=f"{prefix}.quarantine",
        )
        partitions = topic_partitions(
            topics, accounts_partitions=accounts_partitions, shards=shards
        )
        if isinstance(where, MockKafka):
            where.create_topics(partitions)
        else:
            create_topics(where.bootstrap_servers, partitions)
        return topics

    return make


@pytest.fixture
def topic_names(make_topics: MakeTopics) -> TopicSettings:
    """Return four existing topics on `kafka`: accounts with 4 partitions, the others with 1."""
    return make_topics()


@pytest.fixture(scope="session")
def _redis_of_worker() -> Iterator[RedisServer]:
    server = RedisServer(executable=_redis_executable())
    server.start()
    yield server
    server.close()


@pytest.fixture
def redis_server(_redis_of_worker: RedisServer) -> RedisServer:
    """Return the worker's Redis, emptied. Faults belong on a `start_redis` of the test's own."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(_redis_of_worker.socket))
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(64) == b"+OK\r\n"
    return _redis_of_worker


@pytest.fixture
def start_redis() -> Iterator[StartRedis]:
    """Yield a function that starts a Redis of the test's own."""
    servers: list[RedisServer] = []

    def start(
        *, password: str | None = None, options: Sequence[tuple[str, str]] = ()
    ) -> RedisServer:
        server = RedisServer(executable=_redis_executable(), password=password, options=options)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def prometheus(promtool: Path) -> Iterator[Callable[[str], Prometheus]]:
    """Yield a function: configuration text -> running Prometheus."""
    del promtool  # the same package: reports what is missing
    yield from _factory(Prometheus)


@pytest.fixture
def alertmanager(amtool: Path) -> Iterator[Callable[[str], Alertmanager]]:
    """Yield a function: configuration text -> running Alertmanager."""
    del amtool
    yield from _factory(Alertmanager)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Yield a headless browser."""
    browser = Chromium(_program("Chromium", ("chromium", "chromium-browser"), "chromium"))
    browser.start()
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Return the path of promtool."""
    return _program("Prometheus and promtool", ("promtool",), "prometheus")


@pytest.fixture(scope="session")
def amtool() -> Path:
    """Return the path of amtool."""
    return _program("Alertmanager and amtool", ("amtool",), "prometheus-alertmanager")


def _factory(kind: Callable[[str], ServerKind]) -> Iterator[Callable[[str], ServerKind]]:
    servers: list[ServerKind] = []

    def start(configuration: str) -> ServerKind:
        server = kind(configuration)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.close()


def _program(name: str, commands: Sequence[str], package: str) -> Path:
    found = [path for path in map(shutil.which, commands) if path is not None]
    if not found:
        missing_services.skip_without(name, f"apt-get install -y {package}")
    return Path(found[0])


def _redis_executable() -> Path:
    try:
        return find_redis_server()
    except ServiceError:
        missing_services.skip_without("redis-server", "apt-get install -y redis-server")
