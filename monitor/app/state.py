"""The state directory: whose it is, that only one process uses it, and what it restores to."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import msgspec
from aiokafka import TopicPartition

from monitor.config import Configuration, parse_configuration
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.runtime.collection import collection_paused
from monitor.store.snapshot import LoadedSnapshot, SnapshotStore
from monitor.streams.retention import KeptPlace
from monitor.streams.shard import Shard

IDENTITY = "identity.json"
LOCK = "lock"
LAYOUT_VERSION = 1


class StateError(Exception):
    """The state directory cannot be used; the message says what to change."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a state directory belongs to."""

    layout_version: int
    shard: int
    shards: int
    decisions_topic: str


def parse_engine_settings(text: str) -> EngineSettings:
    """Return the engine's part of a configuration text that stands in the log."""
    return parse_configuration(text, where="configuration_changed").engine_settings()


class StateDirectory:
    """The directory of one shard, held by one process: `with StateDirectory(...) as state`."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.path = Path(configuration.service.state_directory)
        self.store = SnapshotStore(
            self.path / "snapshots", keep=configuration.service.snapshots_kept
        )
        self._lock: TextIO | None = None

    def __enter__(self) -> Self:
        """Take the directory; raises StateError when it is in use, foreign or not writable."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / LOCK).open("a")
        except OSError as error:
            raise StateError(
                f"[service] state_directory {self.path}: expected a directory that this process "
                f"may write, received {error}"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise StateError(
                f"[service] state_directory {self.path}: expected to be its only user, received "
                "a lock held by another process; stop that one, or give this one its own directory"
            ) from error
        self._lock = lock
        try:
            self._check_identity()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the directory go."""
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _check_identity(self) -> None:
        """Compare with the identity that is there, or write ours into an empty directory."""
        service = self._configuration.service
        wanted = Identity(
            layout_version=LAYOUT_VERSION,
            shard=service.shard,
            shards=service.shards,
            decisions_topic=self._configuration.kafka.topics.decisions,
        )
        path = self.path / IDENTITY
        try:
            found = msgspec.json.decode(path.read_bytes(), type=Identity)
        except FileNotFoundError:
            partial = path.with_suffix(f".{os.getpid()}")
            partial.write_bytes(msgspec.json.encode(wanted))
            partial.replace(path)
            return
        except msgspec.DecodeError as error:
            raise StateError(f"{path}: expected an identity, received {error}") from error
        for name in Identity.__struct_fields__:
            expected, received = getattr(wanted, name), getattr(found, name)
            if expected != received:
                raise StateError(
                    f"{path}: expected {name} {expected}, received {received}: the directory "
                    "belongs to another shard, topic or version; give this one its own "
                    "[service] state_directory"
                )

    def load(self) -> LoadedSnapshot | None:
        """Return the newest usable snapshot; blocks."""
        return self.store.load_newest()

    def kept_places(self) -> list[KeptPlace]:
        """Return where the kept snapshots stand in the topics; blocks."""
        service, topics = self._configuration.service, self._configuration.kafka.topics
        log = TopicPartition(topics.decisions, service.shard)
        return [
            KeptPlace(
                header.created_ns,
                {log: header.log_offset}
                | {
                    TopicPartition(topic, partition): offset
                    for topic, offsets in header.positions.items()
                    for partition, offset in offsets.items()
                },
            )
            for header in self.store.headers()
        ]

    @collection_paused()
    def restore(self, snapshot: LoadedSnapshot | None) -> Shard:
        """Return the shard as of a snapshot, or an empty one.

        An empty engine has the default settings: the configuration in force is the first event
        that it is told, so that the log alone rebuilds it.
        """
        topic = self._configuration.kafka.topics.decisions
        number = self._configuration.service.shard
        if snapshot is None:
            engine = RiskEngine(EngineSettings(), parse_settings=parse_engine_settings)
            return Shard(engine, log_topic=topic, number=number)
        header, state = snapshot.header, snapshot.state
        if header.shard != number:
            raise StateError(
                f"{snapshot.path}: expected a snapshot of shard {number}, received one of shard "
                f"{header.shard}; give this shard its own [service] state_directory"
            )
        text = state["configuration_text"]
        engine = RiskEngine.from_state(
            state["engine"],
            parse_engine_settings(text) if text else EngineSettings(),
            configuration_hash=header.configuration_hash,
            parse_settings=parse_engine_settings,
        )
        if engine.state_hash() != header.state_hash:
            raise StateError(
                f"{snapshot.path}: expected state hash {header.state_hash}, received "
                f"{engine.state_hash()}: written by another version; remove it to use the one "
                "before it, or start the version that wrote it"
            )
        shard = Shard(engine, log_topic=topic, number=number, export=state)
        shard.log_offset = header.log_offset
        shard.epoch = header.epoch
        shard.positions = {topic: dict(each) for topic, each in header.positions.items()}
        return shard
