"""A recording is read whole, or its damage is told with its place."""

import gzip
from pathlib import Path

import pytest
import zstandard

from monitor.replay.recording import RecordingError, lines

TEXT = b"".join(b'{"line": %d}\n' % number for number in range(20_000))


def write(folder: Path, suffix: str, data: bytes) -> str:
    path = folder / f"recording.ndjson{suffix}"
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        ("", TEXT),
        (".gz", gzip.compress(TEXT)),
        (".zst", zstandard.compress(TEXT)),
        (".zst", zstandard.compress(TEXT[:100]) + zstandard.compress(TEXT[100:])),
    ],
)
def test_every_form_gives_the_same_lines(tmp_path: Path, suffix: str, data: bytes) -> None:
    read = list(lines(write(tmp_path, suffix, data)))
    assert [number for number, _ in read] == list(range(1, 20_001))
    assert read[-1][1] == b'{"line": 19999}'


def damaged(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 64]) + data[-64:]


def checked_frame(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".gz", gzip.compress(TEXT)[:-1_000]),
        (".gz", damaged(gzip.compress(TEXT))),
        (".gz", b"no gzip at all"),
        (".zst", damaged(checked_frame(TEXT))),
        (".zst", zstandard.compress(TEXT)[:-1_000]),
        (".zst", zstandard.compress(TEXT)[:-1]),
        (".zst", b"no zstandard at all"),
    ],
)
def test_damage_is_told_with_its_place(tmp_path: Path, suffix: str, data: bytes) -> None:
    with pytest.raises(RecordingError, match=r"expected a whole recording, received .+ after line"):
        list(lines(write(tmp_path, suffix, data)))


def test_a_missing_file_is_told() -> None:
    with pytest.raises(RecordingError, match="expected a readable recording, received"):
        list(lines("/nowhere/recording.ndjson"))
