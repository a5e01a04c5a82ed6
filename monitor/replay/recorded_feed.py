"""A local websocket server that plays a raw recording in the venue's own wire form.

    python -m monitor.replay.recorded_feed btcusdt_20240808.gz --port 9443 --speed 10 --now

A recording has one message a line, `<receive time, ns> <JSON as received>` (plain or `.gz`), as
published at github.com/nkaz001/hftbacktest (examples/usdm). Each client hears it from the start
of the recording, beginning with its first message (its subscription, which is not interpreted),
at the pace of the receive times divided by `--speed`; speed 0 is as fast as the client reads. A
line that is no stream message is a REST answer of the venue: it is served to plain HTTP requests
at any path. After the end the connection stays open and silent, as a dead feed does, and later
clients hear nothing, so that no price comes back from the past; `--repeat` starts again for them.
`--now` moves the times inside each message by as much as its receive time is in the past, so that
a daemon takes the recording for the present: its clocks, breakers and staleness then work as live.
"""

import argparse
import asyncio
import gzip
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from http import HTTPStatus
from pathlib import Path

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from monitor.runtime.clock import Clock

FRAMES_A_TURN = 64
LATE_MAX_S = 0.001
MILLISECONDS_A_DAY = 86_400_000

# a JSON value of 13 digits; it is a time if it lies within a day of the time of receipt
_MILLISECONDS = re.compile(r"(?<=[:\[,])[0-9]{13}(?=[,}\]])")


class RecordingError(Exception):
    """A recording cannot be played; the message says what was expected and received, and where."""


class RecordedFrame(msgspec.Struct, frozen=True):
    """A message as the venue sent it, and when it was received (nanoseconds, UTC)."""

    received_ns: int
    text: str


class _StreamMessage(msgspec.Struct, frozen=True):
    """What tells a stream's message from a REST answer."""

    stream: str | None = None


_decoder = msgspec.json.Decoder(_StreamMessage)


def read_frames(path: Path) -> Iterator[RecordedFrame]:
    """Return the messages of a recording in order.

    Raises RecordingError for a file that cannot be read or a line in another form.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                received, _, message = line.partition(b" ")
                if not received.isdigit() or not message.strip():
                    raise RecordingError(
                        f"{path}:{number}: expected '<receive time, ns> <JSON>', "
                        f"received {line[:60]!r}"
                    )
                yield RecordedFrame(int(received), message.strip().decode())
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: expected a readable recording, received {error}") from error


def is_stream_message(frame: RecordedFrame) -> bool:
    """Return whether the venue sent this over the websocket."""
    try:
        return _decoder.decode(frame.text).stream is not None
    except msgspec.DecodeError:
        return True


def redated(frame: RecordedFrame, received_ns: int) -> str:
    """Return a message as it would be if it were received at another time (nanoseconds, UTC)."""
    recorded_ms = frame.received_ns // 1_000_000
    shift_ms = received_ns // 1_000_000 - recorded_ms

    def shifted(match: re.Match[str]) -> str:
        value = int(match.group())
        is_time = abs(value - recorded_ms) <= MILLISECONDS_A_DAY
        return str(value + shift_ms) if is_time else match.group()

    return _MILLISECONDS.sub(shifted, frame.text)


class RecordedFeed:
    """The server; `played` counts finished plays. With a `clock`, messages are dated by it."""

    def __init__(
        self, path: Path, *, speed: float, repeat: bool = False, clock: Clock | None = None
    ) -> None:
        if not 0 <= speed < float("inf"):
            raise RecordingError(f"--speed: expected 0 or more, received {speed}")
        self._path = path
        self._speed = speed
        self._repeat = repeat
        self._clock = clock
        self._rest_answer = next(
            (frame for frame in read_frames(path) if not is_stream_message(frame)), None
        )
        self.played = 0
        self.frames_sent = 0

    def start(self, *, host: str, port: int) -> AbstractAsyncContextManager[Server]:
        """Return the server, to be entered with `async with` (port 0: a free one)."""
        return serve(
            self._play,
            host,
            port,
            process_request=self._answer_request,
            compression=None,
            ping_interval=None,
        )

    async def _play(self, socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):  # a client may leave when it likes
            await socket.recv()
            if self._repeat or not self.played:
                await self._send_all(socket)
                self.played += 1
            await socket.wait_closed()

    async def _send_all(self, socket: ServerConnection) -> None:
        loop = asyncio.get_running_loop()
        began_s, first_ns = loop.time(), None
        for number, frame in enumerate(read_frames(self._path)):
            if not is_stream_message(frame):
                continue
            first_ns = frame.received_ns if first_ns is None else first_ns
            if self._speed:
                due_s = began_s + (frame.received_ns - first_ns) / 1e9 / self._speed
                if due_s - loop.time() > LATE_MAX_S:
                    await asyncio.sleep(due_s - loop.time())
            elif number % FRAMES_A_TURN == 0:
                await asyncio.sleep(0)
            await socket.send(self._dated(frame))
            self.frames_sent += 1

    def _dated(self, frame: RecordedFrame) -> str:
        return frame.text if self._clock is None else redated(frame, self._clock.now_ns())

    def _answer_request(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None
        if self._rest_answer is None:
            return connection.respond(
                HTTPStatus.NOT_FOUND, f"expected a REST answer in {self._path.name}, found none\n"
            )
        body = self._dated(self._rest_answer).encode()
        headers = Headers(
            [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ]
        )
        return Response(HTTPStatus.OK, "OK", headers, body)


def port_of(server: Server) -> int:
    """Return the port that a server listens on."""
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m monitor.replay.recorded_feed",
        description="Play a raw websocket recording as the venue would send it.",
        epilog="example: python -m monitor.replay.recorded_feed btcusdt_20240808.gz --speed 10",
    )
    parser.add_argument("recording", type=Path, help="lines '<receive time, ns> <JSON>', or .gz")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=0, help="default: a free one, printed")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="1 as recorded (default), 10 faster, 0 unlimited"
    )
    parser.add_argument("--now", action="store_true", help="date the messages as of now")
    parser.add_argument("--repeat", action="store_true", help="play again for later clients")
    return parser


async def serve_until_cancelled(feed: RecordedFeed, host: str, port: int) -> None:
    """Serve, and say where."""
    async with feed.start(host=host, port=port) as server:
        print(f"ws://{host}:{port_of(server)}", flush=True)  # noqa: T201 - the command's answer
        await server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 interrupted, 1 failed, 2 wrong input."""
    options = argument_parser().parse_args(arguments)
    try:
        feed = RecordedFeed(
            options.recording,
            speed=options.speed,
            repeat=options.repeat,
            clock=Clock() if options.now else None,
        )
        asyncio.run(serve_until_cancelled(feed, options.host, options.port))
    except RecordingError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    except OSError as error:
        where = f"{options.host}:{options.port}"
        print(f"{where}: expected a free address, received {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
