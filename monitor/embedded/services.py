"""The services of a first run: a Kafka and a Redis, embedded, real or yours.

```python
from monitor import embedded

with embedded.start(kafka="embedded", redis="embedded") as services:   # or `async with`
    services.bootstrap_servers   # "127.0.0.1:23456"
    services.redis_url           # "redis://127.0.0.1:12345/0"
    services.recovery_available  # False on the embedded Kafka: it forgets
    services.description         # one line a service, for a person
```

`kafka`: `embedded` (librdkafka's mock cluster: no Java, forgets), `real` (Apache Kafka from Maven
Central or `$KAFKA_HOME`, needs Java) or `HOST:PORT` (yours). `redis`: `embedded` or a URL. The
topics exist, with their exact partition counts, when the context is entered; topics of a Kafka of
yours that exist already are left as they are. `start` only describes: entering the context starts
the servers, leaving it ends them. Enter it from a thread that lives as long as the services.
"""

import asyncio
from types import TracebackType
from typing import Self

from monitor.config import TopicSettings
from monitor.embedded.kafka import MockKafka, topic_partitions
from monitor.embedded.process import ServiceError
from monitor.embedded.real_kafka import RealKafka
from monitor.embedded.redis import RedisServer

TOPICS_TIMEOUT_S = 30
METADATA_LOOKS_MAX = 100
METADATA_PAUSE_S = 0.1


class Services:
    """A Kafka with its topics and a Redis; a context manager, sync and async."""

    def __init__(self, *, kafka: str, redis: str, topics: dict[str, int]) -> None:
        self._topics = topics
        self._kafka: MockKafka | RealKafka | None = None
        self._redis = RedisServer() if redis == "embedded" else None
        self._kafka_address = kafka
        self._redis_url = redis
        if kafka == "embedded":
            self._kafka = MockKafka(topics)
        elif kafka == "real":
            self._kafka = RealKafka()
        elif ":" not in kafka:
            raise ServiceError(f"kafka: expected embedded, real or HOST:PORT, received {kafka!r}")

    @property
    def bootstrap_servers(self) -> str:
        """Return the address of the Kafka."""
        return self._kafka_address if self._kafka is None else self._kafka.bootstrap_servers

    @property
    def redis_url(self) -> str:
        """Return the address of the Redis."""
        return self._redis_url if self._redis is None else self._redis.url

    @property
    def recovery_available(self) -> bool:
        """Return whether the Kafka keeps what a restart needs."""
        return not isinstance(self._kafka, MockKafka)

    @property
    def description(self) -> tuple[str, ...]:
        """Return one line a service, for a person."""
        kinds = {MockKafka: "embedded, forgets: no recovery", RealKafka: "Apache Kafka, started"}
        kafka = kinds.get(type(self._kafka), "yours")
        redis = "yours" if self._redis is None else "embedded"
        return (
            f"Kafka {self.bootstrap_servers} ({kafka})",
            f"Redis {self.redis_url} ({redis})",
        )

    def close(self) -> None:
        """End what was started here."""
        if self._kafka is not None:
            self._kafka.close()
        if self._redis is not None:
            self._redis.close()

    def __enter__(self) -> Self:
        try:
            self._prepare()
            self._launch()
            self._wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self._prepare)
            self._launch()  # in this thread: a child ends with the thread that started it
            await asyncio.to_thread(self._wait_ready)
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    def _prepare(self) -> None:
        if isinstance(self._kafka, RealKafka):
            self._kafka.prepare()

    def _launch(self) -> None:
        for server in (self._kafka, self._redis):
            if server is not None:
                server.launch()

    def _wait_ready(self) -> None:
        for server in (self._kafka, self._redis):
            if server is not None:
                server.wait_ready()
        if not isinstance(self._kafka, MockKafka):
            create_topics(self.bootstrap_servers, self._topics)


def start(
    *,
    kafka: str = "embedded",
    redis: str = "embedded",
    topics: TopicSettings | None = None,
    accounts_partitions: int = 4,
    shards: int = 1,
) -> Services:
    """Return the services to enter as a context.

    Raises ServiceError when what is asked for cannot be understood.
    """
    partitions = topic_partitions(
        topics or TopicSettings(), accounts_partitions=accounts_partitions, shards=shards
    )
    return Services(kafka=kafka, redis=redis, topics=partitions)


def create_topics(bootstrap_servers: str, topics: dict[str, int]) -> None:
    """Create the topics that do not exist yet on a real Kafka, and wait until it shows them.

    Raises ServiceError when the broker refuses or is not reached.
    """
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import KafkaError, KafkaException, NewTopic

    client = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    wanted = [NewTopic(name, partitions, 1) for name, partitions in topics.items()]
    for name, outcome in client.create_topics(wanted, operation_timeout=TOPICS_TIMEOUT_S).items():
        try:
            outcome.result(timeout=TOPICS_TIMEOUT_S)
        except TimeoutError as error:
            raise ServiceError(
                f"Kafka {bootstrap_servers}: expected the topic {name} within "
                f"{TOPICS_TIMEOUT_S} s, received no answer; is a broker running there?"
            ) from error
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise ServiceError(
                    f"Kafka {bootstrap_servers}: expected the topic {name}, received {error}"
                ) from error
    for _ in range(METADATA_LOOKS_MAX):
        seen = client.list_topics(timeout=TOPICS_TIMEOUT_S).topics
        if all(name in seen and len(seen[name].partitions) for name in topics):
            return
        client.poll(METADATA_PAUSE_S)
    raise ServiceError(
        f"Kafka {bootstrap_servers}: expected the topics {sorted(topics)} to show after they were "
        f"created, received {sorted(seen)}"
    )
