"""A snapshot survives crashes, full disks and damage, or says that it did not."""

import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.store.snapshot import (
    SnapshotError,
    SnapshotFormatError,
    SnapshotHeader,
    SnapshotStore,
)
from monitor.store.snapshot_codec import decode_head, decode_state, encode

HEADER = SnapshotHeader(
    configuration_hash="c" * 64,
    shard=0,
    epoch=7,
    log_offset=41,
    positions={"accounts": {0: 10, 1: 12}, "market": {0: 99}},
    state_hash="5" * 64,
    created_ns=1_760_000_000_000_000_000,
)
STATE = {
    "accounts": {"id": ["alice", "bob"], "balance": [2**62, -5], "entry": [0.1, None]},
    "sums": {"BTC": 2**70, "USD": -(2**80)},
    "engine_ns": 1_760_000_000_000_000_000,
}

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**100), 2**100)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab"), inner, max_size=4),
    max_leaves=20,
)


def header(log_offset: int) -> SnapshotHeader:
    return msgspec.structs.replace(HEADER, log_offset=log_offset)


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path / "snapshots", keep=3)


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@given(st.dictionaries(st.text("abc", min_size=1), plain, max_size=4))
def test_what_is_encoded_comes_back(state: dict[str, object]) -> None:
    encoded = encode(state, HEADER)
    head = decode_head(encoded.head, where="here")
    assert head.header == HEADER
    assert decode_state(head, encoded.chunks, where="here") == state


def test_a_section_larger_than_a_chunk_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.store.snapshot_codec.CHUNK_BYTES_MAX", 100)
    state = {"accounts": [f"account-{number * 7919 % 1000}" for number in range(1000)]}
    encoded = encode(state, HEADER)
    assert len(encoded.chunks) > 10
    head = decode_head(encoded.head, where="here")
    assert decode_state(head, encoded.chunks, where="here") == state


def test_without_snapshots_there_is_nothing_to_load(store: SnapshotStore) -> None:
    assert store.load_newest() is None
    assert store.headers() == []


def test_the_newest_is_loaded_and_only_so_many_are_kept(store: SnapshotStore) -> None:
    for log_offset in range(5):
        path = store.save({**STATE, "number": log_offset}, header(log_offset))
    loaded = store.load_newest()
    assert loaded is not None
    assert loaded.path == path
    assert loaded.header == header(4)
    assert loaded.state == {**STATE, "number": 4}
    assert loaded.skipped == ()
    assert [each.log_offset for each in store.headers()] == [2, 3, 4]


def test_a_flipped_bit_anywhere_is_detected_and_the_previous_one_is_used(
    store: SnapshotStore,
) -> None:
    store.save(STATE, header(1))
    path = store.save(STATE, header(2))
    intact = path.read_bytes()
    for position in range(len(intact)):
        flip(path, position)
        loaded = store.load_newest()
        assert loaded is not None
        assert loaded.header.log_offset == 1, f"expected byte {position} to be checked"
        assert loaded.skipped[0].path == path
        path.write_bytes(intact)


@pytest.mark.parametrize("length", [0, 5, 30, 200, -1])
def test_a_truncated_newest_is_skipped_with_its_reason(store: SnapshotStore, length: int) -> None:
    store.save(STATE, header(1))
    path = store.save(STATE, header(2))
    path.write_bytes(path.read_bytes()[:length])
    loaded = store.load_newest()
    assert loaded is not None
    assert loaded.header.log_offset == 1
    assert "expected" in loaded.skipped[0].reason


def test_bytes_after_the_end_are_damage(store: SnapshotStore) -> None:
    store.save(STATE, header(1))
    path = store.save(STATE, header(2))
    path.write_bytes(path.read_bytes() + b"x")
    loaded = store.load_newest()
    assert loaded is not None
    assert loaded.header.log_offset == 1


def test_when_every_snapshot_is_damaged_it_is_an_error_not_a_fresh_start(
    store: SnapshotStore,
) -> None:
    for log_offset in (1, 2):
        flip(store.save(STATE, header(log_offset)), -1)
    with pytest.raises(SnapshotError, match="expected an intact snapshot"):
        store.load_newest()


def test_a_snapshot_of_another_format_version_is_refused_by_name(store: SnapshotStore) -> None:
    path = store.save(STATE, msgspec.structs.replace(HEADER, format_version=3))
    expected = f"{path}: expected a snapshot of format version 2, received version 3"
    with pytest.raises(SnapshotFormatError, match=expected):
        store.load_newest()


def test_a_snapshot_of_another_configuration_is_loaded_and_says_which(
    store: SnapshotStore,
) -> None:
    store.save(STATE, msgspec.structs.replace(HEADER, configuration_hash="d" * 64))
    loaded = store.load_newest()
    assert loaded is not None
    assert loaded.header.configuration_hash == "d" * 64


def test_a_snapshot_that_the_pointer_does_not_name_is_unfinished(store: SnapshotStore) -> None:
    store.save(STATE, header(1))
    pointer = (store.directory / "newest").read_bytes()
    store.save(STATE, header(2))
    (store.directory / "newest").write_bytes(pointer)
    loaded = store.load_newest()
    assert loaded is not None
    assert loaded.header.log_offset == 1
    assert "unfinished" in loaded.skipped[0].reason
    store.save(STATE, header(3))
    again = store.load_newest()
    assert again is not None
    assert again.header.log_offset == 3


@pytest.mark.parametrize("damage", [b"", b"{", b'{"number": "x"}', None])
def test_a_damaged_pointer_does_not_hide_the_snapshots(
    store: SnapshotStore, damage: bytes | None
) -> None:
    store.save(STATE, header(1))
    store.save(STATE, header(2))
    if damage is None:
        (store.directory / "newest").unlink()
    else:
        (store.directory / "newest").write_bytes(damage)
    loaded = store.load_newest()
    assert loaded is not None
    assert loaded.header.log_offset == 2


def test_what_a_crash_left_half_written_is_cleaned_away(store: SnapshotStore) -> None:
    store.save(STATE, header(1))
    (store.directory / "snapshot-000000000002.bin.partial").write_bytes(b"half")
    loaded = store.load_newest()
    assert loaded is not None
    assert loaded.skipped == ()
    store.save(STATE, header(2))
    assert not list(store.directory.glob("*.partial"))


FULL_DISK = """
import subprocess, sys
from pathlib import Path
from monitor.store.snapshot import SnapshotError, SnapshotStore
from tests.store.test_snapshot import STATE, header
import random
where = Path(sys.argv[1]) / "small"
where.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(where)], check=True)
store = SnapshotStore(where / "snapshots")
store.save(STATE, header(1))
try:
    store.save({"noise": random.Random(1).randbytes(1_000_000).hex()}, header(2))
except SnapshotError as error:
    assert "No space left" in str(error), error
else:
    raise AssertionError("expected a full disk")
loaded = store.load_newest()
assert loaded.header == header(1) and loaded.state == STATE and loaded.skipped == ()
store.save(STATE, header(3))
assert store.load_newest().header == header(3)
assert sorted(path.name for path in store.directory.iterdir()) == [
    "newest", "snapshot-000000000001.bin", "snapshot-000000000002.bin"]
"""


def can_mount() -> bool:
    probe = ["unshare", "-m", "true"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not can_mount(), reason="needs root and unshare to mount a small disk")
def test_a_full_disk_is_reported_and_the_old_snapshot_stays(tmp_path: Path) -> None:
    command = ["unshare", "-m", sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def file_size_limit() -> Iterator[Callable[[int], None]]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size_bytes: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_write_that_fails_in_the_middle_leaves_nothing_behind(
    store: SnapshotStore, file_size_limit: Callable[[int], None]
) -> None:
    store.save(STATE, header(1))
    names = sorted(path.name for path in store.directory.iterdir())
    file_size_limit(100)
    with pytest.raises(SnapshotError, match="expected room and permission"):
        store.save(STATE, header(2))
    assert sorted(path.name for path in store.directory.iterdir()) == names
    loaded = store.load_newest()
    assert loaded is not None
    assert loaded.header.log_offset == 1


def test_a_directory_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SnapshotError, match="expected room and permission"):
        SnapshotStore(tmp_path / "file" / "snapshots").save(STATE, HEADER)
