"""A TCP proxy before Redis that spoils single writes: what a network does, on demand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Literal, TypeAlias

Fault: TypeAlias = Literal["lose_request", "lose_reply", "late"]
CHUNK_BYTES = 1 << 20
WRITE_VERB = b"EVALSHA"


class FaultProxy:
    """Passes everything on, but for the next write when a fault is armed.

    `lose_request`: it never arrives. `lose_reply`: it is carried out and nobody is told. `late`:
    the connection ends, and `deliver_late` lets it arrive afterwards.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._late: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.fault: Fault | None = None
        self.spoiled = 0
        self.port = 0

    @property
    def url(self) -> str:
        """Return the address for a client."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def serve(
        self, client: asyncio.StreamReader, client_writer: asyncio.StreamWriter
    ) -> None:
        """Carry one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        server, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        back = asyncio.create_task(_copy(server, client_writer))
        try:
            with contextlib.suppress(OSError):  # one side has gone: so does the other
                await self._forward(client, server_writer, back)
        finally:
            back.cancel()
            client_writer.close()
            server_writer.close()
            self._tasks.discard(task)

    async def deliver_late(self) -> int:
        """Let the writes that were held back arrive; return how many there were."""
        held, self._late = self._late, []
        for request in held:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._server_port)
            writer.write(request)
            await reader.read(CHUNK_BYTES)
            writer.close()
        return len(held)

    async def close(self) -> None:
        """End every connection."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _forward(
        self,
        client: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        back: "asyncio.Task[None]",
    ) -> None:
        while request := await client.read(CHUNK_BYTES):
            if self.fault is None or WRITE_VERB not in request:
                server.write(request)
                await server.drain()
                continue
            fault, self.fault = self.fault, None
            self.spoiled += 1
            if fault == "late":
                self._late.append(request)
            elif fault == "lose_reply":
                back.cancel()
                reader, writer = await asyncio.open_connection("127.0.0.1", self._server_port)
                writer.write(request)
                await reader.read(CHUNK_BYTES)  # carried out; the answer ends here
                writer.close()
            return


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while answer := await reader.read(CHUNK_BYTES):
            writer.write(answer)
            await writer.drain()


@contextlib.asynccontextmanager
async def proxied(port: int) -> AsyncIterator[FaultProxy]:
    """Give a proxy before a server's port."""
    proxy = FaultProxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
