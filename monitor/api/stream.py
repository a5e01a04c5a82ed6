"""/v1/stream: server-sent events to consoles, one rendering for all of them.

A follower first gets `hello` (everything), then a `step` each STEP_INTERVAL_S. Each follower has a
bounded queue; who does not keep up is cut off and comes back by itself, to a new `hello`.
"""

import asyncio

import msgspec
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from monitor.api.desk import Desk
from monitor.api.history import SAMPLE_INTERVAL_S

STEP_INTERVAL_S = 0.5
FOLLOWERS_MAX = 16
STEPS_QUEUED_MAX = 20
_RETRY = b"retry: 1000\n\n"
_CLIENTS = "loss_monitor_http_stream_clients"
_DROPPED = "loss_monitor_http_stream_dropped_total"


def message(event: str, record: msgspec.Struct) -> bytes:
    """Return one server-sent event; JSON has no line breaks, so it is one data line."""
    return b"event: " + event.encode() + b"\ndata: " + msgspec.json.encode(record) + b"\n\n"


class Follower:
    """One client's bounded queue; None in it ends the stream."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=STEPS_QUEUED_MAX)

    def offer(self, chunk: bytes) -> bool:
        """Queue a chunk; return False if the client is too slow for it."""
        if self.queue.full():
            return False
        self.queue.put_nowait(chunk)
        return True

    def end(self) -> None:
        """End the stream at once: what still waits is dropped."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class StreamHub:
    """All followers, and the loop that feeds them and the history."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.followers: set[Follower] = set()
        self._sample_sent = 0
        self._decision_sent = 0
        self._is_closed = False

    async def run(self) -> None:
        """Sample and step until cancelled."""
        steps_a_sample = max(1, round(SAMPLE_INTERVAL_S / STEP_INTERVAL_S))
        number = 0
        while True:
            if number % steps_a_sample == 0:
                self.desk.sample()
            self.step()
            number += 1
            await asyncio.sleep(STEP_INTERVAL_S)

    def step(self) -> None:
        """Send what is new to everybody; without followers only remember where they would be."""
        if self.followers:
            step = self.desk.step(
                after_sample=self._sample_sent, after_decision=self._decision_sent
            )
            chunk = message("step", step)
            for follower in list(self.followers):
                if not follower.offer(chunk):
                    self._drop(follower)
        self._sample_sent = self.desk.history.last_number
        self._decision_sent = self.desk.source.decisions.last_number

    def join(self) -> Follower | None:
        """Return a new follower that starts with `hello`; None when there are too many."""
        if self._is_closed or len(self.followers) >= FOLLOWERS_MAX:
            return None
        self.step()
        follower = Follower()
        follower.offer(_RETRY + message("hello", self.desk.hello()))
        self.followers.add(follower)
        self._measure()
        return follower

    def leave(self, follower: Follower) -> None:
        """Forget a follower."""
        self.followers.discard(follower)
        self._measure()

    def close(self) -> None:
        """End every stream."""
        self._is_closed = True
        for follower in list(self.followers):
            follower.end()

    def _drop(self, follower: Follower) -> None:
        follower.end()
        self.leave(follower)
        self.desk.source.measurements.increase(_DROPPED)

    def _measure(self) -> None:
        self.desk.source.measurements.set_to(_CLIENTS, len(self.followers))


class StreamResponse:
    """The response of /v1/stream."""

    def __init__(self, hub: StreamHub) -> None:
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send chunks until the client or the server ends it."""
        follower = self._hub.join()
        if follower is None:
            refusal = PlainTextResponse(
                f"expected at most {FOLLOWERS_MAX} followers of the stream, received one more\n",
                status_code=503,
                headers={"retry-after": "5"},
            )
            await refusal(scope, receive, send)
            return
        watch = asyncio.create_task(_end_on_disconnect(receive, follower))
        try:
            await _send_chunks(follower, send)
        finally:
            watch.cancel()
            self._hub.leave(follower)


async def _send_chunks(follower: Follower, send: Send) -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while (chunk := await follower.queue.get()) is not None:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _end_on_disconnect(receive: Receive, follower: Follower) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    follower.end()
