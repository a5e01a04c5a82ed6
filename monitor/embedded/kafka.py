"""A Kafka for first runs: librdkafka's mock cluster in a child process.

It speaks Kafka's protocol on a loopback port and is up in a moment, without Java. It is not a
Kafka: it keeps at most 5 MiB a partition and drops the oldest silently, it loses everything with
its process, and it cannot fence or rebalance. So recovery is not available on it; a demo and a
first look are. `monitor.embedded.real_kafka` starts the real one.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from monitor.config import TopicSettings
from monitor.embedded.process import ServiceError, die_with_parent

PARTITION_BYTES_MAX = 5 * 1024 * 1024
STOP_TIMEOUT_S = 5
CHECK_TIMEOUT_S = 10


def topic_partitions(
    topics: TopicSettings, *, accounts_partitions: int, shards: int = 1
) -> dict[str, int]:
    """Return how many partitions each topic has: market 1, decisions 1 a shard, quarantine 1."""
    return {
        topics.market: 1,
        topics.decisions: shards,
        topics.accounts: accounts_partitions,
        topics.quarantine: 1,
    }


class MockKafka:
    """The parent's handle of a mock cluster."""

    def __init__(self, topics: Mapping[str, int] | None = None) -> None:
        self._topics = dict(topics or {})
        self._process: subprocess.Popen[str] | None = None
        self.bootstrap_servers = ""

    @property
    def pid(self) -> int:
        """Return the process id of the child."""
        return self._child().pid

    def launch(self) -> None:
        """Start the child, without waiting for it.

        Raises ServiceError, naming the package to install, when it is missing.
        """
        if importlib.util.find_spec("confluent_kafka") is None:
            raise ServiceError(
                "expected the confluent-kafka package for the embedded Kafka, received none; "
                "install it with `pip install 'socialized-loss-monitor[demo]'`"
            )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "monitor.embedded.mock_cluster"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, no lock
        )

    def wait_ready(self) -> None:
        """Return when the cluster is up, its topics exist and the self-check has passed."""
        self.bootstrap_servers = str(self._answer()["bootstrap_servers"])
        topics, self._topics = self._topics, {}
        self.create_topics(topics)
        if topics:
            self._check_topics()

    def start(self) -> None:
        """Start the cluster and return when it answers."""
        self.launch()
        self.wait_ready()

    def create_topics(self, topics: Mapping[str, int]) -> None:
        """Create topics with exactly these numbers of partitions."""
        self._tell({"topics": dict(topics)})
        self._topics.update(topics)

    def set_down(self, *, down: bool) -> None:
        """Make the broker unreachable, or reachable again (its data stay)."""
        self._tell({"down": down})

    def kill(self) -> None:
        """End the child with SIGKILL; its data are lost."""
        self._child().kill()
        self._child().wait()

    def close(self) -> None:
        """End the child; its data are lost."""
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def _child(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise ServiceError("embedded Kafka: expected a started cluster, received none")
        return self._process

    def _tell(self, command: dict[str, Any]) -> None:
        stdin = self._child().stdin
        assert stdin is not None
        stdin.write(json.dumps(command) + "\n")
        stdin.flush()
        error = self._answer()["error"]
        if error is not None:
            raise ServiceError(f"embedded Kafka: {error}")

    def _answer(self) -> dict[str, Any]:
        stdout = self._child().stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            status = self._child().wait()
            raise ServiceError(
                f"embedded Kafka: expected an answer of its child, received exit status {status}"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _check_topics(self) -> None:
        """Read the topics back through a client: the calls used are for tests only upstream."""
        from confluent_kafka.admin import AdminClient

        client = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        seen = client.list_topics(timeout=CHECK_TIMEOUT_S).topics
        counts = {name: len(topic.partitions) for name, topic in seen.items()}
        if counts != self._topics:
            raise ServiceError(
                f"embedded Kafka: expected the topics {self._topics}, received {counts}; "
                "pin confluent-kafka to the version of the lock file"
            )
