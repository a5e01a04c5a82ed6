"""A websocket that publishes reference prices the way Binance USD-M does.

Every client first sends its SUBSCRIBE request, gets `{"result": null, "id": ...}`, and from then
on `markPriceUpdate` frames of the streams it asked for, in the combined form. Other requests are
answered with an error, as the venue does.
"""

from contextlib import AbstractAsyncContextManager, suppress

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class Request(msgspec.Struct, frozen=True):
    """What a client asks for."""

    method: str = ""
    params: list[str] = []
    id: int | None = None


class ReferenceFeed:
    """The server; `publish` sends one round of prices to every subscriber."""

    def __init__(self) -> None:
        self._subscribers: dict[ServerConnection, set[str]] = {}
        self.frames_sent = 0

    def start(
        self, *, host: str = "127.0.0.1", port: int = 0
    ) -> AbstractAsyncContextManager[Server]:
        """Return the server, to be entered with `async with` (port 0: a free one)."""
        return serve(self._serve, host, port, compression=None)

    async def _serve(self, client: ServerConnection) -> None:
        try:
            async for message in client:
                await client.send(self._answer(client, message))
        except ConnectionClosed:
            return
        finally:
            self._subscribers.pop(client, None)

    def _answer(self, client: ServerConnection, message: str | bytes) -> str:
        try:
            request = msgspec.json.decode(message, type=Request)
        except msgspec.DecodeError as error:
            refusal = {"code": 2, "msg": f"expected a JSON request, received {error}"}
            return msgspec.json.encode({"error": refusal, "id": None}).decode()
        if request.method != "SUBSCRIBE":
            refusal = {"code": 2, "msg": f"expected SUBSCRIBE, received {request.method!r}"}
            return msgspec.json.encode({"error": refusal, "id": request.id}).decode()
        self._subscribers.setdefault(client, set()).update(request.params)
        return msgspec.json.encode({"result": None, "id": request.id}).decode()

    async def publish(self, event_ns: int, prices: dict[str, str]) -> None:
        """Send each symbol's price as mark and index; a slow client does not hold others up."""
        for symbol, price in prices.items():
            stream = f"{symbol.lower()}@markPrice@1s"
            frame = msgspec.json.encode(
                {
                    "stream": stream,
                    "data": {
                        "e": "markPriceUpdate",
                        "E": event_ns // 1_000_000,
                        "s": symbol,
                        "p": price,
                        "i": price,
                        "P": price,
                        "r": "0.00010000",
                        "T": (event_ns // 1_000_000) // 28_800_000 * 28_800_000 + 28_800_000,
                    },
                }
            ).decode()
            for client, streams in list(self._subscribers.items()):
                if stream in streams:
                    with suppress(ConnectionClosed):
                        await client.send(frame)
                        self.frames_sent += 1


def port_of(server: Server) -> int:
    """Return the port that a server listens on."""
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port
