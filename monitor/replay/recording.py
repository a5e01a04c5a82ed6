"""Recordings: one JSON event (or array of events) a line, plain, `.gz` or `.zst`, or `-`."""

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


class RecordingError(Exception):
    """A recording cannot be read; the message says what was expected and received."""


@contextmanager
def open_recording(path: str) -> Iterator[BinaryIO]:
    """Open a recording for reading bytes; `-` is standard input.

    Raises RecordingError if there is no such file or its compression is not supported here.
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
        try:
            import zstandard
        except ImportError as error:
            raise RecordingError(
                f"{path}: expected the zstandard package for .zst, received no such package: "
                "pip install zstandard"
            ) from error
        return cast("BinaryIO", zstandard.open(path, "rb"))
    return Path(path).open("rb")


def lines(path: str) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line without its end); empty lines are passed over.

    Raises RecordingError if the file ends inside its compression.
    """
    with open_recording(path) as stream:
        number = 0
        try:
            for number, line in enumerate(stream, start=1):
                stripped = line.strip()
                if stripped:
                    yield number, stripped
        except (EOFError, gzip.BadGzipFile) as error:
            raise RecordingError(
                f"{path}: expected a whole gzip file, received {error} after line {number}"
            ) from error
