"""Recordings: one JSON event (or array of events) a line, plain, `.gz` or `.zst`, or `-`."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import zstandard

from monitor.core.gate import RECORD_BYTES_MAX

# Of compressed data: each byte may stand for 40 KB.
BLOCK_BYTES = 1024
LINE_BYTES_MAX = RECORD_BYTES_MAX + 1


class RecordingError(Exception):
    """A recording cannot be read; the message says what was expected and received."""


@contextmanager
def open_recording(path: str) -> Iterator[BinaryIO]:
    """Open a recording for reading bytes; `-` is standard input.

    Raises RecordingError if there is no such file.
    """
    if path == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = _open(path)
    except OSError as error:
        raise RecordingError(f"{path}: expected a readable recording, received {error}") from error
    with stream:
        yield stream


def _open(path: str) -> BinaryIO:
    if path.endswith(".gz"):
        return cast("BinaryIO", gzip.open(path, "rb"))
    if path.endswith(".zst"):
        return cast("BinaryIO", io.BufferedReader(_ZstandardFrames(Path(path).open("rb"))))
    return Path(path).open("rb")


class _ZstandardFrames(io.RawIOBase):
    """The bytes of a file of frames. The package's own reader takes a cut frame for a whole one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._is_inside = False
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Return True: this is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (a buffer has no name before 3.12)
        """Fill a buffer with what comes next; return how many bytes, 0 at the end.

        Raises EOFError if the file ends inside a frame.
        """
        while not self._ready:
            block = self._frame.unused_data or self._file.read(BLOCK_BYTES)
            if not block:
                if self._is_inside:
                    raise EOFError("the end of the file inside a frame")
                return 0
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._ready = memoryview(self._frame.decompress(block))
            self._is_inside = not self._frame.eof
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def lines(path: str) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line without its end); empty lines are passed over.

    Of a line that is longer than a record may be only the beginning is given, one byte too long.

    Raises RecordingError if the file is damaged or ends inside its compression.
    """
    with open_recording(path) as stream:
        number = 0
        try:
            while line := stream.readline(LINE_BYTES_MAX):
                number += 1
                if len(line) == LINE_BYTES_MAX and not line.endswith(b"\n"):
                    _pass_over_rest(stream)
                stripped = line.strip()
                if stripped:
                    yield number, stripped
        except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
            raise RecordingError(
                f"{path}: expected a whole recording, received {str(error) or 'a cut one'} "
                f"after line {number}"
            ) from error


def _pass_over_rest(stream: BinaryIO) -> None:
    while (rest := stream.readline(LINE_BYTES_MAX)) and not rest.endswith(b"\n"):
        pass
