"""The bytes of a snapshot: sections of the engine's state in checked chunks.

`encode` turns the state (plain builtins, one section a top-level key) into msgpack, compresses
each section and cuts it into chunks with a SHA-256 each. The head, which lists them, has one too.
So a file and a Redis hold the same thing, and one flipped bit is noticed before anything is used.

Integers beyond 64 bits (exact sums) travel as an extension type: msgpack has none.
"""

import hashlib
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

FORMAT_VERSION = 2
MAGIC = b"LOSSMON1"
CHUNK_BYTES_MAX = 4 * 1024 * 1024
COMPRESSION_LEVEL = 1
SECTION_BYTES_MAX = 16 * 1024**3
_WIDE_INTEGER = 1
_INT64_MIN, _UINT64_MAX = -(2**63), 2**64 - 1


class SnapshotError(Exception):
    """A snapshot cannot be written or used; the message says what was expected and received."""


class SnapshotDamagedError(SnapshotError):
    """A snapshot is not what was written."""


class SnapshotFormatError(SnapshotError):
    """A snapshot was written in another format version."""


class SnapshotHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot is of.

    `log_offset`: the offset of the last `batch_applied` in the state. `positions`: per topic and
    partition the next offset to read. `created_ns`: wall clock, for people.
    """

    configuration_hash: str
    shard: int
    epoch: int
    log_offset: int
    positions: dict[str, dict[int, int]]
    state_hash: str
    created_ns: int
    format_version: int = FORMAT_VERSION


class ChunkEntry(msgspec.Struct, frozen=True, array_like=True):
    """One chunk as the head lists it: a part of a section's compressed bytes."""

    section: str
    length: int
    sha256: bytes


class SnapshotHead(msgspec.Struct, frozen=True):
    """The head of a snapshot: the header and the list of its chunks, in order."""

    header: SnapshotHeader
    chunks: tuple[ChunkEntry, ...]


class EncodedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot as bytes; `head` carries its own SHA-256."""

    header: SnapshotHeader
    head: bytes
    chunks: list[bytes]

    @property
    def size_bytes(self) -> int:
        """Return how many bytes it takes."""
        return len(self.head) + sum(map(len, self.chunks))


def encode(state: dict[str, Any], header: SnapshotHeader) -> EncodedSnapshot:
    """Return the bytes of an engine's exported state."""
    entries, chunks = [], []
    for section, value in state.items():
        packed = zlib.compress(_pack(value), COMPRESSION_LEVEL)
        for start in range(0, len(packed), CHUNK_BYTES_MAX):
            chunk = packed[start : start + CHUNK_BYTES_MAX]
            entries.append(ChunkEntry(section, len(chunk), hashlib.sha256(chunk).digest()))
            chunks.append(chunk)
    return EncodedSnapshot(header, encode_head(SnapshotHead(header, tuple(entries))), chunks)


def encode_head(head: SnapshotHead) -> bytes:
    """Return the bytes of a head; the version stands first, so that any version can read it."""
    body = msgspec.msgpack.encode(head)
    lead = MAGIC + head.header.format_version.to_bytes(4, "big") + len(body).to_bytes(8, "big")
    return lead + body + hashlib.sha256(lead + body).digest()


LEAD_BYTES = len(MAGIC) + 4 + 8
DIGEST_BYTES = 32


def head_length(lead: bytes, *, where: str) -> int:
    """Return how many bytes the head takes, from its first LEAD_BYTES bytes.

    Raises SnapshotDamagedError for what is no snapshot.
    """
    if len(lead) < LEAD_BYTES or not lead.startswith(MAGIC):
        raise SnapshotDamagedError(f"{where}: expected a snapshot, received {lead[:8]!r}")
    return LEAD_BYTES + int.from_bytes(lead[LEAD_BYTES - 8 : LEAD_BYTES], "big") + DIGEST_BYTES


def decode_head(head: bytes, *, where: str) -> SnapshotHead:
    """Return the checked head.

    Raises SnapshotDamagedError, or SnapshotFormatError for an intact one of another version.
    """
    length = head_length(head[:LEAD_BYTES], where=where)
    body, digest = head[:-DIGEST_BYTES], head[-DIGEST_BYTES:]
    if len(head) != length or hashlib.sha256(body).digest() != digest:
        raise SnapshotDamagedError(f"{where}: expected an intact head, received another checksum")
    version = int.from_bytes(body[len(MAGIC) : len(MAGIC) + 4], "big")
    if version != FORMAT_VERSION:
        raise SnapshotFormatError(
            f"{where}: expected a snapshot of format version {FORMAT_VERSION}, received version "
            f"{version}; start the release that wrote it, or move the snapshots away to rebuild "
            "the state from the topics"
        )
    return msgspec.msgpack.decode(body[LEAD_BYTES:], type=SnapshotHead)


def decode_state(head: SnapshotHead, chunks: Sequence[bytes], *, where: str) -> dict[str, Any]:
    """Return the state, after every chunk was checked.

    Raises SnapshotDamagedError.
    """
    if len(chunks) != len(head.chunks):
        raise SnapshotDamagedError(
            f"{where}: expected {len(head.chunks)} chunks, received {len(chunks)}"
        )
    sections: dict[str, list[bytes]] = {}
    for number, (entry, chunk) in enumerate(zip(head.chunks, chunks, strict=True)):
        if len(chunk) != entry.length or hashlib.sha256(chunk).digest() != entry.sha256:
            raise SnapshotDamagedError(
                f"{where}: expected chunk {number} ({entry.section}) as written, received another "
                "checksum"
            )
        sections.setdefault(entry.section, []).append(chunk)
    return {name: _unpack(b"".join(parts)) for name, parts in sections.items()}


def _pack(value: object) -> bytes:
    try:
        return msgspec.msgpack.encode(value)
    except OverflowError:
        return msgspec.msgpack.encode(_with_wide_integers(value))


def _unpack(packed: bytes) -> object:
    value: object = _decoder.decode(zlib.decompress(packed))
    return value


def _with_wide_integers(value: object) -> object:
    """Return the value with every integer beyond 64 bits as an extension."""
    if isinstance(value, dict):
        return {_with_wide_integers(key): _with_wide_integers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_wide_integers(item) for item in value]
    if isinstance(value, int) and not _INT64_MIN <= value <= _UINT64_MAX:
        length = value.bit_length() // 8 + 1
        return msgspec.msgpack.Ext(_WIDE_INTEGER, value.to_bytes(length, "big", signed=True))
    return value


def _read_extension(code: int, data: memoryview) -> int:
    if code != _WIDE_INTEGER:
        raise SnapshotDamagedError(f"expected a wide integer, received extension type {code}")
    return int.from_bytes(data, "big", signed=True)


_decoder = msgspec.msgpack.Decoder(ext_hook=_read_extension)
