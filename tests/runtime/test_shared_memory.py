"""Segments of shared memory are found by another process and leave nothing behind."""

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from monitor.runtime.shared_memory import Segment, SharedMemory, map_segment

ROOT = Path(__file__).parents[2]
OWNER = """
import sys, numpy
from monitor.runtime.shared_memory import SharedMemory
memory = SharedMemory()
array = memory.reserve(8_000_000)
array[:] = 7
print(tuple(memory.locate(array[100:])[0]), flush=True)
sys.stdin.read()
"""


def test_an_array_is_found_by_its_segment_and_cannot_be_written_there() -> None:
    memory = SharedMemory()
    other, array = memory.reserve(64), memory.reserve(5_000)
    part = array[64:128].view(np.float64)
    part[:] = 2.5
    segment, offset = memory.locate(part)
    assert offset == 64
    assert isinstance(segment, Segment)
    mapped = map_segment(segment)
    assert mapped[64:128].view(np.float64).tolist() == [2.5] * 8
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1
    array[0] = 9
    assert mapped[0] == 9
    assert memory.locate(other)[1] == 0


def test_a_segment_goes_with_its_last_array() -> None:
    memory = SharedMemory()
    before = sorted(Path("/proc/self/fd").iterdir())
    array = memory.reserve(100)
    part = array[10:20]
    segment, _ = memory.locate(part)
    assert isinstance(segment, Segment)
    del array
    gc.collect()
    assert map_segment(segment)[10:20].tolist() == [0] * 10
    del part
    gc.collect()
    with pytest.raises(FileNotFoundError):
        map_segment(segment)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_a_descriptor_that_was_used_again_is_not_taken_for_the_segment() -> None:
    memory = SharedMemory()
    array = memory.reserve(100)
    segment, _ = memory.locate(array)
    assert isinstance(segment, Segment)
    with pytest.raises(FileNotFoundError, match="expected Segment"):
        map_segment(segment._replace(inode=segment.inode + 1))


def test_an_array_that_lies_elsewhere_has_no_segment() -> None:
    with pytest.raises(ValueError, match="received 32 bytes"):
        SharedMemory().locate(np.zeros(4))


def test_what_is_reserved_takes_no_memory_until_it_is_written() -> None:
    array = SharedMemory().reserve(1 << 40)
    array[1 << 39] = 1
    assert array[(1 << 39) - 1 : (1 << 39) + 2].tolist() == [0, 1, 0]


def test_another_process_reads_and_a_killed_owner_leaves_nothing() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    line = owner.stdout.readline()
    segment = Segment(*(int(word) for word in line.strip("()\n").split(",")))
    mapped = map_segment(segment)
    assert mapped[-1] == 7
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert mapped[0] == 7  # what is mapped stays with its reader alone
    with pytest.raises(FileNotFoundError):
        map_segment(segment)
