"""The state directory and what it restores to."""

from pathlib import Path

import msgspec
import pytest

from monitor.app.state import StateDirectory, StateError
from monitor.config import Configuration, ServiceSettings, parse_configuration
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.store.snapshot import SnapshotHeader, SnapshotStore
from monitor.streams.shard import Shard
from tests.builders import Journal


def configured(directory: Path, **service: object) -> Configuration:
    """Return a configuration with this state directory."""
    settings = ServiceSettings(state_directory=str(directory), **service)  # type: ignore[arg-type]
    return Configuration(service=settings)


def saved(directory: Path, **header: object) -> Shard:
    """Save a shard with some state and return it."""
    engine = RiskEngine(EngineSettings())
    journal = Journal()
    journal.list_instrument("AAA-PERP")
    journal.balance("a", 10)
    engine.apply(journal.take())
    shard = Shard(engine, log_topic="loss-monitor.decisions", number=0)
    shard.configuration_text = "[margin]\nmargin_call_ratio = 0.7\n"
    fields: dict[str, object] = {
        "configuration_hash": "h",
        "shard": 0,
        "epoch": 3,
        "log_offset": 17,
        "positions": {"market": {0: 5}},
        "state_hash": engine.state_hash(),
        "created_ns": 1,
    }
    store = SnapshotStore(directory / "snapshots")
    store.save(shard.export_state(), SnapshotHeader(**(fields | header)))  # type: ignore[arg-type]
    return shard


def test_a_snapshot_gives_the_shard_back_with_its_configuration(tmp_path: Path) -> None:
    shard = saved(tmp_path)
    with StateDirectory(configured(tmp_path)) as state:
        restored = state.restore(state.load())
    assert restored.engine.state_hash() == shard.engine.state_hash()
    assert (restored.log_offset, restored.epoch) == (17, 3)
    assert restored.positions == {"market": {0: 5}}
    assert restored.export_state() == shard.export_state()
    assert isinstance(restored.engine, RiskEngine)
    in_force = parse_configuration(shard.configuration_text, where="test").engine_settings()
    assert restored.engine.settings == in_force


def test_without_a_snapshot_the_shard_is_empty(tmp_path: Path) -> None:
    with StateDirectory(configured(tmp_path)) as state:
        shard = state.restore(state.load())
    assert (shard.log_offset, shard.positions) == (0, {})


def test_a_snapshot_of_another_shard_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, shard=4)
    with (
        StateDirectory(configured(tmp_path)) as state,
        pytest.raises(StateError, match="expected a snapshot of shard 0, received one of shard 4"),
    ):
        state.restore(state.load())


def test_a_snapshot_that_hashes_differently_was_made_by_another_version(tmp_path: Path) -> None:
    saved(tmp_path, state_hash="0" * 64)
    with (
        StateDirectory(configured(tmp_path)) as state,
        pytest.raises(StateError, match="written by another version"),
    ):
        state.restore(state.load())


def test_the_directory_of_another_shard_is_refused(tmp_path: Path) -> None:
    with StateDirectory(configured(tmp_path)):
        pass
    other = configured(tmp_path, shard=1, shards=2)
    with pytest.raises(StateError, match="expected shard 1, received 0"):
        StateDirectory(other).__enter__()


def test_the_directory_of_another_layout_is_refused(tmp_path: Path) -> None:
    with StateDirectory(configured(tmp_path)):
        pass
    path = tmp_path / "identity.json"
    identity = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode(identity | {"layout_version": 99}))
    with pytest.raises(StateError, match="expected layout_version 1, received 99"):
        StateDirectory(configured(tmp_path)).__enter__()


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="expected a directory that this process may write"):
        StateDirectory(configured(tmp_path / "file" / "below")).__enter__()


def test_a_refused_directory_is_free_again(tmp_path: Path) -> None:
    with StateDirectory(configured(tmp_path)):
        pass
    other = configured(tmp_path, shard=1, shards=2)
    with pytest.raises(StateError):
        StateDirectory(other).__enter__()
    with StateDirectory(configured(tmp_path)):
        pass
