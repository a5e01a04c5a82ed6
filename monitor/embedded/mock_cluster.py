"""The child process that hosts librdkafka's mock cluster, from the confluent-kafka wheel.

Run by `monitor.embedded.kafka.MockKafka`: `python -m monitor.embedded.mock_cluster`. It prints one
line of JSON on standard output with the address, then obeys one line of JSON on standard input at
a time, answering each, and ends when standard input ends.

Commands: `{"topics": {name: partitions}}`, `{"down": true | false}`.

The cluster is reached by ctypes in the library inside the wheel: that gives exact partition
counts. The calls are "for tests only" upstream, so `MockKafka` checks itself at its start.
"""

import ctypes
import importlib
import json
import sys
from pathlib import Path
from typing import Any

_RD_KAFKA_PRODUCER = 0
_ERROR_TEXT_BYTES = 512


class MockCluster:
    """The mock cluster inside this process."""

    def __init__(self) -> None:
        self._library = _load_library()
        error = ctypes.create_string_buffer(_ERROR_TEXT_BYTES)
        options = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(options, b"log_level", b"0", error, _ERROR_TEXT_BYTES)
        self._client = self._library.rd_kafka_new(
            _RD_KAFKA_PRODUCER, options, error, _ERROR_TEXT_BYTES
        )
        if not self._client:
            raise RuntimeError(f"expected a librdkafka client, received {error.value.decode()}")
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
        if not self._cluster:
            raise RuntimeError("expected a mock cluster from librdkafka, received none")
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 1)

    @property
    def bootstrap_servers(self) -> str:
        """Return the address for a client."""
        servers: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return servers.decode()

    def create_topic(self, name: str, partitions: int) -> None:
        """Create a topic with exactly this many partitions."""
        code = self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        if code:
            raise RuntimeError(f"{name}: expected a new topic, received librdkafka error {code}")

    def set_down(self, *, down: bool) -> None:
        """Disconnect the broker and refuse connections, or let them in again."""
        call = (
            self._library.rd_kafka_mock_broker_set_down
            if down
            else self._library.rd_kafka_mock_broker_set_up
        )
        call(self._cluster, 1)

    def obey(self, command: dict[str, Any]) -> None:
        """Carry out one command."""
        for name, partitions in command.get("topics", {}).items():
            self.create_topic(name, partitions)
        if "down" in command:
            self.set_down(down=command["down"])


def _load_library() -> ctypes.CDLL:
    package = importlib.import_module("confluent_kafka")
    site = Path(package.__file__ or "").parents[1]
    folders = (site / "confluent_kafka.libs", site / "confluent_kafka" / ".dylibs")
    found = [path for folder in folders for path in sorted(folder.glob("librdkafka*"))]
    if not found:
        raise RuntimeError(f"expected librdkafka in {folders[0]}, received no such file")
    library = ctypes.CDLL(str(found[0]))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, []),
        ("rd_kafka_conf_set", number, [pointer, text, text, text, ctypes.c_size_t]),
        ("rd_kafka_new", pointer, [number, pointer, text, ctypes.c_size_t]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, number]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
        ("rd_kafka_mock_topic_create", number, [pointer, text, number, number]),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, [pointer, ctypes.c_int32]),
        ("rd_kafka_mock_broker_set_down", number, [pointer, ctypes.c_int32]),
        ("rd_kafka_mock_broker_set_up", number, [pointer, ctypes.c_int32]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def main() -> None:
    """Host the cluster until standard input ends."""
    cluster = MockCluster()
    _say({"bootstrap_servers": cluster.bootstrap_servers})
    for line in sys.stdin:
        try:
            cluster.obey(json.loads(line))
        except (RuntimeError, ValueError, TypeError) as error:
            _say({"error": str(error)})
        else:
            _say({"error": None})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
