"""Fixtures of the fault tests."""

import pytest

from monitor.config import KafkaSettings, TopicSettings
from tests.services import KafkaAddress
from tests.topic_access import kafka_settings


@pytest.fixture
def settings(kafka: KafkaAddress, topic_names: TopicSettings) -> KafkaSettings:
    """Return the settings of this test's own topics."""
    return kafka_settings(kafka.bootstrap_servers, topic_names)
