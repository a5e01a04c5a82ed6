"""Snapshots in a directory: written so that a crash, a full disk or a flipped bit loses none.

A snapshot is `snapshot-NUMBER.bin`, numbered upwards. It is written to a temporary file, synced,
renamed, the directory is synced, and only then does the pointer `newest` name it (by the same
steps). So a reader that follows the pointer never meets half a snapshot, and older ones stay
until a newer one is complete. Start reading at `SnapshotStore.save`.

All methods block: call them in a thread.
"""

import contextlib
import os
import re
from pathlib import Path
from typing import Any

import msgspec

from monitor.runtime.collection import collection_paused
from monitor.store.snapshot_codec import (
    LEAD_BYTES,
    EncodedSnapshot,
    SnapshotDamagedError,
    SnapshotError,
    SnapshotFormatError,
    SnapshotHead,
    SnapshotHeader,
    decode_head,
    decode_state,
    encode,
    encode_head,
    head_length,
)

__all__ = [
    "LoadedSnapshot",
    "SkippedSnapshot",
    "SnapshotDamagedError",
    "SnapshotError",
    "SnapshotFormatError",
    "SnapshotHeader",
    "SnapshotStore",
]

POINTER = "newest"
PARTIAL_SUFFIX = ".partial"
_NAME = re.compile(r"snapshot-(\d{12})\.bin")


class Pointer(msgspec.Struct, frozen=True):
    """What the pointer says: the number of the newest complete snapshot."""

    number: int


class SkippedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot that could not be used, and why."""

    path: Path
    reason: str


class LoadedSnapshot(msgspec.Struct, frozen=True):
    """The newest usable snapshot; `skipped` are the newer ones that were not, newest first."""

    header: SnapshotHeader
    state: dict[str, Any]
    path: Path
    skipped: tuple[SkippedSnapshot, ...]


class SnapshotStore:
    """The snapshots of one shard, at most `keep` of them."""

    def __init__(self, directory: Path, *, keep: int = 3) -> None:
        assert keep >= 1, f"expected keep >= 1, received {keep}"
        self.directory = directory
        self._keep = keep

    def save(self, state: dict[str, Any], header: SnapshotHeader) -> Path:
        """Write a snapshot and return its path.

        Raises SnapshotError when it cannot be written (a full disk, no permission): the older
        ones stay valid.
        """
        return self.save_encoded(encode(state, header))

    def save_encoded(self, snapshot: EncodedSnapshot) -> Path:
        """Write a snapshot that is encoded already; see `save`."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            number = max([*self._numbers(), self._pointed(), 0]) + 1
            path = self._path(number)
            try:
                self._write(path, [snapshot.head, *snapshot.chunks])
                self._write(self.directory / POINTER, [msgspec.json.encode(Pointer(number))])
            except OSError:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
                raise
            self._prune(number)
        except OSError as error:
            raise SnapshotError(
                f"{self.directory}: expected room and permission for a snapshot of "
                f"{snapshot.size_bytes} bytes, received {error}"
            ) from error
        return path

    def load_newest(self) -> LoadedSnapshot | None:
        """Return the newest snapshot that is intact; None when there is no snapshot at all.

        Raises SnapshotFormatError when the newest was written in another format version, and
        SnapshotError when there are snapshots and none is usable.
        """
        skipped: list[SkippedSnapshot] = []
        pointed = self._pointed()
        for number in sorted(self._numbers(), reverse=True):
            path = self._path(number)
            if 0 < pointed < number:
                skipped.append(SkippedSnapshot(path, "expected the pointer to name it: unfinished"))
                continue
            try:
                head, chunks = self._read(path)
                with collection_paused():
                    state = decode_state(head, chunks, where=str(path))
            except (SnapshotDamagedError, OSError, ValueError) as error:
                skipped.append(SkippedSnapshot(path, str(error)))
            else:
                return LoadedSnapshot(head.header, state, path, tuple(skipped))
        if skipped:
            reasons = "; ".join(each.reason for each in skipped)
            raise SnapshotError(
                f"{self.directory}: expected an intact snapshot, received {reasons}"
            )
        return None

    def read_encoded(self, path: Path) -> EncodedSnapshot:
        """Return a snapshot's bytes, to be kept elsewhere too.

        Raises SnapshotError when it is damaged, or OSError.
        """
        head, chunks = self._read(path)
        return EncodedSnapshot(head.header, encode_head(head), chunks)

    def headers(self) -> list[SnapshotHeader]:
        """Return the headers of the readable snapshots, oldest first, without their states."""
        found = []
        for number in sorted(self._numbers()):
            with contextlib.suppress(SnapshotError, OSError, ValueError):
                found.append(self._read_head(self._path(number)).header)
        return found

    def _path(self, number: int) -> Path:
        return self.directory / f"snapshot-{number:012d}.bin"

    def _numbers(self) -> list[int]:
        if not self.directory.is_dir():
            return []
        matches = (_NAME.fullmatch(path.name) for path in self.directory.iterdir())
        return [int(match[1]) for match in matches if match]

    def _pointed(self) -> int:
        """Return what the pointer says; 0 when it is missing or unreadable."""
        try:
            text = (self.directory / POINTER).read_bytes()
            return msgspec.json.decode(text, type=Pointer).number
        except (OSError, ValueError):
            return 0

    def _read_head(self, path: Path) -> SnapshotHead:
        with path.open("rb") as file:
            lead = file.read(LEAD_BYTES)
            length = min(head_length(lead, where=str(path)), path.stat().st_size)
            return decode_head(lead + file.read(length - LEAD_BYTES), where=str(path))

    def _read(self, path: Path) -> tuple[SnapshotHead, list[bytes]]:
        head = self._read_head(path)
        with path.open("rb") as file:
            file.seek(head_length(file.read(LEAD_BYTES), where=str(path)))
            chunks = [file.read(entry.length) for entry in head.chunks]
            if file.read(1):
                raise SnapshotDamagedError(
                    f"{path}: expected the end of the snapshot, received more bytes"
                )
        return head, chunks

    def _write(self, path: Path, parts: list[bytes]) -> None:
        """Write a file so that its name never stands for half of it."""
        partial = path.with_name(path.name + PARTIAL_SUFFIX)
        try:
            with partial.open("wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        self._sync_directory()

    def _sync_directory(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _prune(self, newest: int) -> None:
        """Remove what is older than the newest `keep`, and what a crash left half-written."""
        for number in sorted(self._numbers(), reverse=True)[self._keep :]:
            if number < newest:
                self._path(number).unlink(missing_ok=True)
        for partial in self.directory.glob(f"*{PARTIAL_SUFFIX}"):
            partial.unlink(missing_ok=True)
