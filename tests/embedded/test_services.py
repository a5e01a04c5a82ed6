"""Services start as described, with their topics, and end with the block."""

import asyncio

import pytest
import redis
from confluent_kafka.admin import AdminClient

from monitor import embedded
from monitor.embedded.process import ServiceError, port_open
from tests.services import KafkaAddress


def partitions(bootstrap_servers: str) -> dict[str, int]:
    client = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    seen = client.list_topics(timeout=10).topics
    return {name: len(topic.partitions) for name, topic in seen.items()}


def ports(services: embedded.Services) -> list[int]:
    return [
        int(services.bootstrap_servers.rpartition(":")[2]),
        int(services.redis_url.rpartition(":")[2].split("/")[0]),
    ]


def test_the_embedded_defaults_work_and_end() -> None:
    with embedded.start(accounts_partitions=2, shards=3) as services:
        counts = partitions(services.bootstrap_servers)
        assert counts["loss-monitor.events.accounts"] == 2
        assert counts["loss-monitor.decisions"] == 3
        with redis.Redis.from_url(services.redis_url) as client:
            assert client.ping()
        assert not services.recovery_available
        assert "no recovery" in services.description[0]
        started = ports(services)
    assert not any(map(port_open, started))


async def test_they_start_inside_a_loop_too() -> None:
    async with embedded.start() as services:
        assert await asyncio.to_thread(partitions, services.bootstrap_servers)
        started = ports(services)
    assert not any(map(port_open, started))


def test_your_own_services_are_used_and_their_topics_made(kafka: KafkaAddress) -> None:
    with embedded.start(kafka=kafka.bootstrap_servers, redis="redis://h:1/0") as services:
        assert services.redis_url == "redis://h:1/0"
        assert services.recovery_available
        assert partitions(services.bootstrap_servers)["loss-monitor.events.market"] == 1
    with embedded.start(kafka=kafka.bootstrap_servers, redis="redis://h:1/0"):
        pass  # topics that exist already are left as they are


def test_what_is_neither_a_kind_nor_an_address_is_refused() -> None:
    with pytest.raises(ServiceError, match="expected embedded, real or HOST:PORT, received 'x'"):
        embedded.start(kafka="x")


def test_a_failed_start_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    services = embedded.start(kafka="127.0.0.1:1")
    monkeypatch.setattr("monitor.embedded.services.TOPICS_TIMEOUT_S", 1)
    with pytest.raises(ServiceError, match="expected the topic"):
        services.__enter__()
    assert not port_open(int(services.redis_url.rpartition(":")[2].split("/")[0]))
