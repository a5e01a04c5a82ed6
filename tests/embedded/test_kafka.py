"""The embedded Kafka has the topics that were asked for and ends with its parent."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from monitor.config import TopicSettings
from monitor.embedded.kafka import MockKafka, topic_partitions
from monitor.embedded.process import ServiceError
from tests.embedded.liveness import ended, is_alive

TOPICS = topic_partitions(TopicSettings(), accounts_partitions=3, shards=2)
PARENT = """
import sys
from monitor.embedded.kafka import MockKafka
kafka = MockKafka()
kafka.start()
print(kafka.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def kafka() -> Iterator[MockKafka]:
    cluster = MockKafka(TOPICS)
    cluster.start()
    yield cluster
    cluster.close()


def test_each_topic_has_exactly_its_partitions(kafka: MockKafka) -> None:
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    seen = client.list_topics(timeout=10).topics
    assert {name: len(topic.partitions) for name, topic in seen.items()} == {
        "loss-monitor.events.accounts": 3,
        "loss-monitor.events.market": 1,
        "loss-monitor.decisions": 2,
        "loss-monitor.quarantine": 1,
    }


def test_what_is_produced_is_consumed(kafka: MockKafka) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    producer.produce("loss-monitor.events.market", b"one")
    assert producer.flush(10) == 0
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "g"})
    consumer.assign([TopicPartition("loss-monitor.events.market", 0, 0)])
    record = consumer.poll(10)
    consumer.close()
    assert record is not None
    assert record.value() == b"one"


def test_a_broker_that_is_down_comes_back_with_its_data(kafka: MockKafka) -> None:
    options = {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0}
    producer = Producer(options)
    kafka.set_down(down=True)
    producer.produce("loss-monitor.events.market", b"waits")
    assert producer.flush(0.5) == 1
    kafka.set_down(down=False)
    assert producer.flush(10) == 0


def test_topics_can_be_added_later_but_not_twice(kafka: MockKafka) -> None:
    kafka.create_topics({"another": 2})
    with pytest.raises(ServiceError, match="another: expected a new topic"):
        kafka.create_topics({"another": 2})


def test_a_call_after_the_end_is_an_error() -> None:
    kafka = MockKafka()
    kafka.start()
    kafka.close()
    with pytest.raises(ServiceError, match="expected a started cluster"):
        kafka.create_topics({"a": 1})


def test_without_the_package_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ServiceError, match="confluent-kafka"):
        MockKafka().start()


def test_the_child_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_alive(child)
    parent.kill()
    parent.wait()
    assert ended(child)
    for pipe in (parent.stdin, parent.stdout):
        assert pipe is not None
        pipe.close()
