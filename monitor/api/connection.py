"""One HTTP connection with limits that uvicorn does not have.

A client that opens a connection and never finishes its request, or that asks and never reads the
answer, would hold one of few places for ever: both are cut off.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEADERS_TIMEOUT_S = 5.0
"""How long a client may take to send its request."""
READ_TIMEOUT_S = 15.0
"""How long a client may leave an answer unread while we wait to send more."""


class BoundedConnection(H11Protocol):
    """uvicorn's protocol, with a deadline for the request and one for reading the answer."""

    _request_deadline: asyncio.TimerHandle | None = None
    _read_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._await_request()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; the deadline runs from its first part."""
        if not self._is_answering():
            self._await_request()
        super().data_received(data)
        if self._is_answering():
            self._stop_awaiting_request()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        if self._read_deadline is None:
            self._read_deadline = self.loop.call_later(READ_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._stop_awaiting_reader()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget both deadlines."""
        self._stop_awaiting_request()
        self._stop_awaiting_reader()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _await_request(self) -> None:
        if self._request_deadline is None:
            self._request_deadline = self.loop.call_later(HEADERS_TIMEOUT_S, self._close_unasked)

    def _stop_awaiting_request(self) -> None:
        if self._request_deadline is not None:
            self._request_deadline.cancel()
            self._request_deadline = None

    def _stop_awaiting_reader(self) -> None:
        if self._read_deadline is not None:
            self._read_deadline.cancel()
            self._read_deadline = None

    def _close_unasked(self) -> None:
        self._request_deadline = None
        if not self._is_answering():
            self.transport.close()
