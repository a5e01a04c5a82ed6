"""A recording is played as the venue sent it, at the pace that was asked for."""

import asyncio
import gzip
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from monitor.replay.recorded_feed import (
    RecordedFeed,
    RecordedFrame,
    RecordingError,
    main,
    port_of,
    read_frames,
    redated,
)
from monitor.runtime.clock import ManualClock

EXCERPT = (
    Path(__file__).parents[1] / "feeds" / "data" / "binance_usdm_btcusdt_20240808_first_400.gz"
)
SECOND_NS = 1_000_000_000


def recording(path: Path, *lines: tuple[float, str]) -> Path:
    """Write a recording of (seconds, message) lines."""
    path.write_text("".join(f"{round(at * SECOND_NS)} {text}\n" for at, text in lines))
    return path


async def heard(feed: RecordedFeed, count: int) -> tuple[list[str], float]:
    """Return what a client hears first, and how long that took in seconds."""
    loop = asyncio.get_running_loop()
    async with (
        feed.start(host="127.0.0.1", port=0) as server,
        connect(
            f"ws://127.0.0.1:{port_of(server)}/any/path", proxy=None, close_timeout=0.1
        ) as socket,
    ):
        began_s = loop.time()
        await socket.send("subscribe")
        frames = [str(await socket.recv()) for _ in range(count)]
        return frames, loop.time() - began_s


async def test_every_stream_message_is_sent_as_it_was_received() -> None:
    with gzip.open(EXCERPT, "rt") as lines:
        messages = [line.rstrip("\n").split(" ", 1)[1] for line in lines]
    expected = [text for text in messages if '"stream"' in text]
    assert len(expected) == 399
    frames, _ = await heard(RecordedFeed(EXCERPT, speed=0), 399)
    assert frames == expected


@pytest.mark.parametrize(("speed", "at_least_s"), [(1, 0.19), (2, 0.09)])
async def test_the_pace_is_that_of_the_receive_times_divided_by_the_speed(
    tmp_path: Path, speed: float, at_least_s: float
) -> None:
    lines = [(number / 10, json.dumps({"stream": "s", "data": number})) for number in range(3)]
    path = recording(tmp_path / "frames.txt", *lines)
    frames, took_s = await heard(RecordedFeed(path, speed=speed), 3)
    assert [json.loads(frame)["data"] for frame in frames] == [0, 1, 2]
    assert took_s >= at_least_s


async def test_a_rest_answer_in_the_recording_is_served_over_http() -> None:
    feed = RecordedFeed(EXCERPT, speed=0)
    async with feed.start(host="127.0.0.1", port=0) as server:
        url = f"http://127.0.0.1:{port_of(server)}/fapi/v1/depth?symbol=BTCUSDT"
        body = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=5).read())
    assert json.loads(body)["lastUpdateId"] == 5123107852948


def test_a_message_dated_as_of_now_keeps_its_distance_from_the_time_of_receipt() -> None:
    text = '{"stream":"s","data":{"E":1700000001300,"T":1700003600000,"u":5123107832006,"q":"1"}}'
    later = redated(RecordedFrame(1_700_000_000_000_999_999, text), 1_800_000_000_000_000_001)
    assert json.loads(later)["data"] == {
        "E": 1_800_000_001_300, "T": 1_800_003_600_000, "u": 5123107832006, "q": "1",
    }  # fmt: skip


async def test_with_a_clock_messages_are_dated_by_it() -> None:
    clock = ManualClock(now_ns=1_800_000_000_000_000_000)
    feed = RecordedFeed(EXCERPT, speed=0, clock=clock)
    (first,), _ = await heard(feed, 1)
    assert json.loads(first)["data"]["E"] == 1_800_000_001_269  # the receiver's clock ran late
    assert json.loads(first)["data"]["u"] == 5123107837557


@pytest.mark.parametrize("repeat", [False, True])
async def test_a_recording_is_played_once_unless_it_repeats(tmp_path: Path, repeat: bool) -> None:
    path = recording(tmp_path / "frames.txt", (1, '{"stream":"s"}'))
    feed = RecordedFeed(path, speed=0, repeat=repeat)
    async with feed.start(host="127.0.0.1", port=0) as server:
        answers: list[str | bytes] = []
        for _ in range(2):
            async with connect(f"ws://127.0.0.1:{port_of(server)}", proxy=None) as socket:
                await socket.send("subscribe")
                try:
                    async with asyncio.timeout(5 if repeat or not answers else 0.2):
                        answers.append(await socket.recv())
                except TimeoutError:
                    answers.append("silence")
    assert answers == ['{"stream":"s"}', '{"stream":"s"}' if repeat else "silence"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not a line\n", r"frames\.txt:1: expected '<receive time, ns> <JSON>', received b'not"),
        ("17 \n", r"frames\.txt:1: expected"),
    ],
)
def test_a_line_in_another_form_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "frames.txt"
    path.write_text(text)
    with pytest.raises(RecordingError, match=message):
        list(read_frames(path))


def test_a_damaged_or_missing_file_is_wrong_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "cut.gz"
    damaged.write_bytes(EXCERPT.read_bytes()[:5_000])
    assert main([str(tmp_path / "missing.gz")]) == 2
    assert "expected a readable recording" in capsys.readouterr().err
    with pytest.raises(RecordingError, match="expected a readable recording"):
        list(read_frames(damaged))
    assert main([str(EXCERPT), "--speed", "-1"]) == 2
    assert "--speed: expected 0 or more" in capsys.readouterr().err


async def test_the_command_says_where_it_serves() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monitor.replay.recorded_feed", str(EXCERPT), "--speed", "0",
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            address = (await process.stdout.readline()).decode().strip()
            async with connect(address, proxy=None, close_timeout=0.1) as socket:
                await socket.send("subscribe")
                assert "stream" in json.loads(await socket.recv())
    finally:
        process.terminate()
        await process.wait()
