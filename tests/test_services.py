"""The real services of the test suite do start, answer and end."""

from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from monitor.config import TopicSettings
from monitor.embedded.real_kafka import RealKafka
from monitor.embedded.redis import RedisServer
from tests.browser import Chromium
from tests.observers import Alertmanager, Prometheus
from tests.services import KafkaAddress, StartRedis

pytestmark = pytest.mark.service

PAGE = """data:text/html,<title>t</title><p id=p>wait</p><script>
p.textContent = matchMedia('(prefers-color-scheme: dark)').matches ? 'night' : 'day'</script>"""


def test_kafka_has_the_topics_with_their_partitions(
    kafka: KafkaAddress, topic_names: TopicSettings
) -> None:
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    seen = client.list_topics(timeout=10).topics
    assert len(seen[topic_names.accounts].partitions) == 4
    assert len(seen[topic_names.market].partitions) == 1


def test_a_private_kafka_keeps_its_data_over_a_kill(
    kafka_private: RealKafka, make_topics: Callable[..., TopicSettings]
) -> None:
    topic = make_topics(kafka=kafka_private).market
    producer = Producer({"bootstrap.servers": kafka_private.bootstrap_servers, "log_level": 0})
    producer.produce(topic, b"kept")
    assert producer.flush(10) == 0
    kafka_private.kill()
    kafka_private.start()
    consumer = Consumer(
        {
            "bootstrap.servers": kafka_private.bootstrap_servers,
            "group.id": "one",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([topic])
    record = consumer.poll(30)
    consumer.close()
    assert record is not None
    assert record.value() == b"kept"


def test_redis_is_empty_at_the_start_of_a_test(redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.dbsize() == 0
        client.set("left", "over")


def test_redis_with_a_password_refuses_others(start_redis: StartRedis) -> None:
    server = start_redis(password="correct")
    with redis.Redis.from_url(server.url) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    with redis.Redis.from_url(server.url, password="correct") as client:
        assert client.ping()


def test_prometheus_answers_a_query(prometheus: Callable[[str], Prometheus]) -> None:
    server = prometheus("global: {scrape_interval: 1s}\n")
    assert server.query("vector(1)")[0]["value"][1] == "1"


def test_alertmanager_answers(alertmanager: Callable[[str], Alertmanager]) -> None:
    server = alertmanager("route: {receiver: none}\nreceivers: [{name: none}]\n")
    assert server.get("/api/v2/alerts") == []


def test_chromium_shows_a_page_in_light_and_dark(chromium: Chromium) -> None:
    assert ">day<" in chromium.dump_dom(PAGE)
    with chromium.page(PAGE, size=(390, 800), dark=True) as page:
        assert page.wait_for("p.textContent === 'night'")
        assert page.errors == []
    picture = chromium.screenshot(PAGE, (390, 800), dark=True)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_tools_are_programs(promtool: Path, amtool: Path) -> None:
    assert promtool.exists()
    assert amtool.exists()
